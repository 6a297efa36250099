// SPDX-License-Identifier: GPL-2.0-only
/* The request: its segments reach the socket, the application reads. */

/* A socket of a target that was open before the probe, or did not fit into the map.  Its port
 * shows which side it is. */
static inline struct connection *rx_track_existing(u64 sk, u64 skb, struct segment *s)
{
	u32 netns = netns_of(sk);
	u64 key = netns;
	struct target_key *t, *served;
	u8 role;

	/* Most segments on a machine belong to no target, and end here. */
	if (!may_be_watched(netns))
		return NULL;
	t = targets.lookup(&key);
	if (!t)
		return NULL;
	served = served_by(sk, netns);
	if (t->shared)
		t = served;
	if (!t)
		return NULL;
	segment_of(skb, s);
	if (!brings_new_payload(sk, s))
		return NULL;
	role = found_role(sk, t, served != NULL);
	if (!conn_track(sk, netns, t->target, role, FLAG_ADOPTED, 0)) {
		if (role == ROLE_SERVER) {
			count(t->target, COUNTER_SEEN, 1);
			count(t->target, COUNTER_DROPPED_MAP_FULL, 1);
		}
		return NULL;
	}
	if (role <= ROLE_DEPENDENCY)
		count(t->target, COUNTER_ADOPTED, 1);
	return connection_of(sk);
}

static inline void rx_dependency_response(struct connection *c, u64 now_ns)
{
	u32 target = c->target;

	if (!c->tx_first_ns || c->rx_first_ns)
		return;
	c->rx_first_ns = now_ns;
	if (!in_window(c, c->tx_first_ns))
		return;
	stage_add(target, STAGE_DEPEND, c->tx_first_ns, now_ns);
	count(target, COUNTER_DEPEND_EXCHANGES, 1);
}

static inline int rx_segment(u64 sk, u64 skb)
{
	struct connection *c = watched_connection_of(sk);
	struct segment s;
	bool control, marks;
	u8 length = 0;
	u64 now_ns;

	if (!c) {
		c = rx_track_existing(sk, skb, &s);
		if (!c)
			return 0;
		now_ns = bpf_ktime_get_ns();
	} else {
		now_ns = bpf_ktime_get_ns();
		segment_of(skb, &s);
		/* Any segment may bring the acknowledgement of the last byte sent. */
		if (c->tx_last_ns && !c->acked_ns && seq_reached(s.ack_seq, c->last_seq))
			c->acked_ns = s.bare ? now_ns : ACKED_UNTIMED;
		if (!brings_new_payload(sk, &s))
			return 0;
	}
	if (c->role != ROLE_SERVER) {
		if (c->role == ROLE_DEPENDENCY)
			rx_dependency_response(c, now_ns);
		else if (c->role != ROLE_INNER)
			internal_request(c, now_ns);
		return 0;
	}
	marks = s.dsfield & ~DSFIELD_ECN && window_flags(c) & WINDOW_MARKED;
	control = marks && is_marked(&s);
	if (control) {
		c->flags &= ~FLAG_FRESH; /* else reading them would open an exchange */
		if (is_in_flight(&s))
			return 0;
	}
	if (marks && is_long(&s)) {
		length = is_long_too(&s) ? FLAG_LONG_TOO : FLAG_LONG;
		/* More of the same, though the service has sent something. */
		if (c->rx_first_ns && c->tx_first_ns && c->flags & length)
			return 0;
	}
	if (c->rx_first_ns && !c->tx_first_ns) {
		/* More of the same request.  If it is a second one, the sends will tell. */
		if (!control)
			c->rx_last_ns = now_ns;
		return 0;
	}
	if (control && is_after_response(&s))
		response_take_back(c);
	exchange_end(sk, c);
	if (control) {
		/* What the service sends from now on is no part of a response. */
		c->flags |= FLAG_AFTER_CONTROL;
		return 0;
	}
	exchange_begin(c, now_ns);
	if (length)
		c->flags |= length;
	if (c->flags & FLAG_AFTER_CONTROL)
		c->request_seq = s.seq;
#ifdef DETAIL_FULL
	attach_rx_path(c, skb, now_ns);
#endif
	return 0;
}

/* raw tracepoint tcp_probe(const struct sock *sk, struct sk_buff *skb): fires at the entry of
 * tcp_rcv_established, for every segment, fast path and slow path alike.
 * kfunc tcp_rcv_established(struct sock *sk, struct sk_buff *skb): the same arguments' array. */
int rx_on_segment(struct bpf_raw_tracepoint_args *ctx)
{
	return rx_segment(ctx->args[0], ctx->args[1]);
}

#ifndef TYPED
/* kprobe tcp_rcv_established(struct sock *sk, struct sk_buff *skb) */
int rx_on_segment_kprobe(struct pt_regs *ctx)
{
	return rx_segment(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}
#endif

/* Whether the application has read beyond the control bytes that came before the request. */
static inline bool rx_reached_request(u64 sk, struct connection *c)
{
	u64 tcp = tcp_of(sk);

	return tcp && !seq_reached(c->request_seq, LOAD(u32, tcp, AT(tcp_sock, copied_seq)));
}

/* raw tracepoint tcp_rcv_space_adjust(struct sock *sk): data was copied to the application. */
int rx_on_read(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	struct connection *c = watched_connection_of(sk);

	if (!c || c->role != ROLE_SERVER)
		return 0;
	/* Bytes on the handshake's last ACK (deferred accept, fast open) pass no hook of ours: they
	 * came with the connection. */
	if (!c->rx_first_ns && c->flags & FLAG_FRESH && !(window_flags(c) & WINDOW_MARKED))
		exchange_begin(c, c->established_ns);
	if (c->rx_first_ns && c->flags & FLAG_AFTER_CONTROL) {
		if (!rx_reached_request(sk, c))
			return 0;
		c->flags &= ~FLAG_AFTER_CONTROL;
	}
	if (c->rx_first_ns && !c->read_ns)
		c->read_ns = bpf_ktime_get_ns();
	else if (c->tx_first_ns && !(window_flags(c) & WINDOW_ONE_OUTSTANDING))
		/* The response had begun while bytes that came before it lay unread: a second request.
		 * Where there can be none, it began before the whole request was read. */
		c->flags |= FLAG_OVERLAPPED;
	return 0;
}
