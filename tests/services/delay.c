/*
 * Ground truth for the probe: answers fixed-length requests after delays of known length.
 *
 *   delay --port P --length BYTES --before-read US --before-answer US [--die-after N]
 *
 * One thread a connection.  When a request's first bytes are there (poll), it waits before-read,
 * reads the whole request, waits before-answer and sends as many bytes back.  Waiting is a sleep
 * to an absolute time with 1 ns timer slack, then a spin over the last 100 us, so that the delay
 * is met within a few us wherever a CPU is free.  --die-after exits with 3 after N answers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long length = 16, before_read_us, before_answer_us, die_after;
static atomic_long answers;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void wait_until(int64_t until_ns)
{
	int64_t sleep_ns = until_ns - 100000;

	if (sleep_ns > now_ns()) {
		struct timespec t = { sleep_ns / 1000000000, sleep_ns % 1000000000 };

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
			;
	}
	while (now_ns() < until_ns)
		;
}

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char *buffer = malloc(length);
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	prctl(PR_SET_TIMERSLACK, 1);
	while (buffer && poll(&wanted, 1, -1) == 1) {
		long got = 0;
		int64_t start_ns = now_ns();

		if (before_read_us)
			wait_until(start_ns + before_read_us * 1000);
		while (got < length) {
			ssize_t n = read(fd, buffer + got, length - got);

			if (n <= 0)
				goto closed;
			got += n;
		}
		if (before_answer_us)
			wait_until(now_ns() + before_answer_us * 1000);
		if (send(fd, buffer, length, MSG_NOSIGNAL) != length)
			break;
		if (atomic_fetch_add(&answers, 1) + 1 == die_after) {
			fprintf(stderr, "dying after %ld answers\n", die_after);
			exit(3);
		}
	}
closed:
	free(buffer);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	long port = 7000;
	int listener, one = 1, zero = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		long value = atol(argv[i + 1]);

		if (!strcmp(argv[i], "--port")) port = value;
		else if (!strcmp(argv[i], "--length")) length = value;
		else if (!strcmp(argv[i], "--before-read")) before_read_us = value;
		else if (!strcmp(argv[i], "--before-answer")) before_answer_us = value;
		else if (!strcmp(argv[i], "--die-after")) die_after = value;
		else return 2;
	}
	/* As process 1 of a container it has no default action for signals. */
	signal(SIGTERM, _exit);
	address.sin6_port = htons(port);
	listener = socket(AF_INET6, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1024)) {
		perror("delay: cannot listen");
		return 1;
	}
	for (;;) {
		pthread_t thread;
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
