/*
 * LD_PRELOAD interposer for Dovecot: its imap and imap-hibernate processes do not wait for close(2) of an inotify
 * instance, which takes the kernel 4 to 20 ms (it waits for the end of all readers of watches, RCU).
 *
 * imap-hibernate is one process for all sessions, and closes an instance for each that wakes: a message to 500
 * waiting recipients was with the last of them 5 s later, while the processors were idle. A process that several
 * sessions share closes one for each that hibernates, and the others wait.
 *
 * close() of an instance hands it to a thread. Until the thread has closed it, its number is in use, so no other file
 * can have it. The thread calls close() and nothing else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INSTANCE "anon_inode:inotify"
#define STACK_BYTES (PTHREAD_STACK_MIN + 16384)

static __typeof__(close) *close_now;
/* numbers of instances go through it; of process `owner`, for threads do not survive a fork */
static int queue[2] = { -1, -1 };
static pid_t owner;

static bool is_instance(int fd)
{
	char path[32], target[sizeof(INSTANCE)];
	ssize_t length;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target));
	return length == (ssize_t)strlen(INSTANCE) && memcmp(target, INSTANCE, length) == 0;
}

static void *close_all(void *nothing)
{
	int fd;

	while (read(queue[0], &fd, sizeof(fd)) == sizeof(fd))
		(void)close_now(fd);
	return nothing;
}

static bool start(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	bool is_started;

	if (pipe2(queue, O_CLOEXEC) == -1)
		return false;
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	/* signals are for Dovecot's own thread */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	is_started = pthread_create(&thread, &attributes, close_all, NULL) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	if (!is_started) {
		(void)close_now(queue[0]);
		(void)close_now(queue[1]);
		return false;
	}
	(void)fcntl(queue[1], F_SETFL, O_NONBLOCK);
	owner = getpid();
	return true;
}

static bool hand_over(int fd)
{
	int error = errno;
	bool is_handed = (owner == getpid() || start()) && write(queue[1], &fd, sizeof(fd)) == sizeof(fd);

	errno = error;
	return is_handed;
}

static bool is_of_imap(void)
{
	static int known = -1;

	if (known == -1)
		known = strncmp(program_invocation_short_name, "imap", 4) == 0 &&
			strcmp(program_invocation_short_name, "imap-login") != 0;
	return known;
}

int close(int fd)
{
	if (close_now == NULL)
		close_now = (__typeof__(close_now))dlsym(RTLD_NEXT, "close");
	if (fd >= 0 && is_of_imap() && is_instance(fd) && hand_over(fd))
		return 0;
	return close_now(fd);
}
