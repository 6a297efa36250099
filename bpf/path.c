// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a packet through this machine, and threads waiting for a CPU: the stages that cost
 * more, compiled in with -DDETAIL_FULL only.
 */

/* Set by user space: devices where a packet enters the Docker bridge (the bridge itself for what
 * this host sends, its ports for what other containers send).  Keyed by ifindex. */
BPF_HASH(bridge_entries, u32, u32, 256);

/* When a packet entered the bridge, keyed by its address; taken out on arrival in the target. */
BPF_TABLE("lru_hash", u64, u64, entered_bridge, 4096);

/* The packet that this CPU took from a target's device last: in a softirq its way up to the
 * socket is not interrupted by another packet's. */
struct arrival {
	u64 skb;
	u64 at_ns;
	u64 bridge_ns;
};
BPF_PERCPU_ARRAY(arrivals, struct arrival, 1);

static inline u32 clamp_u32(u64 value_ns)
{
	return value_ns > 0xffffffff ? 0xffffffff : (u32)value_ns;
}

/* Fills in how the first segment of a request got here. */
static inline void way_here(struct connection *c, u64 skb, u64 now_ns)
{
	u32 zero = 0;
	struct arrival *a = arrivals.lookup(&zero);

	if (!a || a->skb != skb || now_ns < a->at_ns)
		return;
	c->rx_stack_ns = clamp_u32(now_ns - a->at_ns);
	c->bridge_ns = clamp_u32(a->bridge_ns);
	a->skb = 0;
}

static inline void enters_bridge(u64 skb, u64 dev)
{
	u32 ifindex = LOAD(u32, dev, AT(net_device, ifindex));
	u64 now_ns;

	if (!bridge_entries.lookup(&ifindex))
		return;
	now_ns = bpf_ktime_get_ns();
	entered_bridge.update(&skb, &now_ns);
}

/* raw tracepoint netif_receive_skb(struct sk_buff *skb) */
int on_device_rx(struct bpf_raw_tracepoint_args *ctx)
{
	u64 skb = ctx->args[0];
	u64 dev = LOAD(u64, skb, AT(sk_buff, dev));
	u64 key = netns_of_device(dev), *entered_ns;
	struct target_key *t = may_be_watched(key) ? targets.lookup(&key) : NULL;
	struct arrival *a;
	u32 zero = 0;

	if (!t) {
		enters_bridge(skb, dev);
		return 0;
	}
	a = arrivals.lookup(&zero);
	if (!a)
		return 0;
	a->skb = skb;
	a->at_ns = bpf_ktime_get_ns();
	a->bridge_ns = 0;
	/* All that reaches a container from outside has just crossed the bridge.  What did not could
	 * find what an earlier packet at the same address left. */
	if (t->shared || LOAD(u32, dev, AT(net_device, ifindex)) == LOOPBACK_IFINDEX)
		return 0;
	entered_ns = entered_bridge.lookup(&skb);
	if (entered_ns) {
		if (a->at_ns > *entered_ns)
			a->bridge_ns = a->at_ns - *entered_ns;
		entered_bridge.delete(&skb);
	}
	return 0;
}

/* raw tracepoint net_dev_start_xmit(const struct sk_buff *skb, const struct net_device *dev) */
int on_device_tx(struct bpf_raw_tracepoint_args *ctx)
{
	u64 skb = ctx->args[0], dev = ctx->args[1];
	u64 sk = LOAD(u64, skb, AT(sk_buff, sk));
	struct connection *c = sk ? connection_of(sk) : NULL;
	u64 now_ns;

	if (!c) {
		enters_bridge(skb, dev);
		return 0;
	}
	if (c->role != ROLE_SERVER || !c->tx_first_ns || c->tx_stack_ns)
		return 0;
	now_ns = bpf_ktime_get_ns();
	c->tx_stack_ns = clamp_u32(now_ns - c->tx_first_ns + 1);
	return 0;
}

/* When a target's thread became runnable, keyed by thread id. */
struct waking {
	u64 at_ns;
	u64 target;
};
BPF_TABLE("lru_hash", u32, struct waking, wakings, 4096);

/* raw tracepoint sched_wakeup(struct task_struct *p), and sched_wakeup_new */
int on_wakeup(struct bpf_raw_tracepoint_args *ctx)
{
	u64 task = ctx->args[0];
	u64 proxy = LOAD(u64, task, AT(task_struct, nsproxy)), key;
	struct target_key *t;
	struct waking w = {};
	u32 pid;

	if (!proxy)
		return 0;
	key = LOAD(u32, LOAD(u64, proxy, AT(nsproxy, net_ns)), AT(net, ns) + AT(ns_common, inum));
	if (!may_be_watched(key))
		return 0;
	t = targets.lookup(&key);
	/* In a shared namespace a thread cannot be told by it. */
	if (!t || t->shared)
		return 0;
	pid = LOAD(u32, task, AT(task_struct, pid));
	w.at_ns = bpf_ktime_get_ns();
	w.target = t->target;
	wakings.update(&pid, &w);
	return 0;
}

/* raw tracepoint sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next) */
int on_switch(struct bpf_raw_tracepoint_args *ctx)
{
	u32 pid = LOAD(u32, ctx->args[2], AT(task_struct, pid));
	struct waking *w = wakings.lookup(&pid);
	struct window *window;
	u32 target;

	if (!w)
		return 0;
	target = w->target;
	window = windows.lookup(&target);
	if (window && w->at_ns >= window->from_ns && w->at_ns < window->to_ns)
		stage_add(target, STAGE_RUNQ, w->at_ns, bpf_ktime_get_ns());
	wakings.delete(&pid);
	return 0;
}

struct drops {
	u64 count[DROP_REASONS];
};
BPF_PERCPU_ARRAY(drops, struct drops, TARGET_MAX);

/* raw tracepoint kfree_skb(struct sk_buff *skb, void *location, enum skb_drop_reason reason, ...),
 * with a reason since 5.17: a packet on a target's device was thrown away. */
int on_drop(struct bpf_raw_tracepoint_args *ctx)
{
	u64 dev = LOAD(u64, ctx->args[0], AT(sk_buff, dev)), key;
	u32 reason = (u32)ctx->args[2];
	struct target_key *t;
	struct drops *d;
	u32 target;

	if (!dev)
		return 0;
	key = netns_of_device(dev);
	t = targets.lookup(&key);
	if (!t)
		return 0;
	target = t->target;
	d = drops.lookup(&target);
	if (!d)
		return 0;
	if (reason >= DROP_REASONS)
		reason = DROP_REASONS - 1;
	asm volatile("" : "+r"(reason));
	if (reason < DROP_REASONS)
		__sync_fetch_and_add(&d->count[reason], 1);
	return 0;
}
