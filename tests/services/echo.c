/* SPDX-License-Identifier: Apache-2.0
 *
 * A TCP echo server for tests: small, static, and able to misbehave in every way the gate handles.
 *
 *   --port N            listen there (default: $ECHO_PORT, else 7000)
 *   --log LINE          print LINE at start (repeatable)
 *   --print-env NAME    print "NAME=value" at start (repeatable)
 *   --write PATH        try to create PATH and print what came of it
 *   --listen-after MS   wait before listening
 *   --never-listen      run, but never listen
 *   --http STATUS       respond to whatever comes with an empty HTTP response of that status
 *   --http-warmup MS    respond with 503 for so long first
 *   --close-every N     close the connection instead of giving every N-th response
 *   --exit-after N      exit once N connections have been closed
 *   --exit-after-ms MS  exit so long after the start
 *   --exit-now          exit after printing
 *   --exit-code N       status of these exits (default 0)
 *   --eat-memory MB     touch so much memory at start
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void leave(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

static int send_all(int fd, const char *data, size_t left)
{
	while (left) {
		ssize_t n = send(fd, data, left, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		data += n;
		left -= n;
	}
	return 0;
}

static int respond(int fd, int http_status)
{
	char data[65536];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	if (n <= 0)
		return -1;
	if (!http_status)
		return send_all(fd, data, n);
	n = snprintf(data, sizeof(data), "HTTP/1.1 %d Test\r\nContent-Length: 0\r\n\r\n", http_status);
	return send_all(fd, data, n);
}

static int listen_on(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1024))
		die("listen");
	return fd;
}

int main(int argc, char **argv)
{
	const char *port_text = getenv("ECHO_PORT");
	int port = port_text ? atoi(port_text) : 7000;
	int never_listen = 0, http = 0, exit_now = 0, exit_code = 0;
	long listen_after_ms = 0, http_warmup_ms = 0, exit_after = 0, exit_after_ms = 0, closed = 0;
	long close_every = 0, asked = 0;
	long start_ms = now_ms();

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGTERM, leave); /* process 1 ignores it otherwise */
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i], *value = argv[i + 1] ? argv[i + 1] : "";

		if (!strcmp(name, "--never-listen")) {
			never_listen = 1;
			continue;
		}
		if (!strcmp(name, "--exit-now")) {
			exit_now = 1;
			continue;
		}
		i++;
		if (!strcmp(name, "--port")) {
			port = atoi(value);
		} else if (!strcmp(name, "--log")) {
			puts(value);
		} else if (!strcmp(name, "--print-env")) {
			printf("%s=%s\n", value, getenv(value) ? getenv(value) : "(unset)");
		} else if (!strcmp(name, "--write")) {
			int fd = open(value, O_CREAT | O_WRONLY, 0600);

			printf("write %s: %s\n", value, fd < 0 ? strerror(errno) : "ok");
		} else if (!strcmp(name, "--listen-after")) {
			listen_after_ms = atol(value);
		} else if (!strcmp(name, "--http")) {
			http = atoi(value);
		} else if (!strcmp(name, "--http-warmup")) {
			http_warmup_ms = atol(value);
		} else if (!strcmp(name, "--close-every")) {
			close_every = atol(value);
		} else if (!strcmp(name, "--exit-after")) {
			exit_after = atol(value);
		} else if (!strcmp(name, "--exit-after-ms")) {
			exit_after_ms = atol(value);
		} else if (!strcmp(name, "--exit-code")) {
			exit_code = atoi(value);
		} else if (!strcmp(name, "--eat-memory")) {
			size_t bytes = (size_t)atol(value) << 20;
			char *block = malloc(bytes);

			if (!block)
				die("malloc");
			for (size_t at = 0; at < bytes; at += 4096)
				((volatile char *)block)[at] = 1;
		} else {
			fprintf(stderr, "echo: unknown option %s\n", name);
			return 98;
		}
	}
	if (exit_now)
		return exit_code;
	usleep(listen_after_ms * 1000);

	int listener = never_listen ? -1 : listen_on(port);
	int poll_fd = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];

	if (!never_listen)
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		long left_ms = exit_after_ms ? exit_after_ms - (now_ms() - start_ms) : -1;

		if (exit_after_ms && left_ms <= 0)
			return exit_code;
		int count = epoll_wait(poll_fd, events, 64, left_ms);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (fd == listener) {
				int on = 1;

				fd = accept(listener, NULL, NULL);
				if (fd < 0)
					continue;
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
				event.data.fd = fd;
				epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
				continue;
			}
			int warming = http && now_ms() - start_ms < http_warmup_ms;

			int closing = close_every && ++asked % close_every == 0;

			if (closing || respond(fd, warming ? 503 : http)) {
				close(fd);
				if (++closed == exit_after)
					return exit_code;
			}
		}
	}
}
