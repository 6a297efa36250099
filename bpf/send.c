// SPDX-License-Identifier: GPL-2.0-only
/* The answer enters tcp_sendmsg. */

static inline int send(u64 sk)
{
	struct connection *c = connections.lookup(&sk);

	if (!c || !c->rx_first_ns || c->tx_first_ns)
		return 0;
	if (!c->read_ns) {
		/* Nothing of this request was read yet: these bytes answer an earlier one. */
		c->overlapped = 1;
		count(c->target, COUNTER_UNREAD, 1);
		return 0;
	}
	c->tx_first_ns = bpf_ktime_get_ns();
	return 0;
}

/* raw tracepoint tcp_sendmsg_locked(const struct sock *sk, const struct msghdr *msg, ...), 6.16+:
 * fires before bytes are copied, once a loop; only the first after a read counts.
 * kfunc tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size): the same arguments' array. */
int on_send(struct bpf_raw_tracepoint_args *ctx)
{
	return send(ctx->args[0]);
}

/* kprobe tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size) */
int on_send_kprobe(struct pt_regs *ctx)
{
	return send(PT_REGS_PARM1(ctx));
}
