// SPDX-License-Identifier: GPL-2.0-only
/* When a CPU was not there for the services: taken by the hypervisor, or used by a process that is
 * neither a target nor its load.  Compiled in with -DSTALLS only.
 *
 * Three ways to know, since none sees everything: the hypervisor's own account, where the scheduler
 * keeps it (CONFIG_PARAVIRT_TIME_ACCOUNTING); a tick that came late on a CPU that was not idle;
 * and who ran how long. */

BPF_PERCPU_ARRAY(cpu_watches, struct cpu_watch, 1);

BPF_RINGBUF_OUTPUT(stalls, STALL_RING_PAGES);

/* Set by user space: process ids (tgid) of the load; their children belong to it too. */
BPF_HASH(load_processes, u32, u32, 64);

static inline void stall_send(struct cpu_watch *w, u32 cause, u64 from_ns, u64 to_ns)
{
	struct stall *up = stalls.ringbuf_reserve(sizeof(*up));

	if (!up) {
		w->unsent++;
		return;
	}
	up->from_ns = from_ns;
	up->to_ns = to_ns;
	up->cpu = bpf_get_smp_processor_id();
	up->cause = cause;
	stalls.ringbuf_submit(up, BPF_RB_NO_WAKEUP);
}

/* perf event, software cpu-clock: every TICK_NS on each CPU; an idle one may get none. */
int stall_on_tick(void *ctx)
{
	u64 now_ns = bpf_ktime_get_ns(), due_ns;
	u32 zero = 0;
	struct cpu_watch *w = cpu_watches.lookup(&zero);

	if (!w)
		return 0;
	/* Due one period after the last, so not before that was the CPU taken. */
	due_ns = w->seen_ns + TICK_NS;
	if (w->seen_ns && now_ns > due_ns + TICK_LATE_NS) {
		stall_send(w, CAUSE_LATE_TICK, due_ns, now_ns);
		w->late_ns += now_ns - due_ns;
	}
	w->seen_ns = now_ns;
	return 0;
}

#if HAS(rq, prev_steal_time_rq) && HAS(sched_entity, cfs_rq) && HAS(cfs_rq, rq)
/* Stolen time that no late tick has shown, by the run queue of a thread of this CPU. */
static inline void stall_account_steal(struct cpu_watch *w, u64 task, u64 now_ns)
{
	u64 queue = LOAD(u64, task, AT(task_struct, se) + AT(sched_entity, cfs_rq));
	u64 rq = queue ? LOAD(u64, queue, AT(cfs_rq, rq)) : 0;
	u64 stolen_ns, rest_ns;

	if (!rq)
		return;
	stolen_ns = LOAD(u64, rq, AT(rq, prev_steal_time_rq));
	rest_ns = stolen_ns - w->stolen_ns;
	if (!rest_ns)
		return;
	/* What came back last was taken last. */
	if (w->stolen_ns && rest_ns > w->late_ns + STOLEN_LEAST_NS)
		stall_send(w, CAUSE_STEAL, now_ns - (rest_ns - w->late_ns), now_ns);
	w->stolen_ns = stolen_ns;
	w->late_ns = 0;
}
#else
static inline void stall_account_steal(struct cpu_watch *w, u64 task, u64 now_ns)
{
	w->late_ns = 0;
}
#endif

/* A thread of nobody's: no target's, not the load's, not the kernel's.  One of SCHED_IDLE makes way
 * at once and takes nothing from anybody. */
static inline bool stall_is_interference(u64 task)
{
	u64 proxy, parent, netns; /* the inode, as the key of `targets` */
	u32 process = LOAD(u32, task, AT(task_struct, tgid));

	if (!process || LOAD(u32, task, AT(task_struct, flags)) & PF_KTHREAD)
		return false;
	if (LOAD(u32, task, AT(task_struct, policy)) == SCHED_IDLE)
		return false;
	if (load_processes.lookup(&process))
		return false;
	parent = LOAD(u64, task, AT(task_struct, real_parent));
	if (parent) {
		process = LOAD(u32, parent, AT(task_struct, tgid));
		if (load_processes.lookup(&process))
			return false;
	}
	proxy = LOAD(u64, task, AT(task_struct, nsproxy));
	if (!proxy) /* it has just ended */
		return false;
	netns = LOAD(u32, LOAD(u64, proxy, AT(nsproxy, net_ns)), AT(net, ns) + AT(ns_common, inum));
	return !may_be_watched(netns) || !targets.lookup(&netns);
}

/* raw tracepoint sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next) */
int stall_on_switch(struct bpf_raw_tracepoint_args *ctx)
{
	u64 prev = ctx->args[1], now_ns = bpf_ktime_get_ns(), since_ns;
	u32 zero = 0;
	struct cpu_watch *w = cpu_watches.lookup(&zero);

	if (!w)
		return 0;
	stall_account_steal(w, prev, now_ns);
	since_ns = w->since_ns;
	w->since_ns = now_ns;
	if (!LOAD(u32, prev, AT(task_struct, pid))) {
		/* A CPU that leaves idle got no ticks, but was not taken from anybody. */
		w->seen_ns = now_ns;
		return 0;
	}
	if (since_ns && now_ns - since_ns >= INTERFERENCE_LEAST_NS && stall_is_interference(prev))
		stall_send(w, CAUSE_INTERFERENCE, since_ns, now_ns);
	return 0;
}
