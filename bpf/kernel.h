/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Reading the kernel's structures without its headers.  User space scans these files for
 * AT(struct, field), looks each offset up in the running kernel's BTF and writes offsets.h.
 */
#ifndef SOCKLAT_KERNEL_H
#define SOCKLAT_KERNEL_H

#include <offsets.h>

#define AT(type, field) OFFSETOF_##type##__##field

/* One value of the given C type at base + offset; zero when the address cannot be read. */
#define READ(ctype, base, offset)                                                                  \
	({                                                                                         \
		ctype value_ = 0;                                                                  \
		bpf_probe_read_kernel(&value_, sizeof(value_), (const void *)((base) + (offset))); \
		value_;                                                                            \
	})

/* enum of include/net/tcp_states.h: part of the kernel's user interface, stable. */
#define TCP_ESTABLISHED 1
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7

/* TCPHDR_FIN of include/net/tcp.h: the bit on the wire. */
#define TCP_FLAG_FIN 0x01

static inline u32 netns_of(u64 sk)
{
	u64 net = READ(u64, sk, AT(sock_common, skc_net));

	return READ(u32, net, AT(net, ns) + AT(ns_common, inum));
}

static inline u16 local_port_of(u64 sk)
{
	return READ(u16, sk, AT(sock_common, skc_num));
}

/* Whether a segment brings bytes that the socket has not received yet. */
static inline bool brings_new_payload(u64 sk, u64 skb)
{
	u64 cb = skb + AT(sk_buff, cb);
	u32 seq = READ(u32, cb, AT(tcp_skb_cb, seq));
	u32 end_seq = READ(u32, cb, AT(tcp_skb_cb, end_seq));
	u32 rcv_nxt;

	if (seq == end_seq)
		return false;
	/* The FIN takes one sequence number of its own. */
	if (READ(u8, cb, AT(tcp_skb_cb, tcp_flags)) & TCP_FLAG_FIN)
		end_seq--;
	rcv_nxt = READ(u32, sk, AT(tcp_sock, rcv_nxt));
	/* Retransmitted bytes and keepalive probes lie wholly before rcv_nxt. */
	return (s32)(end_seq - seq) > 0 && (s32)(end_seq - rcv_nxt) > 0;
}

#endif
