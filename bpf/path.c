// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a packet through this machine: devices, the bridge, drops.  With -DDETAIL_FULL only.
 */

/* Set by user space: devices where a packet enters a bridge, ENTERS_BY_..., keyed by ifindex.  What
 * the bridge sends on through a port passes that port's own queue: that is inside the stage. */
BPF_HASH(bridge_entries, u32, u32, 256);

/* Set by user space: bit (ifindex % 512) for each of them, since most packets pass elsewhere. */
BPF_ARRAY(bridge_bits, struct device_bits, 1);

BPF_ARRAY(entered_bridge, struct stamps_bytes, 1);

/* Namespace of a network device; 0 when there is none. */
static inline u32 path_netns_of(u64 dev)
{
	u64 net = LOAD(u64, dev, AT(net_device, nd_net));

	return net ? LOAD(u32, net, AT(net, ns) + AT(ns_common, inum)) : 0;
}

static inline u64 path_packet_tag(u64 address)
{
	return address >> (8 + STAMP_BITS) & 0xffff;
}

/* A pointer as a number: the verifier forbids arithmetic on typed ones, but not to copy it. */
static inline u64 path_address(u64 pointer)
{
#ifdef TYPED
	return READ(u64, &pointer, 0);
#else
	return pointer;
#endif
}

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
static inline void attach_rx_path(struct connection *c, u64 skb, u64 now_ns)
{
	u32 zero = 0;
	struct arrival *a = arrivals.lookup(&zero);

	if (!a || a->skb != skb || now_ns < a->at_ns)
		return;
	c->rx_stack_ns = clamp_u32(now_ns - a->at_ns);
	c->bridge_ns = clamp_u32(a->bridge_ns);
	a->skb = 0;
}

static inline void path_enter_bridge(u64 skb, u64 dev, u32 way)
{
	u32 ifindex = LOAD(u32, dev, AT(net_device, ifindex)), zero = 0;
	struct device_bits *bits = bridge_bits.lookup(&zero);
	struct stamps *stamps;
	u32 *entry;

	if (!bits || !(bits->word[ifindex >> 6 & 7] >> (ifindex & 63) & 1))
		return;
	entry = bridge_entries.lookup(&ifindex);
	if (!entry || *entry != way)
		return;
	stamps = (struct stamps *)entered_bridge.lookup(&zero);
	if (!stamps)
		return;
	skb = path_address(skb);
	*stamp_slot(stamps, skb >> 8) = stamp(path_packet_tag(skb), bpf_ktime_get_ns());
}

/* raw tracepoint netif_receive_skb(struct sk_buff *skb) */
int path_on_device_rx(struct bpf_raw_tracepoint_args *ctx)
{
	u64 skb = ctx->args[0];
	u64 dev = LOAD(u64, skb, AT(sk_buff, dev));
	u64 key = path_netns_of(dev), *entered;
	struct target_key *t = may_be_watched(key) ? targets.lookup(&key) : NULL;
	struct arrival *a;
	struct stamps *stamps;
	u32 zero = 0;

	if (!t) {
		path_enter_bridge(skb, dev, ENTERS_BY_PORT);
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
	stamps = (struct stamps *)entered_bridge.lookup(&zero);
	if (!stamps)
		return 0;
	skb = path_address(skb);
	entered = stamp_slot(stamps, skb >> 8);
	if (*entered && *entered >> 48 == path_packet_tag(skb)) {
		a->bridge_ns = stamp_elapsed(*entered, a->at_ns);
		*entered = 0;
	}
	return 0;
}

/* raw tracepoint net_dev_start_xmit(const struct sk_buff *skb, const struct net_device *dev) */
int path_on_device_tx(struct bpf_raw_tracepoint_args *ctx)
{
	u64 skb = ctx->args[0], dev = ctx->args[1];
	u64 sk = LOAD(u64, skb, AT(sk_buff, sk));
	struct connection *c = sk ? watched_connection_of(sk) : NULL;
	u64 now_ns;

	path_enter_bridge(skb, dev, ENTERS_BY_BRIDGE);
	if (!c || c->role != ROLE_SERVER || !c->tx_first_ns || c->tx_stack_ns)
		return 0;
	/* Not the response's: it may have waited in a queue since before. */
	if (LOAD(u32, skb, AT(sk_buff, truesize)) == PURE_ACK_TRUESIZE)
		return 0;
	now_ns = bpf_ktime_get_ns();
	c->tx_stack_ns = clamp_u32(now_ns - c->tx_first_ns + 1);
	return 0;
}

AS_BYTES(drops);
BPF_PERCPU_ARRAY(drops, struct drops_bytes, TARGET_MAX);

/* raw tracepoint kfree_skb(struct sk_buff *skb, void *location, enum skb_drop_reason reason, ...),
 * with a reason since 5.17: a packet on a target's device was thrown away. */
int path_on_drop(struct bpf_raw_tracepoint_args *ctx)
{
	u64 dev = LOAD(u64, ctx->args[0], AT(sk_buff, dev)), key;
	u32 reason = (u32)ctx->args[2];
	struct target_key *t;
	struct drops *d;
	u32 target;

	if (!dev)
		return 0;
	key = path_netns_of(dev);
	t = targets.lookup(&key);
	if (!t)
		return 0;
	target = t->target;
	d = (struct drops *)drops.lookup(&target);
	if (!d)
		return 0;
	if (reason >= DROP_REASONS)
		reason = DROP_REASONS - 1;
	asm volatile("" : "+r"(reason));
	if (reason < DROP_REASONS)
		__sync_fetch_and_add(&d->count[reason], 1);
	return 0;
}
