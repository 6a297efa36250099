/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Durations that fit the histograms, and a count of those that had to be clamped.
 */
#ifndef SOCKLAT_DURATIONS_H
#define SOCKLAT_DURATIONS_H

/* What was cut off while durations were taken; counted once at the end. */
struct clamped {
	u64 clock;
	u64 range;
};

/* A duration that fits the histograms, without a branch (see nonzero): 0 when the clock seems to
 * have run backwards between CPUs, the largest value when it is beyond them. */
static inline u64 clamp_duration(struct clamped *cut, u64 length_ns)
{
	u64 backwards = length_ns >> 63, beyond;

	length_ns &= backwards - 1;
	beyond = nonzero(length_ns >> HIST_MAX_BITS);
	cut->clock += backwards;
	cut->range += beyond;
	return (length_ns | (0 - beyond)) & ((1ULL << HIST_MAX_BITS) - 1);
}

static inline void count_clamped(u32 target, struct clamped *cut)
{
	if (cut->clock)
		count(target, COUNTER_CLAMPED_CLOCK, cut->clock);
	if (cut->range)
		count(target, COUNTER_CLAMPED_RANGE, cut->range);
}

/* A stage of a connection rather than of an exchange: not tied to the window. */
static inline void stage_add(u32 target, u32 stage, u64 start_ns, u64 end_ns)
{
	struct clamped cut = {};

	histogram_add(target, stage, clamp_duration(&cut, end_ns - start_ns));
	count_clamped(target, &cut);
}

#endif
