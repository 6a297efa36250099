// SPDX-License-Identifier: GPL-2.0-only
/* Receive processing: tcp_v4_do_rcv and tcp_v6_do_rcv from entry to return, where return probes
 * attach. */

struct processing {
	u64 sk;
	u64 at_ns;
};
BPF_PERCPU_ARRAY(processings, struct processing, 1);

static inline int process_begins(u64 sk)
{
	u32 zero = 0;
	struct processing *p;

	if (!connection_of(sk))
		return 0;
	p = processings.lookup(&zero);
	if (p) {
		p->sk = sk;
		p->at_ns = bpf_ktime_get_ns();
	}
	return 0;
}

static inline int process_ends(void)
{
	u32 zero = 0;
	struct processing *p = processings.lookup(&zero);
	struct connection *c;
	u64 sk;

	if (!p || !p->sk)
		return 0;
	sk = p->sk;
	p->sk = 0;
	c = connection_of(sk);
	if (c && in_window(c, p->at_ns))
		stage_add(c->target, STAGE_RX_PROCESS, p->at_ns, bpf_ktime_get_ns());
	return 0;
}

/* kprobe tcp_v4_do_rcv(struct sock *sk, struct sk_buff *skb), and tcp_v6_do_rcv */
int on_process_kprobe(struct pt_regs *ctx)
{
	return process_begins(PT_REGS_PARM1(ctx));
}

int on_process_kretprobe(struct pt_regs *ctx)
{
	return process_ends();
}

/* kfunc and kretfunc of the same */
int on_process(struct bpf_raw_tracepoint_args *ctx)
{
	return process_begins(ctx->args[0]);
}

int on_process_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return process_ends();
}
