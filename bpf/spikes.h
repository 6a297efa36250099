/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Spikes: exchanges of the threshold or longer, counted, and sent up one by one within a budget.
 */
#ifndef SOCKLAT_SPIKES_H
#define SOCKLAT_SPIKES_H

BPF_RINGBUF_OUTPUT(spikes, 64);

static inline void spike_send(u64 sk, struct connection *c, struct window *w, u64 *ns)
{
	struct spike *up;
	u32 target = c->target;

	count(target, COUNTER_SPIKES, 1);
	/* An atomic addition that returns something needs Linux 5.12: as many spikes more than the
	 * budget as there are CPUs may go up. */
	if ((s64)w->spike_budget <= 0)
		return;
	__sync_fetch_and_add(&w->spike_budget, -1);
	up = spikes.ringbuf_reserve(sizeof(*up));
	if (!up)
		return;
	up->rx_first_ns = c->rx_first_ns;
	for (int i = 0; i < BAND_STAGES; i++)
		up->ns[i] = ns[i];
	up->target = target;
	up->cpu = bpf_get_smp_processor_id();
	up->family = READ(u16, sk, AT(sock_common, skc_family));
	up->peer_port = READ(u16, sk, AT(sock_common, skc_dport));
	up->overlapped = c->flags & FLAG_OVERLAPPED;
	__builtin_memset(up->peer, 0, sizeof(up->peer));
	if (up->family == AF_INET)
		bpf_probe_read_kernel(up->peer, 4, (void *)(sk + AT(sock_common, skc_daddr)));
	else
		bpf_probe_read_kernel(up->peer, 16, (void *)(sk + AT(sock_common, skc_v6_daddr)));
	spikes.ringbuf_submit(up, 0);
	count(target, COUNTER_SPIKES_SENT, 1);
}

#endif
