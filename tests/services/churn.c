/*
 * Connections as fast as the machine makes them: opened, asked once, closed, in turn by FIN, by RST
 * after the response and by RST without waiting for it.
 *
 *   churn --host IPV4 --port P --seconds S --threads N --length BYTES [--fin-every N]
 *
 * One connection in N (a multiple of 3, default 30) ends by FIN: its port stays in TIME_WAIT for a
 * minute.
 * At the end one line of JSON: {"connections": n, "responses": n, "failed": n}.  `responses` counts
 * those that were waited for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"

enum { BY_FIN, BY_RST, NO_RESPONSE, ENDINGS };

static struct sockaddr_in to = { .sin_family = AF_INET };
static long seconds = 1, threads = 2, length = 16, fin_every = 30;
static atomic_long connections, responses, failed;

static void once(long number, char *buffer)
{
	struct linger at_once = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), ending = number % ENDINGS;
	ssize_t got = 0, n = 1;

	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		atomic_fetch_add(&failed, 1);
		close(fd);
		return;
	}
	atomic_fetch_add(&connections, 1);
	if (ending != BY_FIN || number % fin_every)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (send(fd, buffer, length, MSG_NOSIGNAL) == length && ending != NO_RESPONSE) {
		while (got < length && n > 0) {
			n = read(fd, buffer + got, length - got);
			got += n > 0 ? n : 0;
		}
		atomic_fetch_add(got == length ? &responses : &failed, 1);
	}
	close(fd);
}

static void *churn(void *until_ns)
{
	char *buffer = calloc(1, length);

	for (long number = 0; now_ns() < *(int64_t *)until_ns; number++)
		once(number, buffer);
	return NULL;
}

int main(int argc, char **argv)
{
	int64_t until_ns;
	pthread_t thread[64];

	for (int i = 1; i + 1 < argc; i += 2) {
		long value = atol(argv[i + 1]);

		if (!strcmp(argv[i], "--host")) inet_pton(AF_INET, argv[i + 1], &to.sin_addr);
		else if (!strcmp(argv[i], "--port")) to.sin_port = htons(value);
		else if (!strcmp(argv[i], "--seconds")) seconds = value;
		else if (!strcmp(argv[i], "--threads")) threads = value;
		else if (!strcmp(argv[i], "--length")) length = value;
		else if (!strcmp(argv[i], "--fin-every")) fin_every = value;
		else return 2;
	}
	if (threads > 64 || fin_every < 1)
		return 2;
	until_ns = now_ns() + seconds * 1000000000LL;
	for (long i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, churn, &until_ns);
	for (long i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("{\"connections\": %ld, \"responses\": %ld, \"failed\": %ld}\n", connections, responses,
	       failed);
	return 0;
}
