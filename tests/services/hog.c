/*
 * Takes a CPU away now and then, as a hypervisor would: a real-time thread that nobody interrupts.
 *
 *   hog --cpu N --share PERCENT --mean US
 *
 * Bursts and pauses are uniform around their means; bursts last `mean` and take `share` of the time.
 * Ends after ten minutes at the latest, or when its parent does.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define AT_MOST_NS (600 * 1000000000LL)

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int64_t around_ns(double mean_us)
{
	return (int64_t)((0.1 + 1.8 * drand48()) * mean_us * 1000.0);
}

int main(int argc, char **argv)
{
	struct sched_param priority = { .sched_priority = 10 };
	int64_t start_ns = now_ns(), until_ns;
	double share = 0, mean_us = 5000;
	struct timespec pause;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--cpu")) CPU_SET(atoi(argv[i + 1]), &set);
		else if (!strcmp(argv[i], "--share")) share = atof(argv[i + 1]) / 100;
		else if (!strcmp(argv[i], "--mean")) mean_us = atof(argv[i + 1]);
		else return 2;
	}
	if (share <= 0 || share >= 0.9)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srand48(start_ns);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &priority)) {
		perror("hog");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (now_ns() - start_ns < AT_MOST_NS) {
		until_ns = now_ns() + around_ns(mean_us);
		while (now_ns() < until_ns)
			;
		until_ns = around_ns(mean_us * (1 - share) / share);
		pause.tv_sec = until_ns / 1000000000LL;
		pause.tv_nsec = until_ns % 1000000000LL;
		nanosleep(&pause, NULL);
	}
	return 0;
}
