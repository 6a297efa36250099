// SPDX-License-Identifier: GPL-2.0-only
/* Does nothing: what the kernel's own accounting (bpf_stats) adds to each run of any program. */
int on_nothing(struct bpf_raw_tracepoint_args *ctx)
{
	return 0;
}
