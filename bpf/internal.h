/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Exchanges in a target's namespace that are not the service's: those on other ports (the server
 * behind a proxy, a metrics endpoint) and those on its own port that were asked for from inside (a
 * health check).  From the request's first byte to the last send of the response; recorded when the
 * next request comes or the connection ends.
 */
#ifndef SOCKLAT_INTERNAL_H
#define SOCKLAT_INTERNAL_H

/* Keyed by target | port << 32. */
BPF_HASH(internal_histograms, u64, struct histogram_bytes, INTERNAL_PORTS);
BPF_ARRAY(empty_histogram, struct histogram_bytes, 1);

/* What a connection by which the two ends have their addresses in one namespace looks like. */
static inline bool is_inside(u64 sk)
{
	union {
		u8 byte[16];
		u64 word[2];
	} own = {}, peer = {};

	if (READ(u16, sk, AT(sock_common, skc_family)) == AF_INET) {
		own.word[0] = READ(u32, sk, AT(sock_common, skc_rcv_saddr));
		peer.word[0] = READ(u32, sk, AT(sock_common, skc_daddr));
		return own.word[0] == peer.word[0] || own.byte[0] == 127 || peer.byte[0] == 127;
	}
	bpf_probe_read_kernel(&own, 16, (void *)(sk + AT(sock_common, skc_v6_rcv_saddr)));
	bpf_probe_read_kernel(&peer, 16, (void *)(sk + AT(sock_common, skc_v6_daddr)));
	if (own.word[0] == peer.word[0] && own.word[1] == peer.word[1])
		return true;
	if (own.word[0])
		return false;
	/* ::1, or ::ffff:127.0.0.0/104 */
	return own.byte[10] ? own.byte[12] == 127 : own.byte[15] == 1;
}

/* The role of a socket that the target accepted, on a port that it serves or on another. */
static inline u8 accepted_role(u64 sk, struct target_key *t, bool served)
{
	if (!t->apart)
		return ROLE_SERVER;
	if (!served)
		return ROLE_INTERNAL;
	return is_inside(sk) ? ROLE_LOCAL : ROLE_SERVER;
}

/* The role of one that it connected. */
static inline u8 connected_role(u64 sk, struct target_key *t)
{
	return t->apart && is_inside(sk) ? ROLE_INNER : ROLE_DEPENDENCY;
}

/* The role of one that was found open: ports below the ephemeral ones are a listener's. */
static inline u8 found_role(u64 sk, struct target_key *t, bool served)
{
	if (served || (t->apart && local_port_of(sk) < FIRST_EPHEMERAL_PORT))
		return accepted_role(sk, t, served);
	return connected_role(sk, t);
}

/* On a connection of ROLE_INTERNAL or ROLE_LOCAL whose request has its response. */
static inline void internal_record(struct connection *c)
{
	u64 key = c->target | (u64)c->local_port << 32, length_ns;
	struct clamped cut = {};
	struct histogram *h;
	u32 index, zero = 0;
	void *empty;

	if (!in_window(c, c->rx_first_ns))
		return;
	if (c->role == ROLE_LOCAL) {
		count(c->target, COUNTER_LOCAL, 1);
		return;
	}
	count(c->target, COUNTER_INTERNAL, 1);
	length_ns = clamp_duration(&cut, c->tx_last_ns - c->rx_first_ns);
	count_clamped(c->target, &cut);
	histogram_add(c->target, STAGE_INTERNAL, length_ns);
	h = (struct histogram *)internal_histograms.lookup(&key);
	if (!h) {
		empty = empty_histogram.lookup(&zero);
		if (!empty)
			return;
		internal_histograms.insert(&key, empty);
		h = (struct histogram *)internal_histograms.lookup(&key);
	}
	index = log_linear_index(length_ns, HIST_SUB_BITS);
	/* More ports than there is room for are in the stage's histogram alone. */
	if (h && index < HIST_BUCKETS)
		__sync_fetch_and_add(&h->count[index], 1);
}

/* Payload came in. */
static inline void internal_request(struct connection *c, u64 now_ns)
{
	if (c->tx_last_ns)
		internal_record(c);
	else if (c->rx_first_ns)
		return; /* more of the same request */
	c->rx_first_ns = now_ns;
	c->tx_last_ns = 0;
}

/* Payload goes out: at the entry of each send, so that the peer's receive path is not in it. */
static inline void internal_response(struct connection *c)
{
	if (c->rx_first_ns)
		c->tx_last_ns = bpf_ktime_get_ns();
}

#endif
