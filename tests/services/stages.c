/*
 * Ground truth for the stages around the application: a service with known waits before accept(),
 * inside its response and in a dependency, which writes its response by the way that it is told.
 *
 *   stages [--port P] [--request BYTES] [--response BYTES] [--accept-after US] [--before-read US]
 *          [--before-response US] [--parts N --between US] [--chunk BYTES] [--sndbuf BYTES]
 *          [--nonblocking 1] [--method NAME] [--banner BYTES] [--defer-accept 1]
 *          [--depend IPV4 --depend-port P] [--inner US --depend-port P] [--ask-itself MS]
 *          [--prefix TEXT [--prefix-parts 1]] [--interim TEXT [--interim-at BYTES]]
 *
 * One thread a connection, which responds to requests of fixed length.  A response leaves in `parts`
 * equal parts, `between` apart, in system calls of at most `chunk` bytes; methods are send, writev,
 * sendfile, splice, zerocopy and uring.  A banner is sent before anything is read.  With --depend
 * each request first opens a connection there, asks for as many bytes as it got, and closes it.
 * With --inner that is another process beside this one, which responds after so long.  With
 * --ask-itself a process beside it sends a request to its port so often, as health checks do.
 * A response begins with the prefix, so does each part with --prefix-parts.  The interim response goes
 * out ahead of it: when the request is read, or the first BYTES of it.
 *
 * On SIGTERM one line of JSON tells every moment, in ns of CLOCK_MONOTONIC: {"fields": names,
 * "exchanges": [values, ...], "accepts": [[polled, before, after], ...]}.  "arrived" is the
 * kernel's stamp on the request's last segment (SO_TIMESTAMPNS), "next_arrived" that on the next
 * request (0 at the end), "next_polled" when poll() told of it or of the end.  What waiting for room
 * took lies between waited_least and waited_most, summed over the exchange.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"

#define RECORDS (1 << 12)
#define WAITED_NS 5000000 /* a blocking call that took longer has surely waited for room */
#define PIPE_BYTES 65536

/* The moments of one exchange; `fields` names them in order. */
struct exchange {
	int64_t arrived, polled, before_read, read;
	int64_t before_first, after_first, before_last, after_last, waited_least, waited_most;
	int64_t before_connect, connected, before_ask, asked, depend_arrived, depend_read;
	int64_t next_arrived, next_polled;
};
static const char fields[] =
	"\"arrived\", \"polled\", \"before_read\", \"read\", \"before_first\", \"after_first\", "
	"\"before_last\", \"after_last\", \"waited_least\", \"waited_most\", \"before_connect\", "
	"\"connected\", \"before_ask\", \"asked\", \"depend_arrived\", \"depend_read\", "
	"\"next_arrived\", \"next_polled\"";
static struct exchange exchanges[RECORDS], beyond;
static int64_t accepts[RECORDS][3];
static atomic_long exchange_count, accept_count;

static long port = 7000, request = 16, response = 16, accept_after_us, before_read_us, before_response_us;
static long parts = 1, between_us, chunk, sndbuf, nonblocking, banner, defer_accept, depend_port;
static long inner_us = -1, ask_itself_ms, prefix_parts, interim_at;
static const char *method = "send", *depend, *prefix, *interim;

static char *body; /* the response, `body_file` behind it */
static int body_file;

/* Sends one buffer by an io_uring of its own, without liburing: one entry, one completion. */
static ssize_t uring_send(int fd, const char *from, size_t length)
{
	static __thread struct io_uring_params p;
	static __thread int ring = -1;
	static __thread char *rings;
	static __thread struct io_uring_sqe *entry;
	struct io_uring_cqe *done;
	unsigned *sq_tail, *cq_head, index;
	ssize_t result;

	if (ring < 0) {
		size_t size;

		ring = syscall(__NR_io_uring_setup, 1, &p);
		if (ring < 0)
			return -1;
		size_t submissions = p.sq_off.array + p.sq_entries * sizeof(unsigned);

		size = p.cq_off.cqes + p.cq_entries * sizeof(*done);
		size = size > submissions ? size : submissions;
		rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
			     IORING_OFF_SQ_RING);
		entry = mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
		if (rings == MAP_FAILED || entry == MAP_FAILED)
			return -1;
	}
	sq_tail = (unsigned *)(rings + p.sq_off.tail);
	cq_head = (unsigned *)(rings + p.cq_off.head);
	*entry = (struct io_uring_sqe){ .opcode = IORING_OP_SEND, .fd = fd, .addr = (uintptr_t)from,
					.len = length, .msg_flags = MSG_NOSIGNAL };
	index = *sq_tail & *(unsigned *)(rings + p.sq_off.ring_mask);
	((unsigned *)(rings + p.sq_off.array))[index] = 0;
	__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	index = *cq_head & *(unsigned *)(rings + p.cq_off.ring_mask);
	done = (struct io_uring_cqe *)(rings + p.cq_off.cqes) + index;
	result = done->res;
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	if (result < 0)
		errno = -result;
	return result < 0 ? -1 : result;
}

static ssize_t splice_out(int fd, loff_t at, size_t length)
{
	static __thread int ends[2] = { -1, -1 };
	static __thread size_t inside;

	if (ends[0] < 0 && pipe(ends))
		return -1;
	if (!inside) {
		ssize_t n = splice(body_file, &at, ends[1], NULL,
				   length < PIPE_BYTES ? length : PIPE_BYTES, 0);

		if (n <= 0)
			return -1;
		inside = n;
	}
	ssize_t n = splice(ends[0], NULL, fd, NULL, inside, SPLICE_F_MORE * (inside < length));

	inside -= n > 0 ? n : 0;
	return n;
}

/* One system call that sends part of the response from `at`. */
static ssize_t send_some(int fd, long at, long length)
{
	if (!strcmp(method, "writev")) {
		struct iovec two[2] = { { body + at, length / 2 },
					{ body + at + length / 2, length - length / 2 } };

		return writev(fd, two, 2);
	}
	if (!strcmp(method, "sendfile")) {
		off_t from = at;

		return sendfile(fd, body_file, &from, length);
	}
	if (!strcmp(method, "splice"))
		return splice_out(fd, at, length);
	if (!strcmp(method, "uring"))
		return uring_send(fd, body + at, length);
	return send(fd, body + at, length,
		    MSG_NOSIGNAL | (nonblocking ? MSG_DONTWAIT : 0) |
		    (!strcmp(method, "zerocopy") ? MSG_ZEROCOPY : 0));
}

static void drain_zerocopy(int fd)
{
	char control[256];
	struct msghdr message = { .msg_control = control };

	do
		message.msg_controllen = sizeof(control);
	while (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0);
}

/* Sends [from, to) of the response, as many system calls as it takes. */
static int send_part(int fd, long from, long to, struct exchange *x)
{
	int64_t short_before = 0, short_after = 0;

	while (from < to) {
		struct pollfd room = { .fd = fd, .events = POLLOUT };
		long length = chunk && chunk < to - from ? chunk : to - from;
		int64_t before = now_ns(), after;
		ssize_t n = send_some(fd, from, length);

		after = now_ns();
		if (n < 0 && errno != EAGAIN && errno != ENOBUFS)
			return -1;
		if (n > 0) {
			if (!x->before_first) {
				x->before_first = before;
				x->after_first = after;
			}
			x->before_last = before;
			x->after_last = after;
			from += n;
			if (short_after) {
				x->waited_least += before - short_after;
				x->waited_most += after - short_before;
			}
			short_before = short_after = 0;
		}
		if (nonblocking && n < length) {
			if (!short_after) {
				short_before = before;
				short_after = after;
			}
			poll(&room, 1, -1);
		} else if (!nonblocking) {
			x->waited_least += after - before > WAITED_NS ? after - before : 0;
			x->waited_most += after - before;
		}
		if (n < 0 && errno == ENOBUFS) /* the zerocopy completions take up the option memory */
			drain_zerocopy(fd);
	}
	return 0;
}

static int send_text(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text);
}

/* The two clocks are read closely together, or, when a read was interrupted, again. */
static int64_t monotonic_of(int64_t stamp_ns)
{
	int64_t tightest_ns = INT64_MAX, found_ns = 0;

	for (int i = 0; stamp_ns && i < 5; i++) {
		int64_t before = now_ns(), wall = clock_ns(CLOCK_REALTIME), took = now_ns() - before;

		if (took < tightest_ns) {
			tightest_ns = took;
			found_ns = before + took / 2 - (wall - stamp_ns);
		}
	}
	return found_ns;
}

/* Reads `length` bytes; *arrived_ns becomes the last segment's arrival, when it is known. */
static int read_all(int fd, char *to, long length, int64_t *arrived_ns)
{
	int64_t stamp_ns = 0;

	for (long got = 0; got < length;) {
		ssize_t n = read_stamped(fd, to + got, length - got, &stamp_ns);

		if (n <= 0)
			return -1;
		got += n;
	}
	*arrived_ns = monotonic_of(stamp_ns);
	return 0;
}

static int ask_dependency(char *buffer, struct exchange *x)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(depend_port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, failed;

	inet_pton(AF_INET, depend, &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	x->before_connect = now_ns();
	failed = connect(fd, (struct sockaddr *)&to, sizeof(to));
	x->connected = x->before_ask = now_ns();
	failed = failed || send(fd, buffer, request, MSG_NOSIGNAL) != request;
	x->asked = now_ns();
	failed = failed || read_all(fd, buffer, request, &x->depend_arrived);
	x->depend_read = now_ns();
	close(fd);
	return failed;
}

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char *buffer = calloc(1, request > banner ? request : banner);
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	struct exchange *last = NULL;

	prctl(PR_SET_TIMERSLACK, 1);
	if (banner && send(fd, buffer, banner, MSG_NOSIGNAL) != banner)
		goto closed;
	while (poll(&wanted, 1, -1) == 1) {
		struct exchange m = { .polled = now_ns() }, *x;
		long slot;

		if (!(wanted.revents & (POLLIN | POLLHUP))) {
			drain_zerocopy(fd);
			continue;
		}
		if (last)
			last->next_polled = m.polled;
		if (before_read_us)
			wait_until(m.polled + before_read_us * 1000);
		m.before_read = now_ns();
		if (interim && interim_at &&
		    (read_all(fd, buffer, interim_at, &m.arrived) || send_text(fd, interim)))
			break;
		if (read_all(fd, buffer, request - interim_at, &m.arrived))
			break;
		if (interim && !interim_at && send_text(fd, interim))
			break;
		m.read = now_ns();
		if (last)
			last->next_arrived = m.arrived;
		if (depend && ask_dependency(buffer, &m))
			break;
		if (before_response_us)
			wait_until(now_ns() + before_response_us * 1000);
		/* Counted before the response: who has it all may end this process at once. */
		slot = atomic_fetch_add(&exchange_count, 1);
		x = slot < RECORDS ? &exchanges[slot] : &beyond;
		*x = m;
		for (long part = 0; part < parts; part++) {
			if (part)
				wait_until(now_ns() + between_us * 1000);
			if (send_part(fd, response * part / parts, response * (part + 1) / parts, x))
				goto closed;
		}
		last = x;
	}
closed:
	free(buffer);
	close(fd);
	return NULL;
}

static long least(long a, long b)
{
	return a < b ? a : b;
}

/* Waits for SIGTERM, which every other thread has blocked, and tells what happened. */
static void *tell_at_end(void *argument)
{
	int number;

	while (sigwait(argument, &number))
		;
	usleep(100000); /* the last ends of connections */
	printf("{\"fields\": [%s], \"responses\": %ld, \"exchanges\": [", fields, exchange_count);
	for (long i = 0; i < least(exchange_count, RECORDS); i++) {
		const int64_t *moment = (const int64_t *)&exchanges[i];

		printf("%s[", i ? ", " : "");
		for (size_t f = 0; f < sizeof(exchanges[i]) / sizeof(*moment); f++)
			printf("%s%lld", f ? ", " : "", (long long)moment[f]);
		printf("]");
	}
	printf("], \"accepts\": [");
	for (long i = 0; i < least(accept_count, RECORDS); i++)
		printf("%s[%lld, %lld, %lld]", i ? ", " : "", (long long)accepts[i][0],
		       (long long)accepts[i][1], (long long)accepts[i][2]);
	printf("]}\n");
	fflush(stdout);
	_exit(0);
}

static int listen_on(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any,
				    .sin6_port = htons(port) };
	int one = 1, defer_s = 5, bytes = sndbuf;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* These are inherited by what accept() returns. */
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	if (!strcmp(method, "zerocopy"))
		setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	if (sndbuf)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (defer_accept)
		setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s));
	return bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 1024) ? -1 : fd;
}

static int parse(int argc, char **argv)
{
	static const struct { const char *name; long *value; } numbers[] = {
		{ "--port", &port }, { "--request", &request }, { "--response", &response },
		{ "--accept-after", &accept_after_us }, { "--before-read", &before_read_us },
		{ "--before-response", &before_response_us }, { "--parts", &parts },
		{ "--between", &between_us }, { "--chunk", &chunk }, { "--sndbuf", &sndbuf },
		{ "--nonblocking", &nonblocking }, { "--banner", &banner },
		{ "--defer-accept", &defer_accept }, { "--depend-port", &depend_port },
		{ "--inner", &inner_us }, { "--ask-itself", &ask_itself_ms },
		{ "--prefix-parts", &prefix_parts }, { "--interim-at", &interim_at },
	};
	static const struct { const char *name, **value; } texts[] = {
		{ "--method", &method }, { "--depend", &depend }, { "--prefix", &prefix },
		{ "--interim", &interim },
	};

	for (int i = 1; i + 1 < argc; i += 2) {
		size_t n = 0, t = 0;

		while (t < sizeof(texts) / sizeof(*texts) && strcmp(argv[i], texts[t].name))
			t++;
		if (t < sizeof(texts) / sizeof(*texts)) {
			*texts[t].value = argv[i + 1];
			continue;
		}
		while (n < sizeof(numbers) / sizeof(*numbers) && strcmp(argv[i], numbers[n].name))
			n++;
		if (n == sizeof(numbers) / sizeof(*numbers))
			return 2;
		*numbers[n].value = atol(argv[i + 1]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int listener, one = 1;
	static sigset_t ending;
	struct pollfd wanted;
	pthread_t thread;

	if (parse(argc, argv))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	if (ask_itself_ms && !fork()) {
		char *buffer = calloc(1, request);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		depend = "127.0.0.1";
		depend_port = port;
		for (;;) {
			usleep(ask_itself_ms * 1000);
			ask_dependency(buffer, &beyond);
		}
	}
	if (inner_us >= 0 && !fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		port = depend_port;
		before_response_us = inner_us;
	} else if (inner_us >= 0) {
		depend = "127.0.0.1";
	}
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ending, NULL);
	body_file = memfd_create("response", 0);
	if (ftruncate(body_file, response))
		return 1;
	body = mmap(NULL, response, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, body_file, 0);
	for (long part = 0; body != MAP_FAILED && prefix && part < (prefix_parts ? parts : 1); part++)
		memcpy(body + response * part / parts, prefix, strlen(prefix));
	listener = listen_on();
	if (body == MAP_FAILED || listener < 0 ||
	    pthread_create(&thread, NULL, tell_at_end, &ending)) {
		perror("stages: cannot listen");
		return 1;
	}
	prctl(PR_SET_TIMERSLACK, 1);
	wanted = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (;;) {
		int64_t polled_ns, before_ns;
		long slot;
		int fd;

		poll(&wanted, 1, -1);
		polled_ns = now_ns();
		if (accept_after_us)
			wait_until(polled_ns + accept_after_us * 1000);
		before_ns = now_ns();
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		slot = atomic_fetch_add(&accept_count, 1);
		if (slot < RECORDS)
			memcpy(accepts[slot], (int64_t[]){ polled_ns, before_ns, now_ns() },
			       sizeof(accepts[slot]));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
		else
			close(fd);
	}
}
