/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Log-linear histograms, one whole histogram a map slot, one copy a CPU or (SHARED_FIRST) one for
 * all.  The index rule is that of gate/socklat_gate/measured/histogram.py:
 * b = max(0, floor(log2 v) - sub_bits), index = (b << sub_bits) + (v >> b).
 */
#ifndef SOCKLAT_HISTOGRAM_H
#define SOCKLAT_HISTOGRAM_H

AS_BYTES(histogram);

/* Slots are numbered target by target, in the order of the stages that each map holds. */
BPF_PERCPU_ARRAY(histograms, struct histogram_bytes, (TARGET_MAX * (STAGE_COUNT - SHARED_STAGES)));
BPF_ARRAY(shared_histograms, struct histogram_bytes, (TARGET_MAX * SHARED_STAGES));

/* 1 for any x in 1 .. 2^63 - 1, 0 for 0.  In assembly, so that the compiler makes no branch of it:
 * the verifier walks every combination of the branches in a program. */
static inline u64 nonzero(u64 x)
{
	asm volatile("%0 = -%0" : "+r"(x));
	return x >> 63;
}

/* BPF has no count-leading-zeros instruction; 36 bits need six steps.  v is not 0. */
static inline u32 floor_log2(u64 v)
{
	u32 log = 0, step;

	/* clang-format off */
	step = nonzero(v >> 32) << 5; v >>= step; log += step;
	step = nonzero(v >> 16) << 4; v >>= step; log += step;
	step = nonzero(v >> 8) << 3; v >>= step; log += step;
	step = nonzero(v >> 4) << 2; v >>= step; log += step;
	step = nonzero(v >> 2) << 1; v >>= step; log += step;
	/* clang-format on */
	return log + (u32)nonzero(v >> 1);
}

static inline u32 log_linear_index(u64 v, u32 sub_bits)
{
	u32 shift = floor_log2(v | (1ULL << sub_bits)) - sub_bits;

	return (shift << sub_bits) + (u32)(v >> shift);
}

/* Atomic, because a softirq may record on this CPU in the middle of a task's recording. */
static inline void histogram_add(u32 target, u32 stage, u64 value_ns)
{
	u32 index = log_linear_index(value_ns, HIST_SUB_BITS), slot;
	struct histogram *h;

	if (stage >= SHARED_FIRST && stage < SHARED_FIRST + SHARED_STAGES) {
		slot = target * SHARED_STAGES + stage - SHARED_FIRST;
		h = (struct histogram *)shared_histograms.lookup(&slot);
	} else {
		slot = target * (STAGE_COUNT - SHARED_STAGES) + stage;
		if (stage > SHARED_FIRST)
			slot -= SHARED_STAGES;
		h = (struct histogram *)histograms.lookup(&slot);
	}
	if (!h || index >= HIST_BUCKETS)
		return;
	__sync_fetch_and_add(&h->count[index], 1);
}

#endif
