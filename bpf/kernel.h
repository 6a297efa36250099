/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Reading the kernel's structures without its headers.  User space scans these files for
 * AT(struct, field), looks each offset up in the running kernel's BTF and writes offsets.h.
 */
#ifndef SOCKLAT_KERNEL_H
#define SOCKLAT_KERNEL_H

#include <offsets.h>

#define AT(type, field) OFFSETOF_##type##__##field
/* Whether this kernel has the field; one that is asked for may be missing. */
#define HAS(type, field) HAS_##type##__##field

/* The value of an enum's member; ENUM_MISSING where this kernel has none of that name. */
#define ENUM(type, name) ENUM_##type##__##name
#define ENUM_MISSING 255

/* One value of the given C type at base + offset; zero when the address cannot be read. */
#define READ(ctype, base, offset)                                                                  \
	({                                                                                         \
		ctype value_ = 0;                                                                  \
		bpf_probe_read_kernel(&value_, sizeof(value_), (const void *)((base) + (offset))); \
		value_;                                                                            \
	})

/* The same where base is a pointer argument of a tracing program, or was loaded from one: there
 * (-DTYPED) the verifier knows what it points to and lets the program load directly, which is
 * several times cheaper.  Programs at kprobes have no types: these are compiled without. */
#ifdef TYPED
#define LOAD(ctype, base, offset) (*(ctype *)((base) + (offset)))
#else
#define LOAD READ
#endif

/* enum of include/net/tcp_states.h: part of the kernel's user interface, stable. */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8

/* TCPHDR_FIN and TCPHDR_SYN of include/net/tcp.h: the bits on the wire. */
#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02

#define DSFIELD_ECN 0x03 /* INET_ECN_MASK of include/net/inet_ecn.h */

#define EAGAIN 11
#define AF_INET 2                  /* include/linux/socket.h */
#define FIRST_EPHEMERAL_PORT 32768 /* net.ipv4.ip_local_port_range, unless set otherwise */
#define PF_KTHREAD 0x00200000      /* include/linux/sched.h */
#define SCHED_IDLE 5               /* include/uapi/linux/sched.h */
#define PURE_ACK_TRUESIZE 2 /* skb_set_tcp_pure_ack() of include/net/tcp.h: how TCP marks one */
#define SEGMENT_BYTES 32    /* of tcp_skb_cb, from its start; the rest is not needed */
#define LOOPBACK_IFINDEX 1  /* include/net/flow.h: the same in every namespace */

static inline u32 netns_of(u64 sk)
{
	u64 net = LOAD(u64, sk, AT(sock_common, skc_net));

	return LOAD(u32, net, AT(net, ns) + AT(ns_common, inum));
}

static inline u16 local_port_of(u64 sk)
{
	return LOAD(u16, sk, AT(sock_common, skc_num));
}

/* Whether the sequence number a is at or after b. */
static inline bool seq_reached(u32 a, u32 b)
{
	return (s32)(a - b) >= 0;
}

/* What the probe wants of a received segment, all from its tcp_skb_cb. */
struct segment {
	u32 seq;
	u32 end_seq; /* after the last payload byte */
	u32 ack_seq;
	u8 dsfield; /* of its IP header */
	bool bare;  /* nothing but an acknowledgement */
};

/* The fields lie within 32 bytes on every kernel: one read instead of four. */
static inline void segment_of(u64 skb, struct segment *s)
{
#ifdef TYPED
	u64 cb = skb + AT(sk_buff, cb);
	u8 flags = *(u8 *)(cb + AT(tcp_skb_cb, tcp_flags));

	s->dsfield = *(u8 *)(cb + AT(tcp_skb_cb, ip_dsfield));
#else
	u8 cb[SEGMENT_BYTES], flags;

	bpf_probe_read_kernel(cb, sizeof(cb), (const void *)(skb + AT(sk_buff, cb)));
	flags = cb[AT(tcp_skb_cb, tcp_flags)];
	s->dsfield = cb[AT(tcp_skb_cb, ip_dsfield)];
#endif
	s->seq = *(u32 *)(cb + AT(tcp_skb_cb, seq));
	s->end_seq = *(u32 *)(cb + AT(tcp_skb_cb, end_seq));
	s->ack_seq = *(u32 *)(cb + AT(tcp_skb_cb, ack_seq));
	s->bare = s->seq == s->end_seq;
	/* FIN and SYN take one sequence number of their own; a SYN comes to an open connection when its
	 * client's port is used again before the old one's RST is here. */
	if (flags & (TCP_FLAG_FIN | TCP_FLAG_SYN))
		s->end_seq--;
}

/* The socket as one whose tcp_sock fields can be loaded; 0 when it is none. */
static inline u64 tcp_of(u64 sk)
{
#ifdef TYPED
	return (u64)bpf_skc_to_tcp_sock((void *)sk);
#else
	return sk;
#endif
}

/* Whether a segment brings bytes that the socket has not received yet. */
static inline bool brings_new_payload(u64 sk, struct segment *s)
{
	u64 tcp;

	if (seq_reached(s->seq, s->end_seq))
		return false;
	tcp = tcp_of(sk);
	/* Retransmitted bytes and keepalive probes lie wholly before rcv_nxt. */
	return tcp && !seq_reached(LOAD(u32, tcp, AT(tcp_sock, rcv_nxt)), s->end_seq);
}

/* Whether it has one of the DS fields of control bytes; ECN has the last two bits. */
static inline bool is_marked(struct segment *s)
{
	u8 apart = (CONTROL_DSFIELD ^ CONTROL_IN_FLIGHT_DSFIELD) |
	           (CONTROL_DSFIELD ^ CONTROL_AFTER_DSFIELD); /* two bits */

	return (s->dsfield & ~DSFIELD_ECN & ~apart) == (CONTROL_DSFIELD & ~apart);
}

static inline bool is_in_flight(struct segment *s)
{
	return (s->dsfield & ~DSFIELD_ECN) == CONTROL_IN_FLIGHT_DSFIELD;
}

static inline bool is_after_response(struct segment *s)
{
	return (s->dsfield & ~DSFIELD_ECN) == CONTROL_AFTER_DSFIELD;
}

/* Whether it is of a request that does not fit into one segment. */
static inline bool is_long(struct segment *s)
{
	return (s->dsfield & ~DSFIELD_ECN & ~(LONG_DSFIELD ^ LONG_TOO_DSFIELD)) ==
	       (LONG_DSFIELD & LONG_TOO_DSFIELD);
}

static inline bool is_long_too(struct segment *s)
{
	return (s->dsfield & ~DSFIELD_ECN) == LONG_TOO_DSFIELD;
}

/* Bytes of room in the send buffer; without any the next tcp_sendmsg waits or returns EAGAIN. */
static inline s64 send_room(u64 sk)
{
	return (s64)LOAD(s32, sk, AT(sock, sk_sndbuf)) - LOAD(s32, sk, AT(sock, sk_wmem_queued));
}

/* The connection's shortest round trip by now; 0 when none was measured. */
static inline u64 shortest_round_trip_ns(u64 sk)
{
	u32 us = READ(u32, sk, AT(tcp_sock, rtt_min) + AT(minmax, s) + AT(minmax_sample, v));

	return us == 0xffffffff ? 0 : us * 1000ULL;
}

#endif
