// SPDX-License-Identifier: GPL-2.0-only
/* The response: it enters tcp_sendmsg, waits for room, is handed over. */

/* `size` is what the caller wants to send in this call, where the hook knows it, else 0. */
static inline int tx_begin_send(u64 sk, u64 size)
{
	struct connection *c = watched_connection_of(sk);
	u64 now_ns;

	if (!c)
		return 0;
	if (c->role > ROLE_DEPENDENCY) {
		internal_response(c);
		return 0;
	}
	if (c->role == ROLE_DEPENDENCY) {
		/* A request to the dependency: the first one, or the first after a response. */
		if (!c->tx_first_ns || c->rx_first_ns) {
			c->tx_first_ns = bpf_ktime_get_ns();
			c->rx_first_ns = 0;
		}
		return 0;
	}
	if (!c->rx_first_ns)
		return 0; /* the service sends first: there is no request */
	if (!c->tx_first_ns) {
		if (!c->read_ns) {
			/* Nothing of this request was read yet: these bytes respond to an earlier one. */
			c->flags |= FLAG_OVERLAPPED;
			count(c->target, COUNTER_UNREAD, 1);
			return 0;
		}
		c->tx_first_ns = bpf_ktime_get_ns();
		c->sending = (u32)size;
#ifdef STALLS
		c->response_cpu = (u8)bpf_get_smp_processor_id();
#endif
		return 0;
	}
	c->sending = (u32)size;
	/* Further bytes of the response: only they can find the send buffer full with it. */
	if (send_room(sk)) {
		if (c->blocked_ns) {
			now_ns = bpf_ktime_get_ns();
			c->send_wait_ns += now_ns - c->blocked_ns;
			c->blocked_ns = 0;
		}
	} else if (!c->blocked_ns) {
		c->blocked_ns = bpf_ktime_get_ns();
	}
	return 0;
}

/* raw tracepoint tcp_sendmsg_locked(const struct sock *sk, const struct msghdr *msg, ...), 6.16+:
 * fires before bytes are copied, once a loop, also after each wait for room.
 * kfunc tcp_sendpage(struct sock *sk, ...): the same arguments' array. */
int tx_on_send(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_begin_send(ctx->args[0], 0);
}

/* kfunc tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size) */
int tx_on_send_entry(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_begin_send(ctx->args[0], ctx->args[2]);
}

#ifndef TYPED
/* kprobe tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size) */
int tx_on_send_kprobe(struct pt_regs *ctx)
{
	return tx_begin_send(PT_REGS_PARM1(ctx), PT_REGS_PARM3(ctx));
}

/* kprobe tcp_sendpage(struct sock *sk, ...) */
int tx_on_send_page_kprobe(struct pt_regs *ctx)
{
	return tx_begin_send(PT_REGS_PARM1(ctx), 0);
}
#endif

/* Before 6.16 no hook fires inside a send that waits: a short one begins a wait, a whole one ends
 * it. */
static inline void tx_room_by_result(struct connection *c, s32 result)
{
	if ((u32)result < c->sending) {
		if (!c->blocked_ns)
			c->blocked_ns = c->tx_last_ns;
	} else if (c->blocked_ns) {
		c->send_wait_ns += c->tx_last_ns - c->blocked_ns;
		c->blocked_ns = 0;
	}
}

static inline int tx_end_send(u64 sk, s32 result)
{
	struct connection *c = watched_connection_of(sk);
	u64 tcp;

	if (!c || c->role != ROLE_SERVER || !c->tx_first_ns)
		return 0;
	if (result > 0) {
		tcp = tcp_of(sk);
		if (!tcp)
			return 0;
		c->tx_last_ns = bpf_ktime_get_ns();
		if (c->sending)
			tx_room_by_result(c, result);
		c->last_seq = LOAD(u32, tcp, AT(tcp_sock, write_seq));
		c->acked_ns = 0;
		if (seq_reached(LOAD(u32, tcp, AT(tcp_sock, snd_una)), c->last_seq))
			c->acked_ns = c->tx_last_ns;
	} else if (result == -EAGAIN && !c->blocked_ns) {
		c->blocked_ns = bpf_ktime_get_ns();
	}
	return 0;
}

/* raw tracepoint sock_send_length(struct sock *sk, int ret, int flags), 6.3+ */
int tx_on_sent(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_end_send(ctx->args[0], (s32)ctx->args[1]);
}

/* kretfunc tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size) -> int */
int tx_on_sent_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_end_send(ctx->args[0], (s32)ctx->args[3]);
}

/* kretfunc tcp_sendpage(struct sock *sk, struct page *page, int offset, size_t size, int flags) */
int tx_on_sent_page_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_end_send(ctx->args[0], (s32)ctx->args[5]);
}

#ifndef TYPED
/* A kretprobe does not see the arguments: the socket waits here, keyed by thread. */
BPF_TABLE("lru_hash", u64, u64, sends_in_flight, 4096);

/* kprobe and kretprobe tcp_sendmsg, tcp_sendpage */
int tx_on_sent_kprobe(struct pt_regs *ctx)
{
	u64 thread = bpf_get_current_pid_tgid(), sk = PT_REGS_PARM1(ctx);

	if (connection_of(sk))
		sends_in_flight.update(&thread, &sk);
	return 0;
}

int tx_on_sent_kretprobe(struct pt_regs *ctx)
{
	u64 thread = bpf_get_current_pid_tgid();
	u64 *sk = sends_in_flight.lookup(&thread);

	if (!sk)
		return 0;
	tx_end_send(*sk, (s32)PT_REGS_RC(ctx));
	sends_in_flight.delete(&thread);
	return 0;
}
#endif
