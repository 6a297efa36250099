/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Log-linear histograms, one whole histogram a map slot, one copy a CPU.  The index rule is
 * gate/histogram.py's: b = max(0, floor(log2 v) - sub_bits), index = (b << sub_bits) + (v >> b).
 */
#ifndef SOCKLAT_HISTOGRAM_H
#define SOCKLAT_HISTOGRAM_H

struct histogram {
	u32 count[HIST_BUCKETS];
};

/* Slot of a target's stage: target * STAGE_COUNT + stage. */
BPF_PERCPU_ARRAY(histograms, struct histogram, TARGET_MAX * STAGE_COUNT);

/* BPF has no count-leading-zeros instruction; 36 bits need six steps. */
static inline u32 floor_log2(u64 v)
{
	u32 log = 0;

	if (v >> 32) { v >>= 32; log += 32; }
	if (v >> 16) { v >>= 16; log += 16; }
	if (v >> 8) { v >>= 8; log += 8; }
	if (v >> 4) { v >>= 4; log += 4; }
	if (v >> 2) { v >>= 2; log += 2; }
	if (v >> 1) { log += 1; }
	return log;
}

static inline u32 log_linear_index(u64 v, u32 sub_bits)
{
	u32 log = floor_log2(v);
	u32 shift = log > sub_bits ? log - sub_bits : 0;

	return (shift << sub_bits) + (u32)(v >> shift);
}

/* Atomic, because a softirq may record on this CPU in the middle of a task's recording. */
static inline void histogram_add(u32 target, u32 stage, u64 value_ns)
{
	u32 slot = target * STAGE_COUNT + stage;
	struct histogram *h = histograms.lookup(&slot);
	u32 index = log_linear_index(value_ns, HIST_SUB_BITS);

	if (!h || index >= HIST_BUCKETS)
		return;
	__sync_fetch_and_add(&h->count[index], 1);
}

#endif
