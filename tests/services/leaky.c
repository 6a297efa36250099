/* SPDX-License-Identifier: Apache-2.0
 *
 * A service that keeps no secret: it logs its environment and every request, and its error
 * responses, HTTP's or RESP's, repeat what was asked.
 *
 *   leaky [--port P] [--die-after N]
 *
 * After N requests it logs the last one once more and exits with 3.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;
static long die_after = -1;
static long asked;

static void respond(int fd, const char *request)
{
	char response[20000], body[9000];
	int n;

	if (!strncmp(request, "GET ", 4)) {
		n = snprintf(body, sizeof(body), "not allowed: %s", request);
		n = snprintf(response, sizeof(response),
			     "HTTP/1.1 401 Unauthorized\r\nX-Asked: yes\r\nContent-Length: %d\r\n\r\n%s",
			     n, body);
	} else {
		n = snprintf(response, sizeof(response), "-ERR not allowed: %s", request);
	}
	if (__atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED) == die_after) {
		for (char **variable = environ; *variable; variable++)
			fprintf(stderr, "environment %s\n", *variable);
		fprintf(stderr, "last request %s\n", request);
		_exit(3);
	}
	send(fd, response, n, MSG_NOSIGNAL);
}

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char request[8192];
	size_t held = 0;

	for (;;) {
		ssize_t n = read(fd, request + held, sizeof(request) - 1 - held);
		int http;

		if (n <= 0)
			break;
		held += n;
		request[held] = 0;
		http = !strncmp(request, "GET ", 4);
		if (!strstr(request, http ? "\r\n\r\n" : "\r\n"))
			continue;
		held = 0;
		respond(fd, request);
	}
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int listener, one = 1;
	long port = 7000;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--port")) port = atol(argv[i + 1]);
		else if (!strcmp(argv[i], "--die-after")) die_after = atol(argv[i + 1]);
		else return 2;
	}
	signal(SIGTERM, _exit);
	address.sin_port = htons(port);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1024)) {
		perror("leaky: cannot listen");
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
