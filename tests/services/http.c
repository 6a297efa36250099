/*
 * A small HTTP/1.1 service: responds to every request on keep-alive connections after a known delay.
 *
 *   http [--port P] [--delay US] [--spread US] [--status N] [--body BYTES] [--workers N]
 *
 * GET /health and everything else respond with 200, or that status, and a short body, or one of so
 * many bytes.  --spread makes delays even over [delay, delay + spread).  --workers lets so many
 * requests wait at once and the others wait for these (no limit).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char response[65536];
static size_t response_bytes;
static long delay_us = 2000, spread_us, status = 200, body = 3, workers;
static sem_t free_workers;

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char request[8192];
	size_t held = 0;
	unsigned int seed = (unsigned int)fd * 2654435761u;

	prctl(PR_SET_TIMERSLACK, 1);
	for (;;) {
		ssize_t n = read(fd, request + held, sizeof(request) - 1 - held);
		long us = delay_us + (spread_us ? rand_r(&seed) % spread_us : 0);
		struct timespec pause = { us / 1000000, us % 1000000 * 1000 };

		if (n <= 0)
			break;
		held += n;
		request[held] = 0;
		if (!strstr(request, "\r\n\r\n"))
			continue;
		held = 0;
		while (workers && sem_wait(&free_workers))
			;
		nanosleep(&pause, NULL);
		if (workers)
			sem_post(&free_workers);
		if (send(fd, response, response_bytes, MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int listener, one = 1;
	long port = 8080;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--port")) port = atol(argv[i + 1]);
		else if (!strcmp(argv[i], "--delay")) delay_us = atol(argv[i + 1]);
		else if (!strcmp(argv[i], "--spread")) spread_us = atol(argv[i + 1]);
		else if (!strcmp(argv[i], "--status")) status = atol(argv[i + 1]);
		else if (!strcmp(argv[i], "--body")) body = atol(argv[i + 1]);
		else if (!strcmp(argv[i], "--workers")) workers = atol(argv[i + 1]);
		else return 2;
	}
	if (body < 0 || body > (long)sizeof(response) - 256 || status < 100 || status > 599)
		return 2;
	sem_init(&free_workers, 0, workers);
	response_bytes = snprintf(response, sizeof(response),
				  "HTTP/1.1 %ld OK\r\nContent-Type: text/plain\r\nContent-Length: %ld\r\n\r\n",
				  status, body);
	memset(response + response_bytes, 'x', body);
	memcpy(response + response_bytes, "ok\n", body < 3 ? body : 3);
	response_bytes += body;
	signal(SIGTERM, _exit);
	address.sin_port = htons(port);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1024)) {
		perror("http: cannot listen");
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
