/*
 * A helper outside of the containers: works for every datagram that wakes it, one at a time.
 *
 *   woken --port N --cpu N --us MICROSECONDS
 *
 * It is a real-time thread, so that the work takes the CPU at once and in one piece.  Says "ready"
 * once it listens; ends after ten minutes at the latest, or when its parent does.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_MOST_S 600

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct sched_param priority = { .sched_priority = 10 };
	int64_t length_ns = 10 * 1000000LL, until_ns;
	cpu_set_t set;
	char byte;
	int fd;

	CPU_ZERO(&set);
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--port")) address.sin_port = htons((uint16_t)atoi(argv[i + 1]));
		else if (!strcmp(argv[i], "--cpu")) CPU_SET(atoi(argv[i + 1]), &set);
		else if (!strcmp(argv[i], "--us")) length_ns = atol(argv[i + 1]) * 1000LL;
		else return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(AT_MOST_S);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &priority)) {
		perror("woken");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (recv(fd, &byte, 1, 0) >= 0) {
		until_ns = now_ns() + length_ns;
		while (now_ns() < until_ns)
			;
	}
	return 1;
}
