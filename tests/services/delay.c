/*
 * Ground truth for the probe: responds to fixed-length requests after delays of known length, and
 * says how long it really waited.
 *
 *   delay --port P --length BYTES --before-read US --before-response US [--die-after N]
 *         [--family 4|6] [--stop-every MS] [--stop-length MS] [--stop-idle 0|1|2]
 *         [--ready-after MS] [--restart-every MS] [--hold MIB] [--burst MIB]
 *
 * One thread a connection.  When a request's first bytes are there (poll), it waits before-read,
 * reads the whole request, waits before-response and sends as many bytes back.  Waiting is a sleep
 * to an absolute time with 1 ns timer slack, then a spin over the last 100 us, so that the delay
 * is met within a few us wherever a CPU is free.  --die-after exits with 3 after N responses.
 * --stop-every keeps all responses back for a while (300 ms, or --stop-length), for the first time
 * so long after the start; it burns a CPU meanwhile, unless it is to be idle, or (2) to read pages
 * of a file that it has evicted from memory before.
 * --ready-after waits before it listens; before that --hold fills memory that it keeps, and --burst
 * memory that it gives back at once.
 * --restart-every starts the program anew in the same process: connections end, and new ones are
 * refused until it listens again.
 * Without --family it serves IPv6 and, as v4-mapped addresses, IPv4.
 *
 * On SIGTERM one line of JSON on stdout tells what happened, from this process's own clock and
 * from the arrival times that the kernel stamps on received segments (SO_TIMESTAMPNS).  For each
 * stage `true` is what was waited, and the probe's value lies between `least` and `most`, exchange
 * by exchange, wherever inside the system calls its hooks are:
 *
 *               least                             true                          most
 *   recv_wait   poll returned -> about to read    arrived -> about to read      arrived -> read
 *   app         read -> about to send             the same               about to read -> sent
 *   service     poll returned -> about to send    arrived -> about to send      arrived -> sent
 *
 * "arrived" is the request's last segment, "read" the first read's return, "sent" the send's.
 * Quantiles are nearest-rank, in ns.  unstamped counts requests without an arrival time, for which
 * poll's return stands in.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define RECORDS (1 << 16)
#define PAGES_BYTES (32L << 20)

enum { RECV_WAIT, APP, SERVICE, STAGES };
enum { LEAST, TRUE, MOST, BOUNDS };
static const char *const stage_names[STAGES] = { "recv_wait", "app", "service" };
static const char *const bound_names[BOUNDS] = { "least", "true", "most" };
static int64_t waits_ns[STAGES][BOUNDS][RECORDS];

static long length = 16, before_read_us, before_response_us, die_after, family;
static long stop_every_ms, stop_length_ms = 300, stop_idle;
static long ready_after_ms, restart_every_ms, hold_mib, burst_mib;
static pthread_rwlock_t stopped = PTHREAD_RWLOCK_INITIALIZER;
static atomic_long responses, recorded, finished, unstamped;

/* Moments of one exchange, ns of CLOCK_MONOTONIC. */
struct moments {
	int64_t arrived, polled, before_read, read, before_send, sent;
};

static void record(const struct moments *m)
{
	long slot = atomic_fetch_add(&recorded, 1);

	if (slot >= RECORDS)
		return; /* the first RECORDS exchanges are told */
	waits_ns[RECV_WAIT][LEAST][slot] = m->before_read - m->polled;
	waits_ns[RECV_WAIT][TRUE][slot] = m->before_read - m->arrived;
	waits_ns[RECV_WAIT][MOST][slot] = m->read - m->arrived;
	waits_ns[APP][LEAST][slot] = m->before_send - m->read;
	waits_ns[APP][TRUE][slot] = m->before_send - m->read;
	waits_ns[APP][MOST][slot] = m->sent - m->before_read;
	waits_ns[SERVICE][LEAST][slot] = m->before_send - m->polled;
	waits_ns[SERVICE][TRUE][slot] = m->before_send - m->arrived;
	waits_ns[SERVICE][MOST][slot] = m->sent - m->arrived;
	atomic_fetch_add(&finished, 1);
}

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char *buffer = malloc(length);
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	prctl(PR_SET_TIMERSLACK, 1);
	while (buffer && poll(&wanted, 1, -1) == 1) {
		struct moments m = { .polled = now_ns() };
		int64_t stamp_ns = 0, wall_ns;
		long got;

		if (before_read_us)
			wait_until(m.polled + before_read_us * 1000);
		wall_ns = clock_ns(CLOCK_REALTIME);
		m.before_read = now_ns();
		got = read_stamped(fd, buffer, length, &stamp_ns);
		m.read = now_ns();
		if (got <= 0)
			break;
		if (!stamp_ns)
			atomic_fetch_add(&unstamped, 1);
		m.arrived = stamp_ns ? m.before_read - (wall_ns - stamp_ns) : m.polled;
		while (got < length) {
			ssize_t n = read(fd, buffer + got, length - got);

			if (n <= 0)
				goto closed;
			got += n;
		}
		if (before_response_us)
			wait_until(now_ns() + before_response_us * 1000);
		if (stop_every_ms) {
			pthread_rwlock_rdlock(&stopped);
			pthread_rwlock_unlock(&stopped);
		}
		/* Counted before the response: who has it all may end this process at once. */
		atomic_fetch_add(&responses, 1);
		m.before_send = now_ns();
		if (send(fd, buffer, length, MSG_NOSIGNAL) != length)
			break;
		m.sent = now_ns();
		record(&m);
		if (die_after && atomic_load(&responses) >= die_after) {
			fprintf(stderr, "dying after %ld responses\n", die_after);
			exit(3);
		}
	}
closed:
	free(buffer);
	close(fd);
	return NULL;
}

/* Pages of a file on a disk; NULL where there is none to be had. */
static char *file_pages(int *fd)
{
	char *block = malloc(1 << 20), *pages;

	*fd = open("pages", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (!block || *fd < 0)
		return NULL;
	memset(block, 1, 1 << 20);
	for (long done = 0; done < PAGES_BYTES; done += 1 << 20)
		if (pwrite(*fd, block, 1 << 20, done) != 1 << 20)
			return NULL;
	free(block);
	if (fsync(*fd))
		return NULL;
	pages = mmap(NULL, PAGES_BYTES, PROT_READ, MAP_SHARED, *fd, 0);
	return pages == MAP_FAILED || madvise(pages, PAGES_BYTES, MADV_RANDOM) ? NULL : pages;
}

static void read_evicted(char *pages, int fd, int64_t until_ns)
{
	long size = sysconf(_SC_PAGESIZE);

	while (now_ns() < until_ns) {
		madvise(pages, PAGES_BYTES, MADV_DONTNEED); /* what is mapped is not evicted */
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		for (long at = 0; at < PAGES_BYTES && now_ns() < until_ns; at += size)
			(void)*(volatile char *)(pages + at);
	}
}

static void *stop_now_and_then(void *unused)
{
	char *pages;
	int fd = -1;

	(void)unused;
	pages = stop_idle == 2 ? file_pages(&fd) : NULL;
	if (stop_idle == 2 && !pages) {
		perror("delay: no file to read pages of");
		exit(1);
	}
	for (;;) {
		int64_t until_ns;

		usleep(stop_every_ms * 1000);
		pthread_rwlock_wrlock(&stopped);
		until_ns = now_ns() + stop_length_ms * 1000000LL;
		if (pages)
			read_evicted(pages, fd, until_ns);
		while (now_ns() < until_ns)
			if (stop_idle)
				usleep(1000);
		pthread_rwlock_unlock(&stopped);
	}
	return NULL;
}

static void *restart(void *argv)
{
	usleep(restart_every_ms * 1000);
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	execv(((char **)argv)[0], argv);
	perror("delay: cannot start anew");
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t quantile_ns(const int64_t *sorted_ns, long n, int percent)
{
	long rank = (n * percent + 99) / 100;

	return n ? sorted_ns[rank ? rank - 1 : 0] : 0;
}

/* Waits for SIGTERM, which every other thread has blocked, and tells what was waited. */
static void *tell_at_end(void *argument)
{
	sigset_t *ending = argument;
	int number;
	long n;

	while (sigwait(ending, &number))
		;
	for (int i = 0; i < 1000 && atomic_load(&finished) < atomic_load(&responses); i++)
		usleep(1000);
	n = atomic_load(&finished);
	printf("{\"responses\": %ld, \"unstamped\": %ld", atomic_load(&responses), atomic_load(&unstamped));
	for (int stage = 0; stage < STAGES; stage++) {
		printf(", \"%s\": {", stage_names[stage]);
		for (int bound = 0; bound < BOUNDS; bound++) {
			int64_t *sorted_ns = waits_ns[stage][bound];

			qsort(sorted_ns, n, sizeof(int64_t), by_value);
			printf("%s\"%s\": {\"p50\": %lld, \"p99\": %lld, \"max\": %lld}",
			       bound ? ", " : "", bound_names[bound],
			       (long long)quantile_ns(sorted_ns, n, 50),
			       (long long)quantile_ns(sorted_ns, n, 99),
			       (long long)quantile_ns(sorted_ns, n, 100));
		}
		printf("}");
	}
	printf("}\n");
	fflush(stdout);
	_exit(0);
}

/* Memory that is really there; NULL where there is none to be had. */
static char *filled(long mib)
{
	char *memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memset(memory, 1, mib << 20);
}

static int take_memory(void)
{
	if (hold_mib && !filled(hold_mib))
		return -1;
	if (burst_mib) {
		char *memory = filled(burst_mib);

		return memory ? munmap(memory, burst_mib << 20) : -1;
	}
	return 0;
}

static int listen_on(long port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any,
				   .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, only_v6 = family == 6;
	int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	int failed;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)); /* inherited by accept */
	if (family == 4) {
		failed = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
		failed = bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	}
	return failed || listen(fd, 1024) ? -1 : fd;
}

int main(int argc, char **argv)
{
	long port = 7000;
	int listener, one = 1;
	static sigset_t ending;
	pthread_t thread;

	for (int i = 1; i + 1 < argc; i += 2) {
		long value = atol(argv[i + 1]);

		if (!strcmp(argv[i], "--port")) port = value;
		else if (!strcmp(argv[i], "--length")) length = value;
		else if (!strcmp(argv[i], "--before-read")) before_read_us = value;
		else if (!strcmp(argv[i], "--before-response")) before_response_us = value;
		else if (!strcmp(argv[i], "--die-after")) die_after = value;
		else if (!strcmp(argv[i], "--family")) family = value;
		else if (!strcmp(argv[i], "--stop-every")) stop_every_ms = value;
		else if (!strcmp(argv[i], "--stop-length")) stop_length_ms = value;
		else if (!strcmp(argv[i], "--stop-idle")) stop_idle = value;
		else if (!strcmp(argv[i], "--ready-after")) ready_after_ms = value;
		else if (!strcmp(argv[i], "--restart-every")) restart_every_ms = value;
		else if (!strcmp(argv[i], "--hold")) hold_mib = value;
		else if (!strcmp(argv[i], "--burst")) burst_mib = value;
		else return 2;
	}
	/* A blocked signal reaches sigwait even for process 1 of a container. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ending, NULL);
	if (pthread_create(&thread, NULL, tell_at_end, &ending))
		return 1;
	if (stop_every_ms && pthread_create(&thread, NULL, stop_now_and_then, NULL))
		return 1;
	if (restart_every_ms && pthread_create(&thread, NULL, restart, argv))
		return 1;
	if (take_memory()) {
		perror("delay: no memory");
		return 1;
	}
	usleep(ready_after_ms * 1000);
	listener = listen_on(port);
	if (listener < 0) {
		perror("delay: cannot listen");
		return 1;
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
		else
			close(fd);
	}
}
