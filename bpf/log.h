/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The log: one record for each exchange, so that user space can hold it against the stalls, which
 * it knows only afterwards.  With -DSTALLS only.
 */
#ifndef SOCKLAT_LOG_H
#define SOCKLAT_LOG_H

#ifdef STALLS
BPF_RINGBUF_OUTPUT(exchange_log, LOG_RING_PAGES);

/* One exchange in (mask + 1), a power of 2, chosen by the last digits of the clock. */
static inline bool is_logged(u64 rx_first_ns, u64 mask)
{
	return !(rx_first_ns >> 4 & mask);
}

static inline void log_add(u64 sk, struct connection *c, u64 *ns, u32 measured, bool named)
{
	u32 target = c->target;
	struct exchange *up = exchange_log.ringbuf_reserve(sizeof(*up));

	if (!up) {
		count(target, COUNTER_LOG_LOST, 1);
		return;
	}
	up->rx_first_ns = c->rx_first_ns;
#pragma unroll
	for (int i = 0; i < BAND_STAGES; i++)
		up->ns[i] = ns[i] > 0xffffffff ? 0xffffffff : (u32)ns[i];
	up->measured = (u16)measured;
	up->target = (u8)target;
	up->cpu = c->response_cpu;
	up->ordinal = 0;
	up->peer_port = 0;
	up->netns = (u16)c->netns;
	if (named) {
		up->ordinal = c->ordinal;
		up->peer_port = __builtin_bswap16(LOAD(u16, sk, AT(sock_common, skc_dport)));
	}
	exchange_log.ringbuf_submit(up, BPF_RB_NO_WAKEUP);
}
#endif

#endif
