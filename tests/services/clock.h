/* Time for the test services: waits of known length, and when the kernel says a segment arrived. */
#ifndef SOCKLAT_TEST_CLOCK_H
#define SOCKLAT_TEST_CLOCK_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline void wait_until(int64_t until_ns)
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

/* Reads what is there; *arrived_ns becomes the kernel's wall-clock stamp, or stays as it is. */
static inline ssize_t read_stamped(int fd, char *buffer, size_t room, int64_t *arrived_ns)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec part = { buffer, room };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, 0);

	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL; c;
	     c = CMSG_NXTHDR(&message, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		*arrived_ns = t.tv_sec * 1000000000LL + t.tv_nsec;
	}
	return n;
}

#endif
