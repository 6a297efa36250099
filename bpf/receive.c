// SPDX-License-Identifier: GPL-2.0-only
/* The request: its segments reach the socket, the application reads. */

/* A server socket of a target that was open before the probe, or did not fit into the map. */
static inline struct connection *adopt(u64 sk, u64 skb)
{
	u32 netns = netns_of(sk);
	struct target_key *t = targets.lookup(&netns);

	if (!t || local_port_of(sk) != t->port || !brings_new_payload(sk, skb))
		return NULL;
	if (!track(sk, netns, t->target)) {
		count(t->target, COUNTER_SEEN, 1);
		count(t->target, COUNTER_DROPPED_MAP_FULL, 1);
		return NULL;
	}
	count(t->target, COUNTER_ADOPTED, 1);
	return connections.lookup(&sk);
}

static inline int segment(u64 sk, u64 skb)
{
	struct connection *c = connections.lookup(&sk);

	if (!c) {
		c = adopt(sk, skb);
		if (!c)
			return 0;
	} else if (!brings_new_payload(sk, skb)) {
		return 0;
	}
	if (c->rx_first_ns && !c->tx_first_ns) {
		/* More of the same request, or a second one before the first was answered. */
		if (c->read_ns)
			c->overlapped = 1;
		return 0;
	}
	exchange_open(c, bpf_ktime_get_ns());
	return 0;
}

/* raw tracepoint tcp_probe(const struct sock *sk, struct sk_buff *skb): fires at the entry of
 * tcp_rcv_established, for every segment, fast path and slow path alike.
 * kfunc tcp_rcv_established(struct sock *sk, struct sk_buff *skb): the same arguments' array. */
int on_segment(struct bpf_raw_tracepoint_args *ctx)
{
	return segment(ctx->args[0], ctx->args[1]);
}

/* kprobe tcp_rcv_established(struct sock *sk, struct sk_buff *skb) */
int on_segment_kprobe(struct pt_regs *ctx)
{
	return segment(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

/* raw tracepoint tcp_rcv_space_adjust(struct sock *sk): data was copied to the application. */
int on_read(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	struct connection *c = connections.lookup(&sk);

	if (c && c->rx_first_ns && !c->read_ns)
		c->read_ns = bpf_ktime_get_ns();
	return 0;
}
