// SPDX-License-Identifier: GPL-2.0-only
/* What the probe is made of, one thing a program: on_nothing is the base of all differences. */
#include <uapi/linux/ptrace.h>

struct value {
	u64 word[17];
};
BPF_HASH(hash, u64, struct value, 16384);
BPF_ARRAY(array, u64, 1);
BPF_PERCPU_ARRAY(per_cpu, u64, 1);

static inline int keep(u64 value)
{
	u32 zero = 0;
	u64 *kept = array.lookup(&zero);

	if (kept)
		*kept = value;
	return 0;
}

int on_nothing(struct bpf_raw_tracepoint_args *ctx)
{
	return keep(0);
}

int on_clock(struct bpf_raw_tracepoint_args *ctx)
{
	return keep(bpf_ktime_get_ns());
}

int on_lookup(struct bpf_raw_tracepoint_args *ctx)
{
	u64 key = ctx->args[0];

	return keep(hash.lookup(&key) != 0);
}

int on_read(struct bpf_raw_tracepoint_args *ctx)
{
	u32 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (const void *)ctx->args[0]);
	return keep(value);
}

int on_add(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	u64 *sum = per_cpu.lookup(&zero);

	if (sum) {
		/* Ten, so that the lookup is the smaller part. */
#pragma unroll
		for (int i = 0; i < 10; i++)
			__sync_fetch_and_add(sum, 1);
	}
	return keep(0);
}
