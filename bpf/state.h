/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What the probe remembers: targets by network namespace, connections by socket address, the
 * counters and the bands.
 */
#ifndef SOCKLAT_STATE_H
#define SOCKLAT_STATE_H

/* Set by user space: which namespace is which target, keyed by its inode. */
struct target_key {
	u32 target;
	u32 shared; /* the namespace is shared (--network host): `services` tells whose socket it is */
};
BPF_HASH(targets, u64, struct target_key, 64);

/* Set by user space: the ports that a target serves, keyed by inode | port << 32. */
BPF_HASH(services, u64, struct target_key, 256);

/* Set by user space: exchanges whose request arrived in [from_ns, to_ns) are recorded. */
struct window {
	u64 from_ns;
	u64 to_ns;
	u64 netns;         /* owner of the slot: connections of an earlier owner are ignored */
	u64 spike_ns;      /* exchanges this slow are sent up one by one; 0: none */
	u64 spike_budget;  /* at most so many, counted down */
	u64 log_mask;      /* one exchange in so many more than this is logged */
};
BPF_ARRAY(windows, struct window, TARGET_MAX);

#define ROLE_SERVER 0
#define ROLE_DEPENDENCY 1

#define FLAG_OVERLAPPED 1
#define FLAG_FRESH 2      /* no request was seen yet */
#define FLAG_ACCEPTED 4
#define FLAG_ADOPTED 8
#define FLAG_SHUT 16      /* this side has sent its FIN */

/* One connection of a target.  On a dependency socket the parts of an exchange are turned round:
 * tx_first opens, rx_first answers.
 *
 * A request is handled on up to three CPUs, and each line of memory that one of them writes must
 * travel to the next.  A hash element has 48 bytes ahead of its 8 bytes of key, so that here the
 * fields written in every exchange are one line of 64 bytes, and an element is three. */
struct connection {
	u64 established_ns;

	u64 rx_first_ns;   /* 0: no exchange is open */
	u64 read_ns;
	u64 tx_first_ns;   /* 0: not answered yet */
	u64 tx_last_ns;    /* last send returned */
	u64 acked_ns;      /* the peer has acknowledged the last byte sent so far */
	u64 blocked_ns;    /* since when sending waits for room; 0: it does not */
	u32 last_seq;      /* sequence number after the last byte sent */
	u32 sending;       /* bytes that the send under way was given; 0: not known */
	u32 netns;
	u8 target;
	u8 role;
	u8 flags;
	u8 cpu;            /* that began the answer; modulo 256 */

	u64 send_wait_ns;
	u64 process_ns;    /* since when a segment is being processed; 0: none is */
	u32 rx_stack_ns;   /* of the first segment; 0: not known */
	u32 bridge_ns;
	u32 tx_stack_ns;
	u32 unused[9];
};
/* Keyed by the socket's address; removed in tcp_destroy_sock, since addresses are reused. */
BPF_HASH(connections, u64, struct connection, MAX_CONNECTIONS);

struct counters {
	u64 value[COUNTER_COUNT];
};
BPF_PERCPU_ARRAY(counters, struct counters, TARGET_MAX);

/* Service latency of the warm-up, by band: the spike threshold comes from it. */
struct warmup {
	u32 count[BAND_COUNT];
};
AS_BYTES(warmup);
BPF_PERCPU_ARRAY(warmups, struct warmup_bytes, TARGET_MAX);

/* The count of a band is in the histogram of `service`, whose buckets divide it. */
struct band {
	u64 sum_ns[BAND_STAGES];
};
struct bands {
	struct band band[BAND_COUNT];
};
AS_BYTES(bands);
BPF_PERCPU_ARRAY(bands, struct bands_bytes, TARGET_MAX);

/* Set by user space: bit (inode % 64) is set when a watched namespace has such an inode.  Most
 * sockets of a machine are nobody's target, and a bit is cheaper than a hash. */
BPF_ARRAY(watched, u64, 1);

static inline bool may_be_watched(u32 netns)
{
	u32 zero = 0;
	u64 *bits = watched.lookup(&zero);

	return bits && *bits >> (netns & 63) & 1;
}

static inline struct connection *connection_of(u64 sk)
{
	return connections.lookup(&sk);
}

/* The same for hooks that every socket of the machine passes with every packet: none when the
 * socket's namespace is not watched, even if it was earlier.  Without types the look at the
 * namespace costs as much as the hash. */
static inline struct connection *watched_connection_of(u64 sk)
{
#ifdef TYPED
	if (!may_be_watched(netns_of(sk)))
		return NULL;
#endif
	return connections.lookup(&sk);
}

static inline void count(u32 target, u32 counter, u64 by)
{
	struct counters *c = counters.lookup(&target);

	if (c && counter < COUNTER_COUNT)
		__sync_fetch_and_add(&c->value[counter], by);
}

static inline struct target_key *served_by(u64 sk, u32 netns)
{
	u64 key = netns | (u64)local_port_of(sk) << 32;

	return services.lookup(&key);
}

/* The target that a socket belongs to, by its own namespace (and port where that is shared). */
static inline struct target_key *target_of(u64 sk, u32 netns, bool server)
{
	u64 key = netns;
	struct target_key *t = targets.lookup(&key);

	if (!t || !t->shared)
		return t;
	return server ? served_by(sk, netns) : NULL;
}

#endif
