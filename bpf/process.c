// SPDX-License-Identifier: GPL-2.0-only
/* Receive processing: tcp_v4_do_rcv and tcp_v6_do_rcv from entry to return, where return probes
 * attach.  The socket's lock lets one segment in at a time, so the connection keeps the start. */

static inline int process_begin(u64 sk)
{
	struct connection *c = connection_of(sk);

	if (c)
		c->process_ns = bpf_ktime_get_ns();
	return 0;
}

static inline int process_end(u64 sk)
{
	struct connection *c = connection_of(sk);
	u64 from_ns;

	if (!c || !c->process_ns)
		return 0;
	from_ns = c->process_ns;
	c->process_ns = 0;
	if (in_window(c, from_ns))
		stage_add(c->target, STAGE_RX_PROCESS, from_ns, bpf_ktime_get_ns());
	return 0;
}

/* kfunc and kretfunc tcp_v4_do_rcv(struct sock *sk, struct sk_buff *skb), and tcp_v6_do_rcv */
int process_on_entry(struct bpf_raw_tracepoint_args *ctx)
{
	return process_begin(ctx->args[0]);
}

int process_on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return process_end(ctx->args[0]);
}

/* A kretprobe does not see the arguments: the sockets wait here.  A thread that works off what had
 * waited for its socket is interrupted by a softirq with a segment of another, hence two. */
struct processing {
	u64 sk;
	u64 outer;
};
BPF_TABLE("lru_hash", u64, struct processing, segments_in_process, 4096);

/* Threads may move to another CPU meanwhile; the idle ones all have number 0, but stay. */
static inline u64 this_thread(void)
{
	u64 thread = bpf_get_current_pid_tgid();

	return thread ? thread : 1ULL << 63 | bpf_get_smp_processor_id();
}

/* kprobe and kretprobe of the same */
int process_on_entry_kprobe(struct pt_regs *ctx)
{
	u64 thread = this_thread();
	struct processing *under_way = segments_in_process.lookup(&thread), p = {};

	/* Every socket's, a target's or not: the returns come in the reverse order of the entries. */
	p.sk = PT_REGS_PARM1(ctx);
	if (under_way)
		p.outer = under_way->sk;
	segments_in_process.update(&thread, &p);
	return process_begin(p.sk);
}

int process_on_exit_kretprobe(struct pt_regs *ctx)
{
	u64 thread = this_thread(), sk;
	struct processing *p = segments_in_process.lookup(&thread);

	if (!p)
		return 0;
	sk = p->sk;
	if (p->outer) {
		p->sk = p->outer;
		p->outer = 0;
	} else {
		segments_in_process.delete(&thread);
	}
	return process_end(sk);
}
