// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads of the targets that wait for a CPU, from wakeup to running.  With -DDETAIL_FULL only.
 */

BPF_ARRAY(wakeups, struct stamps_bytes, 1);

/* Thread ids have 22 bits at most: 12 are the slot, 10 with 6 of the target's number are the tag. */
#define TAG_TARGET_BITS 6
_Static_assert(TARGET_LIMIT == 1 << TAG_TARGET_BITS,
               "a target's number fits into its bits of a tag");

static inline u64 runq_thread_tag(u32 pid, u32 target)
{
	return (pid >> STAMP_BITS & 0x3ff) << TAG_TARGET_BITS | target;
}

static inline u32 runq_tag_target(u64 tag)
{
	return tag & (TARGET_LIMIT - 1);
}

/* raw tracepoint sched_wakeup(struct task_struct *p), and sched_wakeup_new */
int runq_on_wakeup(struct bpf_raw_tracepoint_args *ctx)
{
	u64 task = ctx->args[0];
	u64 proxy = LOAD(u64, task, AT(task_struct, nsproxy)), key;
	struct target_key *t;
	struct stamps *stamps;
	u32 pid, zero = 0;

	if (!proxy)
		return 0;
	key = LOAD(u32, LOAD(u64, proxy, AT(nsproxy, net_ns)), AT(net, ns) + AT(ns_common, inum));
	if (!may_be_watched(key))
		return 0;
	t = targets.lookup(&key);
	/* In a shared namespace that does not identify a thread. */
	if (!t || t->shared)
		return 0;
	pid = LOAD(u32, task, AT(task_struct, pid));
	stamps = (struct stamps *)wakeups.lookup(&zero);
	if (stamps)
		*stamp_slot(stamps, pid) =
			stamp(runq_thread_tag(pid, t->target), bpf_ktime_get_ns());
	return 0;
}

/* raw tracepoint sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next) */
int runq_on_switch(struct bpf_raw_tracepoint_args *ctx)
{
	u32 pid = LOAD(u32, ctx->args[2], AT(task_struct, pid));
	struct window *window;
	struct stamps *stamps;
	u64 *wakeup, now_ns, length_ns;
	u32 target, zero = 0;

	stamps = (struct stamps *)wakeups.lookup(&zero);
	if (!stamps)
		return 0;
	wakeup = stamp_slot(stamps, pid);
	if (!*wakeup)
		return 0;
	target = runq_tag_target(*wakeup >> 48);
	if (*wakeup >> 48 != runq_thread_tag(pid, target))
		return 0;
	now_ns = bpf_ktime_get_ns();
	length_ns = stamp_elapsed(*wakeup, now_ns);
	*wakeup = 0;
	window = windows.lookup(&target);
	if (window && now_ns - length_ns >= window->from_ns && now_ns - length_ns < window->to_ns)
		stage_add(target, STAGE_RUNQ, now_ns - length_ns, now_ns);
	return 0;
}
