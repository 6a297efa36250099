/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Every struct that user space reads or writes; layout.h has the numbers in them.
 * gate/socklat_gate/measured/c_structs.py reads this file and makes numpy's types of it, and each
 * compilation asserts that the compiler lays them out in the same way.  So nothing but structs of
 * sized integers, of arrays of them and of structs defined above, stands between the guards.
 */
#ifndef SOCKLAT_SHARED_H
#define SOCKLAT_SHARED_H

/* Which target a namespace, or a port in it, belongs to. */
struct target_key {
	u32 target;
	u16 shared; /* the namespace is shared (--network host): `services` tells whose socket it is */
	u16 apart; /* exchanges on other ports, and from inside, are told apart (internal.h) */
};

/* Exchanges whose request arrived in [from_ns, to_ns) are recorded. */
struct window {
	u64 from_ns;
	u64 to_ns;
	u64 netns;        /* owner of the slot, others are ignored; 0: several share it */
	u64 spike_ns;     /* exchanges this slow are sent up one by one; 0: none */
	u64 spike_budget; /* at most so many, counted down */
	u64 log_mask;     /* one exchange in so many more than this is logged */
	u64 flags;        /* WINDOW_... */
};

/* Devices at which packets enter a bridge: bit (ifindex % 512). */
struct device_bits {
	u64 word[8];
};

/* One connection of a target.  On a dependency socket the parts of an exchange are turned round:
 * tx_first opens, rx_first responds.
 *
 * A request is handled on up to three CPUs, and each line of memory that one of them writes must
 * travel to the next.  A hash element has 48 bytes ahead of its 8 bytes of key, so that here the
 * fields written in every exchange are one line of 64 bytes, and an element is three. */
struct connection {
	u64 established_ns;

	u64 rx_first_ns; /* 0: no exchange is open */
	u64 read_ns;
	u64 tx_first_ns; /* 0: no response yet */
	u64 tx_last_ns;  /* last send returned */
	u64 acked_ns;    /* the peer has acknowledged the last byte sent so far; ACKED_UNTIMED */
	u64 handed_ns;   /* last bytes were handed over; 0: with the first send */
	u32 last_seq;    /* sequence number after the last byte sent */
	u32 sending;     /* bytes that the send under way was given, SENDING_...; 0: none is */
	u32 netns;
	u8 target;
	u8 role;
	u8 flags;
	u8 response_cpu; /* that began the response; modulo 256 */

	/* A second line, written in exchanges that are out of the ordinary. */
	u64 send_wait_ns;
	u64 blocked_ns;  /* since when sending waits for room; 0: it does not */
	u64 rx_last_ns;  /* last segment of a request that came in pieces; 0: it did not */
	u64 process_ns;  /* since when a segment is being processed; 0: none is */
	u32 rx_stack_ns; /* of the first segment; 0: not known */
	u32 bridge_ns;
	u32 tx_stack_ns;
	u32 local_port;  /* the socket has none any more when it is destroyed */
	u32 status;      /* HTTP status of the last response that had one, HTTP_STATUS_FIRST less */
	u32 ordinal;     /* exchanges so far that have their response; WINDOW_NAMED */
	u32 request_seq; /* where the request begins; FLAG_AFTER_CONTROL */
	u32 last_gap;    /* between the response's last two hand-overs, in GAP_UNIT_NS */
};

struct counters {
	u64 value[COUNTER_COUNT];
};

struct histogram {
	u32 count[HIST_BUCKETS];
};

/* `response` of the warm-up, by band: the spike threshold comes from it. */
struct warmup {
	u32 count[BAND_COUNT];
};

/* The count of a band is in the histogram of `response`, whose buckets divide it. */
struct band {
	u64 sum_ns[BAND_SUMS];
};

struct bands {
	struct band band[BAND_COUNT];
};

/* Recorded exchanges by the HTTP status of their response, HTTP_STATUS_FIRST less. */
struct statuses {
	u64 count[HTTP_STATUSES];
};

/* Packets thrown away, by the kernel's reason. */
struct drops {
	u64 count[DROP_REASONS];
};

/* Ring `spikes`: one exchange with all its stages, and its peer. */
struct spike {
	u64 rx_first_ns;
	u64 ns[BAND_STAGES];
	u32 target;
	u32 cpu;
	u16 family;
	u16 peer_port; /* network byte order */
	u32 overlapped;
	u8 peer[16];
};

/* Ring `exchange_log`: an exchange to hold against the stalls. */
struct exchange {
	u64 rx_first_ns;
	u32 ns[BAND_STAGES]; /* longer ones as the largest number */
	u16 measured;        /* bit a stage */
	u8 target;
	u8 cpu;        /* that began the response; modulo 256 */
	u32 ordinal;   /* which one of its connection, from 1; 0 without WINDOW_NAMED */
	u16 peer_port; /* host byte order; 0 without WINDOW_NAMED */
	u16 netns;     /* whose: the low 16 bits of the namespace's inode */
};

/* Ring `stalls`: a CPU was not there for the services. */
struct stall {
	u64 from_ns;
	u64 to_ns;
	u32 cpu;
	u32 cause; /* CAUSE_... */
};

/* What is known of a CPU where stalls are watched. */
struct cpu_watch {
	u64 seen_ns;   /* last seen running */
	u64 stolen_ns; /* by the hypervisor's account, at the last switch */
	u64 late_ns;   /* by late ticks since then */
	u64 since_ns;  /* the present thread runs since */
	u64 unsent;    /* stalls that found no room */
};

#endif
