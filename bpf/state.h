/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What the probe remembers: targets by network namespace, connections by socket address, the
 * counters and the bands.
 */
#ifndef SOCKLAT_STATE_H
#define SOCKLAT_STATE_H

/* Set by user space: which namespace is which target, keyed by its inode. */
BPF_HASH(targets, u64, struct target_key, NAMESPACE_MAX);

/* Set by user space: the ports that a target serves, keyed by inode | port << 32. */
BPF_HASH(services, u64, struct target_key, SERVICE_MAX);

/* Set by user space. */
BPF_ARRAY(windows, struct window, TARGET_MAX);

#define ROLE_SERVER 0
#define ROLE_DEPENDENCY 1
/* Where the target's exchanges are told apart from others in its namespace (internal.h): */
#define ROLE_INTERNAL 2 /* accepted on a port that the target does not serve */
#define ROLE_LOCAL 3    /* accepted on one that it serves, from inside the namespace */
#define ROLE_INNER 4    /* connected to a port of the namespace, where its time is measured */

#define FLAG_OVERLAPPED 1
#define FLAG_FRESH 2 /* no request was seen yet */
#define FLAG_ACCEPTED 4
#define FLAG_ADOPTED 8
#define FLAG_SHUT 16 /* this side has sent its FIN */
/* Control bytes came, and nothing was read yet of a request after them: what is sent responds to
 * those. */
#define FLAG_AFTER_CONTROL 32

/* The open exchange's request has LONG_DSFIELD, or LONG_TOO_DSFIELD. */
#define FLAG_LONG 64
#define FLAG_LONG_TOO 128

/* The response is acknowledged, by a segment that tells no time: it carried what its sender had to
 * say next, and may have waited for that. */
#define ACKED_UNTIMED 1

/* What `sending` says besides the number of bytes, which is 0 where it is not known. */
#define SENDING_LONG 0x80000000    /* they did not fit into the send buffer when the send began */
#define SENDING_REFIRES 0x40000000 /* the hook fires again during this send */
#define SENDING_PEER_CLOSED 0x20000000 /* the peer's FIN has come during this send */
#define SENDING_BYTES 0x1fffffff

/* Keyed by the socket's address; removed in tcp_destroy_sock, since addresses are reused. */
BPF_HASH(connections, u64, struct connection, MAX_CONNECTIONS);

BPF_PERCPU_ARRAY(counters, struct counters, TARGET_MAX);

AS_BYTES(warmup);
BPF_PERCPU_ARRAY(warmups, struct warmup_bytes, TARGET_MAX);

AS_BYTES(statuses);
BPF_PERCPU_ARRAY(statuses, struct statuses_bytes, TARGET_MAX);

AS_BYTES(bands);
BPF_PERCPU_ARRAY(bands, struct bands_bytes, TARGET_MAX);

/* Set by user space: bit (inode % WATCHED_BITS) is set when a watched namespace has such an inode.
 * Most sockets of a machine are nobody's target, and a bit is cheaper than a hash. */
BPF_ARRAY(watched, u64, (WATCHED_BITS / 64));

static inline bool may_be_watched(u32 netns)
{
	u32 word = netns % WATCHED_BITS / 64;
	u64 *bits = watched.lookup(&word);

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
