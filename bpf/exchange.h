/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The life of an exchange: opened by its first payload byte, marked when read and responded to,
 * closed by the next request or the end of the connection, and only then recorded, once.
 */
#ifndef SOCKLAT_EXCHANGE_H
#define SOCKLAT_EXCHANGE_H

static inline struct band *band_of(u32 target, u64 response_ns)
{
	u32 index = log_linear_index(response_ns, BAND_SUB_BITS);
	struct bands *b = (struct bands *)bands.lookup(&target);

	if (!b)
		return NULL;
	/* Keeps each check before its use and in the same register, as the verifier wants it. */
	asm volatile("" : "+r"(index));
	if (index >= BAND_COUNT)
		return NULL;
	return &b->band[index];
}

static inline void warmup_add(u32 target, u64 response_ns)
{
	u32 index = log_linear_index(response_ns, BAND_SUB_BITS);
	struct warmup *w = (struct warmup *)warmups.lookup(&target);

	if (!w)
		return;
	asm volatile("" : "+r"(index));
	if (index < BAND_COUNT)
		__sync_fetch_and_add(&w->count[index], 1);
}

static inline void status_add(u32 target, u32 status)
{
	struct statuses *known = (struct statuses *)statuses.lookup(&target);

	if (!known)
		return;
	/* 0: the response began before statuses were looked at. */
	if (!status)
		status = HTTP_STATUS_UNKNOWN;
	asm volatile("" : "+r"(status));
	if (status < HTTP_STATUSES)
		__sync_fetch_and_add(&known->count[status], 1);
}

/* The window of this connection's target; none when the slot has another owner by now.  A slot that
 * several namespaces share has no connections of earlier ones: user space removes them. */
static inline struct window *window_of(struct connection *c)
{
	u32 target = c->target;
	struct window *w = windows.lookup(&target);

	return w && (w->netns == c->netns || !w->netns) ? w : NULL;
}

static inline bool owns_slot(struct connection *c)
{
	return window_of(c) != NULL;
}

static inline bool in_window(struct connection *c, u64 start_ns)
{
	struct window *w = window_of(c);

	return w && start_ns >= w->from_ns && start_ns < w->to_ns;
}

struct stages {
	u64 ns[BAND_STAGES];
	u32 measured; /* bit a stage */
	struct clamped cut;
};

#define STAGE_SET(s, stage, length_ns)                                 \
	do {                                                           \
		(s)->ns[stage] = clamp_duration(&(s)->cut, length_ns); \
		(s)->measured |= 1 << (stage);                         \
	} while (0)

/* `last_gap` in these counts up to 68 s. */
#define GAP_UNIT_NS 16
#define GAP_MAX 0xffffffffU

static inline u32 gap_between(u64 from_ns, u64 to_ns)
{
	u64 gap = to_ns > from_ns ? (to_ns - from_ns) / GAP_UNIT_NS : 0;

	return gap > GAP_MAX ? GAP_MAX : (u32)gap;
}

/* The last send was no part of the response: it was over with the one before. */
static inline void response_take_back(struct connection *c)
{
	if (!c->handed_ns || !c->last_gap)
		return; /* there was one send */
	c->handed_ns -= (u64)c->last_gap * GAP_UNIT_NS;
	if (c->handed_ns < c->tx_first_ns + GAP_UNIT_NS)
		c->handed_ns = 0; /* with the first send */
	c->last_gap = 0;
	c->acked_ns = 0; /* that of the last send */
}

static inline void exchange_clear(struct connection *c)
{
	c->rx_first_ns = 0;
	c->read_ns = 0;
	c->tx_first_ns = 0;
	c->tx_last_ns = 0;
	c->acked_ns = 0;
	if (c->handed_ns) {
		c->handed_ns = 0;
		c->last_gap = 0;
	}
	c->sending = 0;
	c->flags &= ~(FLAG_OVERLAPPED | FLAG_LONG | FLAG_LONG_TOO);
	/* Not of the line that every exchange writes (shared.h). */
	if (c->send_wait_ns | c->blocked_ns | c->rx_last_ns) {
		c->send_wait_ns = 0;
		c->blocked_ns = 0;
		c->rx_last_ns = 0;
	}
#ifdef DETAIL_FULL
	c->rx_stack_ns = 0;
	c->bridge_ns = 0;
	c->tx_stack_ns = 0;
#endif
}

static inline u32 window_flags(struct connection *c)
{
	struct window *w = window_of(c);

	return w ? (u32)w->flags : 0;
}

/* Whether an acknowledgement that came alone had most likely waited for the peer's timer: for the
 * next request, which did not come. */
static inline bool was_delayed(u64 sk, u64 deliver_ns)
{
	if (deliver_ns < DELAYED_ACK_FROM_NS)
		return false;
	deliver_ns -= shortest_round_trip_ns(sk);
	return deliver_ns >= DELAYED_ACK_FROM_NS && deliver_ns < DELAYED_ACK_TO_NS;
}

/* Records the open exchange, which has its response, and leaves the connection without one. */
static inline void exchange_record(u64 sk, struct connection *c)
{
	u32 target = c->target;
	struct window *w = window_of(c);
	struct stages s = {};
	struct band *b;

	if (!w)
		goto done;
	/* An exchange without a response is its connection's last. */
	if (w->flags & WINDOW_NAMED)
		c->ordinal++;
	if (c->rx_first_ns < w->from_ns || c->rx_first_ns >= w->to_ns) {
		count(target, COUNTER_FILTERED, 1);
		s.ns[STAGE_RESPONSE] = c->handed_ns ? c->handed_ns : c->tx_first_ns;
		warmup_add(target, clamp_duration(&s.cut, s.ns[STAGE_RESPONSE] - c->rx_first_ns));
		goto done;
	}
	STAGE_SET(&s, STAGE_RECV_WAIT, c->read_ns - c->rx_first_ns);
	STAGE_SET(&s, STAGE_APP, c->tx_first_ns - c->read_ns);
	/* Nearly always 0: user space counts the zeros (gate/socklat_gate/probe/tables.py). */
	if (c->handed_ns)
		STAGE_SET(&s, STAGE_RESPOND, c->handed_ns - c->tx_first_ns);
	if (c->send_wait_ns)
		STAGE_SET(&s, STAGE_SEND_WAIT, c->send_wait_ns);
	/* Sums, not further differences: they hold exactly. */
	STAGE_SET(&s, STAGE_SERVICE, s.ns[STAGE_RECV_WAIT] + s.ns[STAGE_APP]);
	STAGE_SET(&s, STAGE_RESPONSE, s.ns[STAGE_SERVICE] + s.ns[STAGE_RESPOND]);
	if (c->rx_last_ns)
		STAGE_SET(&s, STAGE_UPLOAD, c->rx_last_ns - c->rx_first_ns);
	/* On one host the ACK can be in before the send has returned: nothing was left. */
	if (c->tx_last_ns && c->acked_ns >= c->tx_last_ns &&
	    !was_delayed(sk, c->acked_ns - c->tx_last_ns))
		STAGE_SET(&s, STAGE_DELIVER, c->acked_ns - c->tx_last_ns);
	else
		/* Acknowledged with the peer's next words or by its timer, closed before that, or the
		 * next request came before the last send had returned. */
		count(target, COUNTER_UNACKED, 1);
#ifdef DETAIL_FULL
	if (c->rx_stack_ns)
		STAGE_SET(&s, STAGE_RX_STACK, c->rx_stack_ns);
	if (c->bridge_ns)
		STAGE_SET(&s, STAGE_BRIDGE, c->bridge_ns);
	if (c->tx_stack_ns)
		STAGE_SET(&s, STAGE_TX_STACK, c->tx_stack_ns);
#endif

	b = band_of(target, s.ns[STAGE_RESPONSE]);
#pragma unroll
	for (int stage = 0; stage < BAND_STAGES; stage++) {
		u64 length_ns = s.ns[stage];

		if (!(s.measured & (1 << stage)))
			continue;
		/* Where the compiler sees that nothing is added, it would do so by an atomic OR, which
		 * Linux has from 5.12 on. */
		asm volatile("" : "+r"(length_ns));
		histogram_add(target, stage, length_ns);
		if (b && stage >= SUM_STAGES)
			__sync_fetch_and_add(&b->sum_ns[stage - SUM_STAGES], length_ns);
	}
	count_clamped(target, &s.cut);
	if (w->flags & WINDOW_HTTP)
		status_add(target, c->status);
#ifdef STALLS
	if (is_logged(c->rx_first_ns, w->log_mask))
		log_add(sk, c, s.ns, s.measured, w->flags & WINDOW_NAMED);
#endif
	if (c->flags & FLAG_OVERLAPPED)
		count(target, COUNTER_OVERLAPPED, 1);
	if (w->spike_ns && s.ns[STAGE_RESPONSE] >= w->spike_ns)
		spike_send(sk, c, w, s.ns);
done:
	exchange_clear(c);
}

/* On a connection without an exchange. */
static inline void exchange_begin(struct connection *c, u64 now_ns)
{
	c->rx_first_ns = now_ns;
	c->flags &= ~FLAG_FRESH;
	/* A connection of the slot's earlier owner may live on; only with types the hooks know that
	 * its namespace is not watched any more (watched_connection_of). */
	if (owns_slot(c))
		count(c->target, COUNTER_SEEN, 1);
}

/* Leaves the connection without an exchange; one without a response is recorded by nobody. */
static inline void exchange_end(u64 sk, struct connection *c)
{
	if (c->tx_first_ns)
		exchange_record(sk, c);
	else
		exchange_clear(c);
}

#endif
