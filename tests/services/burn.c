/* Use CPU time when told to, and say how much by the kernel's own clock of each process.
 *
 *   burn MS    prints "waiting"; at SIGUSR1 uses MS ms of CPU time in each of a child that ends,
 *              another thread and this one, prints the sum in ns, and waits to be stopped
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		abort();
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *burn(void *ms)
{
	uint64_t end_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID) + *(uint64_t *)ms * 1000000u;

	while (cpu_ns(CLOCK_THREAD_CPUTIME_ID) < end_ns)
		for (volatile int i = 0; i < 10000; i++)
			;
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t ms = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, used_ns = 0, start_ns;
	pthread_t other;
	int ends[2], got;
	sigset_t go;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &go, NULL) || pipe(ends))
		return 1;
	puts("waiting");
	fflush(stdout);
	sigwait(&go, &got);
	/* The process is older than this program: it set the container up before. */
	start_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (!fork()) {
		burn(&ms);
		used_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
		return write(ends[1], &used_ns, sizeof used_ns) != sizeof used_ns;
	}
	if (read(ends[0], &used_ns, sizeof used_ns) != sizeof used_ns)
		return 1;
	wait(NULL);
	if (pthread_create(&other, NULL, burn, &ms))
		return 1;
	burn(&ms);
	pthread_join(other, NULL);
	used_ns += cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
	printf("%llu\n", (unsigned long long)used_ns);
	fflush(stdout);
	pause();
	return 0;
}
