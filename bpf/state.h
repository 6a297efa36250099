/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What the probe remembers: targets by network namespace, connections by socket address, the
 * counters and the bands.
 */
#ifndef SOCKLAT_STATE_H
#define SOCKLAT_STATE_H

/* Set by user space: which namespace is which target. */
struct target_key {
	u32 target;
	u32 port; /* the service's port, to tell server sockets found open; host byte order */
};
BPF_HASH(targets, u32, struct target_key, 64);

/* Set by user space: exchanges whose request arrived in [from_ns, to_ns) are recorded. */
struct window {
	u64 from_ns;
	u64 to_ns;
	u64 netns; /* owner of the slot: connections of an earlier owner are ignored */
};
BPF_ARRAY(windows, struct window, TARGET_MAX);

/* One connection of a target; every field belongs to the exchange under way, if any. */
struct connection {
	u64 rx_first_ns; /* 0: no exchange is open */
	u64 read_ns;
	u64 tx_first_ns; /* 0: not answered yet */
	u32 netns;
	u8 target;
	u8 overlapped;
	u16 pad;
};
/* Keyed by the socket's address; removed in tcp_destroy_sock, since addresses are reused. */
BPF_HASH(connections, u64, struct connection, MAX_CONNECTIONS);

struct counters {
	u64 value[COUNTER_COUNT];
};
BPF_PERCPU_ARRAY(counters, struct counters, TARGET_MAX);

struct band {
	u64 count;
	u64 sum_ns[STAGE_COUNT];
};
struct bands {
	struct band band[BAND_COUNT];
};
BPF_PERCPU_ARRAY(bands, struct bands, TARGET_MAX);

static inline void count(u32 target, u32 counter, u64 by)
{
	struct counters *c = counters.lookup(&target);

	if (c && counter < COUNTER_COUNT)
		__sync_fetch_and_add(&c->value[counter], by);
}

#endif
