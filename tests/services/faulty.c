/*
 * An HTTP service that goes wrong in a named way, for tests of what watches it.
 *
 *   faulty --port P --delay US [--mode MODE] [--after N] [--listen-after MS]
 *
 * One thread a connection.  It waits `delay` before each response of 2 bytes.  After N responses, of
 * all connections together (default 0: at once), `mode` says what happens instead:
 *
 *   crash      the process aborts                  exit       it ends with code 0
 *   hang       no request is answered any more     stopped    the whole process stops itself
 *   oom        it takes memory until it is killed  spin       all threads burn CPU, no response
 *   garbage    bytes that are no HTTP              empty      the connection is closed, no response
 *   reset      the connection is reset             short      half of the promised body, then closed
 *   drip       a response of a byte a second       header     a head that never ends
 *   huge       a body that never ends              error      status 500
 *   other      another status (404)                unlisten   the listening socket is closed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *mode = "";
static long delay_us, after, listen_after_ms;
static int port = 8080, listener = -1;
static atomic_long responses;

static void sleep_us(long us)
{
	struct timespec wait = { us / 1000000, us % 1000000 * 1000 };
	while (nanosleep(&wait, &wait)) {
	}
}

static int send_all(int fd, const void *data, size_t size)
{
	return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static int is(const char *name)
{
	return !strcmp(mode, name);
}

static void eat_memory(void)
{
	for (;;) {
		char *piece = malloc(1 << 20);
		if (piece) memset(piece, 1, 1 << 20);
	}
}

/* Whether the connection is to go on. */
static int go_wrong(int fd)
{
	static const char garbage[] = "\x16\x03\xff\x00\x00\x00\nnot http\r\n\r\n\x80\x81\x82\x83";
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	static const char big[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it";
	static const char line[] = "X-More: and more and more and more\r\n";
	static const char server_error[] = "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno";
	static const char not_found[] = "HTTP/1.1 404 Nothing\r\nContent-Length: 2\r\n\r\nno";
	static char page[1 << 14];

	if (is("crash")) abort();
	if (is("exit")) _exit(0);
	if (is("stopped")) raise(SIGSTOP);
	if (is("oom")) eat_memory();
	if (is("hang")) pause();
	if (is("spin")) {
		for (;;) atomic_fetch_add(&responses, 1);
	}
	if (is("garbage")) return send_all(fd, garbage, sizeof garbage - 1);
	if (is("empty")) return 0;
	if (is("reset")) {
		struct linger at_once = { 1, 0 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		return 0;
	}
	if (is("short")) {
		send_all(fd, big, sizeof big - 1);
		return 0;
	}
	if (is("drip")) {
		for (size_t at = 0; at < sizeof head - 1; at++) {
			if (!send_all(fd, head + at, 1)) return 0;
			sleep_us(1000000);
		}
		return 1;
	}
	if (is("header")) {
		if (!send_all(fd, head, 17)) return 0;
		while (send_all(fd, line, sizeof line - 1)) sleep_us(1000);
		return 0;
	}
	if (is("huge")) {
		if (!send_all(fd, "HTTP/1.1 200 OK\r\n\r\n", 19)) return 0;
		while (send_all(fd, page, sizeof page)) {
		}
		return 0;
	}
	if (is("error")) return send_all(fd, server_error, sizeof server_error - 1);
	if (is("other")) return send_all(fd, not_found, sizeof not_found - 1);
	if (is("unlisten")) {
		close(listener);
		return 0;
	}
	return send_all(fd, head, sizeof head - 1);
}

static void *serve(void *given)
{
	int fd = (int)(long)given, on = 1, go_on = 1;
	static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	char request[4096];
	size_t size = 0;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	while (go_on) {
		ssize_t got = recv(fd, request + size, sizeof request - 1 - size, 0);
		if (got <= 0) break;
		size += got;
		request[size] = 0;
		if (!strstr(request, "\r\n\r\n")) continue;
		size = 0;
		sleep_us(delay_us);
		if (*mode && atomic_load(&responses) >= after) {
			go_on = go_wrong(fd);
		} else {
			atomic_fetch_add(&responses, 1);
			go_on = send_all(fd, response, sizeof response - 1);
		}
	}
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int on = 1;

	for (int i = 1; i + 1 < argc; i += 2) {
		long value = atol(argv[i + 1]);
		if (!strcmp(argv[i], "--port")) port = value;
		else if (!strcmp(argv[i], "--delay")) delay_us = value;
		else if (!strcmp(argv[i], "--after")) after = value;
		else if (!strcmp(argv[i], "--listen-after")) listen_after_ms = value;
		else if (!strcmp(argv[i], "--mode")) mode = argv[i + 1];
		else return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	/* The first process of a container has no default actions: only this ends it soon. */
	signal(SIGTERM, _exit);
	/* Nor can it be stopped from inside: for that the service is its child. */
	if (is("stopped") && fork()) {
		for (;;) pause();
	}
	sleep_us(listen_after_ms * 1000);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	address.sin_port = htons(port);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512)) return 3;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;
		if (fd < 0) {
			pause();
			continue;
		}
		if (pthread_create(&thread, NULL, serve, (void *)(long)fd)) close(fd);
		else pthread_detach(thread);
	}
}
