// SPDX-License-Identifier: GPL-2.0-only
/* The response: it enters tcp_sendmsg, waits for room, is handed over. */

/* What `sending` becomes when a send of `size` bytes begins (0: not known); `how` is SENDING_REFIRES
 * or nothing. */
static inline u32 tx_sending(u64 sk, u64 size, u32 how)
{
	if (!size || (s64)size > send_room(sk))
		how |= SENDING_LONG;
	return (size > SENDING_BYTES ? SENDING_BYTES : (u32)size) | how;
}

/* The same send again: it has more to copy, after a wait if there was no room. */
static inline void tx_go_on(u64 sk, struct connection *c)
{
	u64 now_ns;

	if (!c->tx_first_ns)
		return; /* an interim response */
	if (send_room(sk) <= 0) {
		if (!c->blocked_ns)
			c->blocked_ns = bpf_ktime_get_ns();
	} else if (c->blocked_ns) {
		now_ns = bpf_ktime_get_ns();
		c->send_wait_ns += now_ns - c->blocked_ns;
		c->blocked_ns = 0;
		c->handed_ns = now_ns;
	} else if (c->sending & SENDING_LONG) {
		c->handed_ns = bpf_ktime_get_ns();
	}
}

/* Whether a further send shows that the response is not one, but two: to requests that overlapped.
 * HTTP says so itself.  Otherwise, bytes that came after the request was read are the rest of it or
 * another request; they are taken for the latter when what is sent comes in pieces, too. */
static inline bool tx_responds_twice(struct connection *c, u64 msg)
{
	u32 flags = window_flags(c);
	struct sent_bytes sent;

	if (flags & WINDOW_ONE_OUTSTANDING)
		return false;
	if (flags & WINDOW_HTTP && c->status != HTTP_STATUS_UNKNOWN)
		return msg && sent_bytes_of(msg, &sent) &&
		       http_status_at(sent.at) != HTTP_STATUS_UNKNOWN;
	return c->rx_last_ns && c->rx_last_ns > c->read_ns;
}

/* A further send of the response: only it can find the send buffer full with it. */
static inline void tx_send_more(u64 sk, u64 msg, struct connection *c)
{
	u64 now_ns = bpf_ktime_get_ns();

	if (send_room(sk) <= 0) {
		if (!c->blocked_ns)
			c->blocked_ns = now_ns;
	} else if (c->blocked_ns) {
		c->send_wait_ns += now_ns - c->blocked_ns;
		c->blocked_ns = 0;
	}
	c->last_gap = gap_between(c->handed_ns ? c->handed_ns : c->tx_first_ns, now_ns);
	c->handed_ns = now_ns;
	if (tx_responds_twice(c, msg))
		c->flags |= FLAG_OVERLAPPED;
}

/* The first send, unless it is an interim response: the exchange then still waits for its response. */
static inline void tx_send_first(struct connection *c, u64 msg, u64 size)
{
	u32 status;

	if (window_flags(c) & WINDOW_HTTP) {
		status = http_response_status(msg, size);
		if (status == HTTP_INTERIM)
			return;
		if (c->status != status) /* not of the line that every exchange writes */
			c->status = status;
	}
	c->tx_first_ns = bpf_ktime_get_ns();
#ifdef STALLS
	c->response_cpu = (u8)bpf_get_smp_processor_id();
#endif
}

/* `size` is what the caller wants to send in this call, `msg` its struct msghdr; 0: not known. */
static inline int tx_begin_send(u64 sk, u64 msg, u64 size, u32 how)
{
	struct connection *c = watched_connection_of(sk);

	if (!c)
		return 0;
	if (c->role > ROLE_DEPENDENCY) {
		internal_response(c);
		return 0;
	}
	if (c->role == ROLE_DEPENDENCY) {
		/* A request to the dependency: the first one, or the first after a response. */
		if (!c->tx_first_ns || c->rx_first_ns) {
			c->tx_first_ns = bpf_ktime_get_ns();
			c->rx_first_ns = 0;
		}
		return 0;
	}
	if (!c->rx_first_ns)
		return 0; /* the service sends first: there is no request */
	if (c->sending) {
		tx_go_on(sk, c);
		return 0;
	}
	if (c->tx_first_ns) {
		tx_send_more(sk, msg, c);
	} else if (c->read_ns) {
		tx_send_first(c, msg, size);
	} else if (c->flags & FLAG_AFTER_CONTROL && window_flags(c) & WINDOW_ONE_OUTSTANDING) {
		return 0; /* a session ticket, settings: the response to the control bytes */
	} else {
		/* Nothing of this request was read yet: these bytes respond to an earlier one. */
		c->flags |= FLAG_OVERLAPPED;
		count(c->target, COUNTER_UNREAD, 1);
		return 0;
	}
	c->sending = tx_sending(sk, size, how);
	return 0;
}

/* raw tracepoint tcp_sendmsg_locked(const struct sock *sk, const struct msghdr *msg, ...), 6.16+:
 * fires before bytes are copied, once a loop, also after each wait for room. */
int tx_on_send(struct bpf_raw_tracepoint_args *ctx)
{
	u64 msg = ctx->args[1];
	u64 size = LOAD(u64, msg, AT(msghdr, msg_iter) + AT(iov_iter, count));

	return tx_begin_send(ctx->args[0], msg, size, SENDING_REFIRES);
}

/* kfunc tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size) */
int tx_on_send_entry(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_begin_send(ctx->args[0], ctx->args[1], ctx->args[2], 0);
}

/* kfunc tcp_sendpage(struct sock *sk, struct page *page, int offset, size_t size, int flags) */
int tx_on_send_page(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_begin_send(ctx->args[0], 0, ctx->args[3], 0);
}

#ifndef TYPED
/* kprobe tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size) */
int tx_on_send_kprobe(struct pt_regs *ctx)
{
	return tx_begin_send(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), 0);
}

/* kprobe tcp_sendpage(struct sock *sk, struct page *page, int offset, size_t size, int flags) */
int tx_on_send_page_kprobe(struct pt_regs *ctx)
{
	return tx_begin_send(PT_REGS_PARM1(ctx), 0, PT_REGS_PARM4(ctx), 0);
}
#endif

/* A short send begins a wait for room, a whole one ends it, unless a hook during the send has seen
 * that (6.16+). */
static inline void tx_room_by_result(struct connection *c, u32 wanted, s32 result)
{
	if ((u32)result < wanted) {
		if (!c->blocked_ns)
			c->blocked_ns = c->tx_last_ns;
	} else if (c->blocked_ns) {
		c->send_wait_ns += c->tx_last_ns - c->blocked_ns;
		c->blocked_ns = 0;
	}
}

static inline int tx_end_send(u64 sk, s32 result)
{
	struct connection *c = watched_connection_of(sk);
	u32 sending;
	u64 tcp;

	if (!c || c->role != ROLE_SERVER || !c->rx_first_ns)
		return 0;
	sending = c->sending;
	if (!c->tx_first_ns) {
		c->sending = 0;
		return 0;
	}
	if (result > 0) {
		tcp = tcp_of(sk);
		if (!tcp)
			return 0;
		c->tx_last_ns = bpf_ktime_get_ns();
		/* No hook has seen when the last bytes found room: at the return at the latest. */
		if ((sending & (SENDING_LONG | SENDING_REFIRES)) == SENDING_LONG)
			c->handed_ns = c->tx_last_ns;
		if (sending & SENDING_BYTES)
			tx_room_by_result(c, sending & SENDING_BYTES, result);
		c->last_seq = LOAD(u32, tcp, AT(tcp_sock, write_seq));
		c->acked_ns = 0;
		if (seq_reached(LOAD(u32, tcp, AT(tcp_sock, snd_una)), c->last_seq))
			c->acked_ns = c->tx_last_ns;
	} else if (result == -EAGAIN && !c->blocked_ns) {
		c->blocked_ns = bpf_ktime_get_ns();
	}
	/* Looked at once more, now that it is known what was acknowledged: the socket's lock is no
	 * longer held, and a FIN that comes from here on finds both. */
	sending = *(volatile u32 *)&c->sending;
	c->sending = 0;
	if (sending & SENDING_PEER_CLOSED && c->acked_ns)
		conn_end_exchange(sk, c);
	return 0;
}

/* raw tracepoint sock_send_length(struct sock *sk, int ret, int flags), 6.3+ */
int tx_on_sent(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_end_send(ctx->args[0], (s32)ctx->args[1]);
}

/* kretfunc tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size) -> int */
int tx_on_sent_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_end_send(ctx->args[0], (s32)ctx->args[3]);
}

/* kretfunc tcp_sendpage(struct sock *sk, struct page *page, int offset, size_t size, int flags) */
int tx_on_sent_page_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return tx_end_send(ctx->args[0], (s32)ctx->args[5]);
}

#ifndef TYPED
/* A kretprobe does not see the arguments: the socket waits here, keyed by thread. */
BPF_TABLE("lru_hash", u64, u64, sends_in_flight, 4096);

/* kprobe and kretprobe tcp_sendmsg, tcp_sendpage */
int tx_on_sent_kprobe(struct pt_regs *ctx)
{
	u64 thread = bpf_get_current_pid_tgid(), sk = PT_REGS_PARM1(ctx);

	if (connection_of(sk))
		sends_in_flight.update(&thread, &sk);
	return 0;
}

int tx_on_sent_kretprobe(struct pt_regs *ctx)
{
	u64 thread = bpf_get_current_pid_tgid();
	u64 *sk = sends_in_flight.lookup(&thread);

	if (!sk)
		return 0;
	tx_end_send(*sk, (s32)PT_REGS_RC(ctx));
	sends_in_flight.delete(&thread);
	return 0;
}
#endif
