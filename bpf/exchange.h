/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The life of an exchange: opened by its first payload byte, marked when read and answered,
 * closed by the next request or the end of the connection, and only then recorded, once.
 */
#ifndef SOCKLAT_EXCHANGE_H
#define SOCKLAT_EXCHANGE_H

/* end - start, or 0 and a count when the clock seems to have run backwards between CPUs. */
static inline u64 elapsed(u32 target, u64 start_ns, u64 end_ns)
{
	u64 length_ns = end_ns - start_ns;

	if (end_ns < start_ns) {
		count(target, COUNTER_CLAMPED_CLOCK, 1);
		return 0;
	}
	return length_ns;
}

static inline u64 in_range(u32 target, u64 value_ns)
{
	if (value_ns >> HIST_MAX_BITS) {
		count(target, COUNTER_CLAMPED_RANGE, 1);
		return (1ULL << HIST_MAX_BITS) - 1;
	}
	return value_ns;
}

static inline void band_add(u32 target, u64 service_ns, u64 recv_wait_ns, u64 app_ns)
{
	struct bands *b = bands.lookup(&target);
	u32 index = log_linear_index(service_ns, BAND_SUB_BITS);

	if (!b || index >= BAND_COUNT)
		return;
	__sync_fetch_and_add(&b->band[index].count, 1);
	__sync_fetch_and_add(&b->band[index].sum_ns[STAGE_SERVICE], service_ns);
	__sync_fetch_and_add(&b->band[index].sum_ns[STAGE_RECV_WAIT], recv_wait_ns);
	__sync_fetch_and_add(&b->band[index].sum_ns[STAGE_APP], app_ns);
}

/* Records an answered exchange and leaves the connection without one. */
static inline void exchange_record(struct connection *c)
{
	u32 target = c->target;
	struct window *w = windows.lookup(&target);
	u64 recv_wait_ns, app_ns;

	if (!w || w->netns != c->netns)
		goto done;
	if (c->rx_first_ns < w->from_ns || c->rx_first_ns >= w->to_ns) {
		count(target, COUNTER_FILTERED, 1);
		goto done;
	}
	recv_wait_ns = in_range(target, elapsed(target, c->rx_first_ns, c->read_ns));
	app_ns = in_range(target, elapsed(target, c->read_ns, c->tx_first_ns));
	/* The sum, not a third difference: service = recv_wait + app holds exactly. */
	histogram_add(target, STAGE_SERVICE, in_range(target, recv_wait_ns + app_ns));
	histogram_add(target, STAGE_RECV_WAIT, recv_wait_ns);
	histogram_add(target, STAGE_APP, app_ns);
	band_add(target, recv_wait_ns + app_ns, recv_wait_ns, app_ns);
	count(target, COUNTER_RECORDED, 1);
	if (c->overlapped)
		count(target, COUNTER_OVERLAPPED, 1);
done:
	c->rx_first_ns = 0;
	c->read_ns = 0;
	c->tx_first_ns = 0;
	c->overlapped = 0;
}

static inline void exchange_open(struct connection *c, u64 now_ns)
{
	if (c->tx_first_ns)
		exchange_record(c);
	c->rx_first_ns = now_ns;
	c->read_ns = 0;
	c->tx_first_ns = 0;
	c->overlapped = 0;
	count(c->target, COUNTER_SEEN, 1);
}

#endif
