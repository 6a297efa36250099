/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The numbers shared with user space, where gate/socklat_gate/measured/bpf_layout.py reads every
 * `#define NAME number` below: the only place where a geometry, a stage or a counter is numbered.
 */
#ifndef SOCKLAT_LAYOUT_H
#define SOCKLAT_LAYOUT_H

/* A map's large value, declared to BCC as bytes: for every number in a value it would generate code
 * to print and to parse it, which nothing here uses and which takes longer than all the rest. */
#define AS_BYTES(type)                          \
	struct type##_bytes {                   \
		char byte[sizeof(struct type)]; \
	}

/* Log-linear histogram: the bucket indices of an HdrHistogram with 2 significant digits. */
#define HIST_SUB_BITS 7   /* 128 sub-buckets an octave: error <= 0.78% */
#define HIST_BUCKETS 3840 /* values below 2^36 ns = 68.7 s; larger ones are clamped, counted */
#define HIST_MAX_BITS 36

/* Bands: 8 an octave over the same range; band index by the same rule with 3 sub-bits. */
#define BAND_SUB_BITS 3
#define BAND_COUNT 272 /* (36 - 3) octaves * 8 + 8 */

/* Stages, in the order of the histogram slots of a target.  The first BAND_STAGES belong to one
 * exchange and are summed in its band; the first SUM_STAGES of them are sums of others, which user
 * space adds up again:  service = recv_wait + app,  response = service + respond. */
#define STAGE_RESPONSE 0
#define STAGE_SERVICE 1
#define STAGE_RECV_WAIT 2
#define STAGE_APP 3
#define STAGE_RESPOND 4
#define STAGE_SEND_WAIT 5
#define STAGE_DELIVER 6
#define STAGE_RX_STACK 7
#define STAGE_BRIDGE 8
#define STAGE_TX_STACK 9
#define STAGE_UPLOAD 10
#define STAGE_ACCEPT_WAIT 11
#define STAGE_DEPEND 12
#define STAGE_DEPEND_CONNECT 13
#define STAGE_ESTABLISHED 14
#define STAGE_INTERNAL 15
#define STAGE_RUNQ 16
#define STAGE_RX_PROCESS 17
#define STAGE_COUNT 18
#define BAND_STAGES 11
#define SUM_STAGES 2
#define BAND_SUMS 9 /* the others */

/* Uploads and the stages of connections and dependencies are rarer than exchanges: their histograms
 * have one copy for all CPUs, which at 64 CPUs saves a third of the memory. */
#define SHARED_FIRST 10
#define SHARED_STAGES 6

/* Other ports of the targets' namespaces whose exchanges have a histogram of their own. */
#define INTERNAL_PORTS 32

/* How a packet enters a bridge: received by a port, or sent by this host through the bridge. */
#define ENTERS_BY_PORT 1
#define ENTERS_BY_BRIDGE 2

/* Time that a CPU was not there: one tick each TICK_NS, late when TICK_LATE_NS past due; by the
 * hypervisor's account from STOLEN_LEAST_NS on; another process from INTERFERENCE_LEAST_NS on. */
#define TICK_NS 500000
#define TICK_LATE_NS 100000
#define STOLEN_LEAST_NS 20000
#define INTERFERENCE_LEAST_NS 300000
/* Room for seconds of them where the CPUs are overbooked, and whoever fetches them waits too. */
#define STALL_RING_PAGES 256
#define CAUSE_LATE_TICK 0
#define CAUSE_STEAL 1
#define CAUSE_INTERFERENCE 2

/* The log of exchanges: so many pages hold 29,000 of them until user space comes for them. */
#define LOG_RING_PAGES 512

/* What the window says of the driver: it keeps one request outstanding on a connection; its
 * responses may be plain HTTP/1, whose first bytes are then looked at; its requests have names, so that
 * each logged exchange says which one of its connection it is; it begins every connection with
 * control bytes, and marks those. */
#define WINDOW_ONE_OUTSTANDING 1
#define WINDOW_HTTP 2
#define WINDOW_NAMED 4
#define WINDOW_MARKED 8

/* Control bytes of the driver's are no part of a request: a TLS handshake, the preface of HTTP/2,
 * acknowledgements.  Their segments have a DS field of their own (RFC 2474: DSCP 3, 7 and 11, for
 * local use): one where no request is in flight, so that a response which has begun is over, one in
 * the middle of a request or response, and one that replies to what the service sent when its
 * response was over, such as a PING: that send was no part of it.
 *
 * A request that does not fit into one segment has one of two more, which take turns (DSCP 19 and
 * 23): what the service sends before the whole request is there, such as a window update, then
 * makes no second one of the rest. */
#define CONTROL_DSFIELD 12
#define CONTROL_IN_FLIGHT_DSFIELD 28
#define CONTROL_AFTER_DSFIELD 44
#define LONG_DSFIELD 76
#define LONG_TOO_DSFIELD 92

/* HTTP statuses counted: 100 to 599, and one number for a response whose status is not known. */
#define HTTP_STATUS_FIRST 100
#define HTTP_STATUS_UNKNOWN 500
#define HTTP_STATUSES 501

/* The longest interim response (status 1xx) whose end is looked for. */
#define INTERIM_BYTES 512

/* An acknowledgement that comes alone this long after the response, the connection's shortest round
 * trip apart, is taken for one that the peer's timer (40 ms) had delayed. */
#define DELAYED_ACK_FROM_NS 34000000
#define DELAYED_ACK_TO_NS 50000000

/* Drop reasons kept apart, by the number of enum skb_drop_reason; larger ones share the last. */
#define DROP_REASONS 128

/* Targets a probe can hold at once, unless more are asked for; and the most that can be. */
#ifndef TARGET_MAX
#define TARGET_MAX 4
#endif
#define TARGET_LIMIT 64
_Static_assert(TARGET_MAX <= TARGET_LIMIT, "more targets than a probe can hold");

/* Network namespaces and ports that can be watched at once: more than targets, since many namespaces
 * can share a slot.  So many bits say at first sight that one is not watched: with 68 namespaces one
 * in 60 of the others is looked up in vain. */
#define NAMESPACE_MAX 256
#define SERVICE_MAX 512
#define WATCHED_BITS 4096

/* Counters of a target.  Recorded exchanges are those of the histogram of `response`. */
#define COUNTER_CONNECTIONS 0      /* accepted while the probe watched */
#define COUNTER_ADOPTED 1          /* connections found open, without their handshake */
#define COUNTER_SEEN 2             /* exchanges opened, the untrackable included */
#define COUNTER_FILTERED 3         /* outside the measured window (warm-up) */
#define COUNTER_NO_RESPONSE 4      /* closed before a response was sent */
#define COUNTER_DROPPED_MAP_FULL 5 /* no room for the connection's state */
#define COUNTER_CLAMPED_CLOCK 6    /* a stage came out negative; recorded as 0 */
#define COUNTER_CLAMPED_RANGE 7    /* a stage beyond the histogram; recorded in the last bucket */
#define COUNTER_OVERLAPPED 8       /* requests overlapped: stages are approximate there */
#define COUNTER_RETRANSMITS 9
#define COUNTER_UNREAD 10           /* sends before anything of the open request was read */
#define COUNTER_UNACKED 11          /* recorded without `deliver` */
#define COUNTER_SPIKES 12           /* exchanges at or above the spike threshold */
#define COUNTER_SPIKES_SENT 13      /* of these, sent up one by one */
#define COUNTER_DEPENDENCIES 14     /* connections that the target opened */
#define COUNTER_DEPEND_EXCHANGES 15 /* responses on dependency sockets, in the window */
#define COUNTER_BYTES_RX 16         /* of connections that ended */
#define COUNTER_BYTES_TX 17
#define COUNTER_RESETS_SENT 18
#define COUNTER_RESETS_RECEIVED 19
#define COUNTER_LOG_LOST 20 /* exchanges that found no room in the log */
#define COUNTER_INTERNAL 21 /* exchanges on other ports of the namespace, in the window */
#define COUNTER_LOCAL 22    /* on a port served, asked for from inside, in the window */
#define COUNTER_COUNT 23

#endif
