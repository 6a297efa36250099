// SPDX-License-Identifier: GPL-2.0-only
/* Connections: connected, established, accepted, found open, destroyed. */

/* Starts to track a socket of a target; false when the map is full. */
static inline bool conn_track(u64 sk, u32 netns, u32 target, u8 role, u8 flags, u64 established_ns)
{
	struct connection fresh = {};

	fresh.netns = netns;
	fresh.target = target;
	fresh.role = role;
	fresh.flags = flags;
	fresh.established_ns = established_ns;
	fresh.local_port = local_port_of(sk);
	return connections.update(&sk, &fresh) == 0;
}

/* No more is sent on this connection of ROLE_SERVER: what its exchange has by now is all. */
static inline void conn_end_exchange(u64 sk, struct connection *c)
{
	if (!c->tx_first_ns && c->rx_first_ns)
		count(c->target, COUNTER_NO_RESPONSE, 1);
	exchange_end(sk, c);
}

/* raw tracepoint inet_sock_set_state(const struct sock *sk, int oldstate, int newstate) */
int conn_on_state(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	int from = (int)ctx->args[1], to = (int)ctx->args[2];
	struct connection *c;
	struct target_key *t;
	u64 now_ns;
	u32 netns;
	u8 role;

	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED) {
		netns = netns_of(sk);
		t = target_of(sk, netns, true);
		if (!t)
			return 0;
		role = accepted_role(sk, t, served_by(sk, netns) != NULL);
		if (role == ROLE_SERVER)
			count(t->target, COUNTER_CONNECTIONS, 1);
		/* When the map is full, the first payload segment counts the loss. */
		conn_track(sk, netns, t->target, role, FLAG_FRESH, bpf_ktime_get_ns());
		return 0;
	}
	if (from == TCP_CLOSE && to == TCP_SYN_SENT) {
		netns = netns_of(sk);
		t = target_of(sk, netns, false);
		if (!t)
			return 0;
		role = connected_role(sk, t);
		if (role == ROLE_DEPENDENCY)
			count(t->target, COUNTER_DEPENDENCIES, 1);
		conn_track(sk, netns, t->target, role, FLAG_FRESH, bpf_ktime_get_ns());
		return 0;
	}
	if (from == TCP_SYN_SENT && to == TCP_ESTABLISHED) {
		c = connection_of(sk);
		if (!c || c->role != ROLE_DEPENDENCY || !owns_slot(c))
			return 0;
		now_ns = bpf_ktime_get_ns();
		/* Until now established_ns held when connect() was called. */
		stage_add(c->target, STAGE_DEPEND_CONNECT, c->established_ns, now_ns);
		c->established_ns = now_ns;
		return 0;
	}
	if (from != TCP_ESTABLISHED && from != TCP_FIN_WAIT1 && to != TCP_CLOSE)
		return 0;
	c = connection_of(sk);
	if (!c || c->role != ROLE_SERVER || !owns_slot(c))
		return 0;
	if (from == TCP_ESTABLISHED && !(c->flags & FLAG_ADOPTED))
		stage_add(c->target, STAGE_ESTABLISHED, c->established_ns, bpf_ktime_get_ns());
	/* Whether the response is acknowledged shows when the send under way returns (tx_end_send). */
	if (c->sending && to == TCP_CLOSE_WAIT) {
		c->sending |= SENDING_PEER_CLOSED;
		return 0;
	}
	/* A peer that closed may still await its response, and one that we closed its last bytes: an
	 * exchange with an acknowledged response is over, and so is any once the peer has replied to
	 * our FIN or the connection is gone.  The application may keep the socket for long then. */
	if (to == TCP_CLOSE || (c->tx_first_ns && (c->acked_ns || from == TCP_FIN_WAIT1)))
		conn_end_exchange(sk, c);
	return 0;
}

/* raw tracepoint tcp_destroy_sock(struct sock *sk) */
int conn_on_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	struct connection *c = connection_of(sk);

	if (!c)
		return 0;
	if (c->role > ROLE_DEPENDENCY) {
		if (c->tx_last_ns)
			internal_record(c);
	} else if (owns_slot(c)) {
		count(c->target, COUNTER_BYTES_RX, READ(u64, sk, AT(tcp_sock, bytes_received)));
		count(c->target, COUNTER_BYTES_TX, READ(u64, sk, AT(tcp_sock, bytes_acked)));
		if (c->role == ROLE_SERVER)
			conn_end_exchange(sk, c);
	}
	connections.delete(&sk);
	return 0;
}

/* Counts an event of a socket, if it is a target's; no socket is nobody's. */
static inline int conn_count(u64 sk, u32 counter)
{
	struct connection *c = connection_of(sk);

	if (c && owns_slot(c))
		count(c->target, counter, 1);
	return 0;
}

/* raw tracepoint tcp_retransmit_skb(const struct sock *sk, const struct sk_buff *skb, ...) */
int conn_on_retransmit(struct bpf_raw_tracepoint_args *ctx)
{
	return conn_count(ctx->args[0], COUNTER_RETRANSMITS);
}

/* raw tracepoint tcp_receive_reset(struct sock *sk) */
int conn_on_reset_received(struct bpf_raw_tracepoint_args *ctx)
{
	return conn_count(ctx->args[0], COUNTER_RESETS_RECEIVED);
}

/* raw tracepoint tcp_send_reset(const struct sock *sk, const struct sk_buff *skb, ...); sk is NULL
 * when a segment reached no socket. */
int conn_on_reset_sent(struct bpf_raw_tracepoint_args *ctx)
{
	return conn_count(ctx->args[0], COUNTER_RESETS_SENT);
}

static inline int conn_accept(u64 sk)
{
	struct connection *c = connection_of(sk);

	if (!c || c->role != ROLE_SERVER || c->flags & (FLAG_ACCEPTED | FLAG_ADOPTED) ||
	    !owns_slot(c))
		return 0;
	c->flags |= FLAG_ACCEPTED;
	stage_add(c->target, STAGE_ACCEPT_WAIT, c->established_ns, bpf_ktime_get_ns());
	return 0;
}

/* What tracefs gives to programs at syscalls:sys_exit_accept and sys_exit_accept4. */
struct sys_exit_args {
	u64 common;
	s64 number;
	s64 result;
};

/* tracepoint syscalls:sys_exit_accept, sys_exit_accept4: from the new descriptor to its socket,
 * through the caller's own table of files. */
int conn_on_accept(struct sys_exit_args *ctx)
{
	s64 fd = ctx->result;
	u64 at;

	if (fd < 0)
		return 0;
	at = READ(u64, bpf_get_current_task(), AT(task_struct, files));
	at = READ(u64, at, AT(files_struct, fdt));
	at = READ(u64, at, AT(fdtable, fd));
	at = READ(u64, at, (u64)fd * 8);
	at = READ(u64, at, AT(file, private_data));
	return conn_accept(READ(u64, at, AT(socket, sk)));
}

/* kretprobe inet_csk_accept(...) -> struct sock * */
int conn_on_accept_kretprobe(struct pt_regs *ctx)
{
	return conn_accept(PT_REGS_RC(ctx));
}

/* kretfunc inet_csk_accept: (sk, flags, err, kern) before 6.10, (sk, arg) since -> struct sock * */
int conn_on_accept_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return conn_accept(ctx->args[ACCEPT_ARGUMENTS]);
}
