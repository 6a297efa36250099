/*
 * Preloaded into a process: what it does to files below a directory fails, or kills it.
 *
 *   SOCKLAT_WRITES_UNDER   directories, separated by ':'; calls elsewhere are left alone
 *   SOCKLAT_WRITES_AT      the call at which it happens, from 1 on; 0: never
 *   SOCKLAT_WRITES_DO      an errno to fail with from then on, or "kill", "short"
 *   SOCKLAT_WRITES_COUNT   a file that gets the number of calls when the process ends
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static __thread int inside;

static int is_under(const char *path)
{
	const char *under = getenv("SOCKLAT_WRITES_UNDER");
	while (under && *under) {
		const char *end = strchrnul(under, ':');
		size_t size = end - under;
		if (size && !strncmp(path, under, size) && (path[size] == '/' || !path[size])) return 1;
		under = *end ? end + 1 : end;
	}
	return 0;
}

static int path_of(int fd, char *path)
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t size = readlink(link, path, PATH_MAX - 1);
	if (size < 0) return 0;
	path[size] = 0;
	return 1;
}

static int absolute(int directory, const char *path, char *whole)
{
	if (*path == '/') {
		snprintf(whole, PATH_MAX, "%s", path);
		return 1;
	}
	char base[PATH_MAX];
	if (directory == AT_FDCWD ? !getcwd(base, sizeof base) : !path_of(directory, base)) return 0;
	return snprintf(whole, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

/* 0, or the errno of a call that is to fail; a short write is -1. */
static int fate(int counts)
{
	const char *at = getenv("SOCKLAT_WRITES_AT"), *what = getenv("SOCKLAT_WRITES_DO");
	if (!counts || inside) return 0;
	long number = atomic_fetch_add(&calls, 1) + 1;
	if (!at || !what || !atol(at)) return 0;
	if (!strcmp(what, "short")) return number == atol(at) ? -1 : 0;
	if (!strcmp(what, "kill") && number == atol(at)) kill(getpid(), SIGKILL);
	return number >= atol(at) ? atoi(what) : 0;
}

static int fate_of_fd(int fd)
{
	char path[PATH_MAX];
	return fate(path_of(fd, path) && is_under(path));
}

static int fate_of_path(int directory, const char *path)
{
	char whole[PATH_MAX];
	return fate(path && absolute(directory, path, whole) && is_under(whole));
}

static int failed(int number)
{
	errno = number;
	return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size)
{
	int number = fate_of_fd(fd);
	if (number > 0) return failed(number);
	return REAL(write)(fd, data, number < 0 && size > 1 ? size / 2 : size);
}

int fsync(int fd)
{
	int number = fate_of_fd(fd);
	return number > 0 ? failed(number) : REAL(fsync)(fd);
}

static int opened(const char *symbol, int directory, const char *path, int flags, mode_t mode)
{
	int writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
	int number = writes ? fate_of_path(directory, path) : 0;
	if (number > 0) return failed(number);
	int (*real)(int, const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
	return real(directory, path, flags, mode);
}

#define MODE                                                                                       \
	mode_t mode = 0;                                                                           \
	if (flags & (O_CREAT | __O_TMPFILE)) {                                                     \
		va_list more;                                                                      \
		va_start(more, flags);                                                             \
		mode = va_arg(more, mode_t);                                                       \
		va_end(more);                                                                      \
	}

int open(const char *path, int flags, ...)
{
	MODE
	return opened("openat", AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	MODE
	return opened("openat64", AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
	MODE
	return opened("openat", directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
	MODE
	return opened("openat64", directory, path, flags, mode);
}

int rename(const char *from, const char *to)
{
	int number = fate_of_path(AT_FDCWD, to);
	return number > 0 ? failed(number) : REAL(rename)(from, to);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
	int number = fate_of_path(to_at, to);
	return number > 0 ? failed(number) : REAL(renameat)(from_at, from, to_at, to);
}

int link(const char *from, const char *to)
{
	int number = fate_of_path(AT_FDCWD, to);
	return number > 0 ? failed(number) : REAL(link)(from, to);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	int number = fate_of_path(to_at, to);
	return number > 0 ? failed(number) : REAL(linkat)(from_at, from, to_at, to, flags);
}

int unlink(const char *path)
{
	int number = fate_of_path(AT_FDCWD, path);
	/* A full disk refuses no removal. */
	return number > 0 && number != ENOSPC ? failed(number) : REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
	int number = fate_of_path(AT_FDCWD, path);
	return number > 0 ? failed(number) : REAL(mkdir)(path, mode);
}

/* Each child has calls of its own: its parent makes the directory for it. */
static void begin(void)
{
	atomic_store(&calls, 0);
}

__attribute__((constructor)) static void follow_forks(void)
{
	pthread_atfork(NULL, NULL, begin);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("SOCKLAT_WRITES_COUNT");
	inside = 1;
	FILE *file = path ? fopen(path, "a") : NULL;
	if (!file) return;
	fprintf(file, "%ld\n", atomic_load(&calls));
	fclose(file);
}
