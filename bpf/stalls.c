// SPDX-License-Identifier: GPL-2.0-only
/* Stolen time: a tick that came late on a CPU that was not idle.  The hypervisor (or firmware) had
 * the CPU meanwhile, or the kernel kept interrupts off. */

/* When this CPU was last seen running. */
BPF_PERCPU_ARRAY(ticks, u64, 1);

/* gate/probe/stalls.py reads it. */
struct stall {
	u64 from_ns;
	u64 to_ns;
	u64 cpu;
};
BPF_RINGBUF_OUTPUT(stalls, STALL_RING_PAGES);

/* perf event, software cpu-clock: every TICK_NS on each CPU; an idle one may get none. */
int on_tick(void *ctx)
{
	u64 now_ns = bpf_ktime_get_ns(), last_ns;
	struct stall *up;
	u32 zero = 0;
	u64 *seen_ns = ticks.lookup(&zero);

	if (!seen_ns)
		return 0;
	last_ns = *seen_ns;
	*seen_ns = now_ns;
	if (!last_ns || now_ns < last_ns + TICK_NS + TICK_LATE_NS)
		return 0;
	up = stalls.ringbuf_reserve(sizeof(*up));
	if (!up)
		return 0;
	/* The tick was due one period after the last, so not before that was the CPU taken. */
	up->from_ns = last_ns + TICK_NS;
	up->to_ns = now_ns;
	up->cpu = bpf_get_smp_processor_id();
	stalls.ringbuf_submit(up, BPF_RB_NO_WAKEUP);
	return 0;
}

/* raw tracepoint sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next):
 * a CPU that leaves idle was not taken from anybody. */
int on_idle_end(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	u64 *seen_ns;

	if (LOAD(u32, ctx->args[1], AT(task_struct, pid)))
		return 0;
	seen_ns = ticks.lookup(&zero);
	if (seen_ns)
		*seen_ns = bpf_ktime_get_ns();
	return 0;
}
