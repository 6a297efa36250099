// SPDX-License-Identifier: GPL-2.0-only
/* Connections: established, found open, destroyed. */

/* Starts to track a socket of a target; false when the map is full. */
static inline bool track(u64 sk, u32 netns, u32 target)
{
	struct connection fresh = {};

	fresh.netns = netns;
	fresh.target = target;
	return connections.update(&sk, &fresh) == 0;
}

/* raw tracepoint inet_sock_set_state(const struct sock *sk, int oldstate, int newstate) */
int on_state(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	int from = (int)ctx->args[1], to = (int)ctx->args[2];
	struct connection *c;
	struct target_key *t;
	u32 netns;

	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		netns = netns_of(sk);
		t = targets.lookup(&netns);
		if (!t)
			return 0;
		count(t->target, COUNTER_CONNECTIONS, 1);
		/* When the map is full, the first payload segment counts the loss. */
		track(sk, netns, t->target);
		return 0;
	}
	if (from == TCP_ESTABLISHED) {
		/* A half-closed peer may still await its answer; an answered exchange is over. */
		c = connections.lookup(&sk);
		if (c && c->tx_first_ns)
			exchange_record(c);
	}
	return 0;
}

/* raw tracepoint tcp_destroy_sock(struct sock *sk) */
int on_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	struct connection *c = connections.lookup(&sk);
	struct window *w;
	u32 target;

	if (!c)
		return 0;
	target = c->target;
	w = windows.lookup(&target);
	if (c->tx_first_ns)
		exchange_record(c);
	else if (c->rx_first_ns && w && w->netns == c->netns)
		count(target, COUNTER_UNANSWERED, 1);
	connections.delete(&sk);
	return 0;
}

/* raw tracepoint tcp_retransmit_skb(const struct sock *sk, const struct sk_buff *skb, ...) */
int on_retransmit(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	struct connection *c = connections.lookup(&sk);

	if (c)
		count(c->target, COUNTER_RETRANSMITS, 1);
	return 0;
}
