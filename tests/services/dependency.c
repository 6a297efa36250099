/*
 * A dependency: responds to every byte after a wait, on several ports with a wait each.
 *
 *   dependency PORT=MICROSECONDS...
 *
 * One thread a connection, which sleeps, so that nothing but the wait is added.  Says "ready" once
 * all ports listen.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct place {
	int fd;
	long wait_us;
};

static void *respond(void *argument)
{
	struct place *client = argument;
	struct timespec wait = { client->wait_us / 1000000, client->wait_us % 1000000 * 1000 };
	char byte;

	prctl(PR_SET_TIMERSLACK, 1);
	while (recv(client->fd, &byte, 1, 0) == 1) {
		nanosleep(&wait, NULL);
		if (send(client->fd, &byte, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	close(client->fd);
	free(client);
	return NULL;
}

static void start(void *(*run)(void *), struct place *with)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, run, with))
		exit(1);
}

static void *serve(void *argument)
{
	struct place *listener = argument, *client;
	int one = 1;

	for (;;) {
		client = malloc(sizeof(*client));
		client->wait_us = listener->wait_us;
		client->fd = accept(listener->fd, NULL, NULL);
		if (client->fd < 0)
			exit(1);
		setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		start(respond, client);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct place *listener = malloc(sizeof(*listener));
		struct sockaddr_in address = { .sin_family = AF_INET };
		char *wait = strchr(argv[i], '=');
		int one = 1;

		if (!wait)
			return 2;
		address.sin_port = htons((uint16_t)atoi(argv[i]));
		listener->wait_us = atol(wait + 1);
		listener->fd = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) ||
		    listen(listener->fd, 1024)) {
			perror(argv[i]);
			return 1;
		}
		start(serve, listener);
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
