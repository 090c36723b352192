/*
 * LD_PRELOAD interposer for Dovecot's imap-hibernate and imap, which wait for the kernel when they close inotify instances.
 *
 * The kernel frees the watches of an instance 8 to 16 ms later (SRCU), and a close of any instance waits until no watch is
 * left to free. Each hibernating session has an instance, and one process has all of these sessions: while thousands end
 * or wake up, it would do nothing else, and the imap processes of new ones would wait until it accepts them. A message to
 * 500 waiting recipients was with the last of them after 5 s, while processors were idle.
 *
 * close(), in imap-hibernate: gives an instance to threads. One takes all that wait, removes their watches, and closes
 * them: 100 at once take 0.01 s instead of 0.8.
 *
 * At its exit the kernel closes what is open, one after the other: with 2,000 sessions that sleep Dovecot took 20 s to
 * stop, and 10,000 would exceed systemd's 90 s. So imap-hibernate removes all watches when it exits.
 *
 * inotify_init(), inotify_add_watch() and close(), in imap: a session that hibernates takes the instance of an event loop
 * with it, which gets another one, and ends without a use of it. That one is kept for the next session. A thread must not
 * close it: each login of the process calls setuid(), and glibc waits until all threads have answered a signal.
 *
 * It is a plugin of no kind, because imap-hibernate loads none.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* A close waits for watches that other processes removed, too: one thread waits for them, while others go on. */
#define CLOSERS 4
#define STACK_BYTES 65536
#define MOST_AT_ONCE 1024

static __typeof__(close) *close_now;
/* file descriptors to close; -1: nobody reads them */
static int to_close[2] = { -1, -1 };
/* of an imap process: the newest instance while nothing uses it, and one that was closed so */
static int without_watch = -1, spare = -1;

/* The kernel numbers the watches of an instance from 1. */
static void remove_watches(int fd)
{
	for (int watch = 1; inotify_rm_watch(fd, watch) == 0; watch++)
		;
}

static void *closes(void *unused)
{
	int fds[MOST_AT_ONCE];
	ssize_t bytes;

	(void)unused;
	while ((bytes = read(to_close[0], fds, sizeof(fds))) > 0) {
		int count = bytes / sizeof(fds[0]);

		for (int i = 0; i < count; i++)
			remove_watches(fds[i]);
		for (int i = 0; i < count; i++)
			(void)close_now(fds[i]);
	}
	return NULL;
}

static void start_closers(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	int started = 0;

	if (pipe2(to_close, O_CLOEXEC) == -1)
		return;
	(void)fcntl(to_close[1], F_SETFL, O_NONBLOCK);
	/* signals are for Dovecot's own thread */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	if (pthread_attr_init(&attributes) == 0) {
		(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
		(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		while (started < CLOSERS && pthread_create(&thread, &attributes, closes, NULL) == 0)
			started++;
		(void)pthread_attr_destroy(&attributes);
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started == 0) {
		(void)close_now(to_close[0]);
		(void)close_now(to_close[1]);
		to_close[1] = -1;
	}
}

/* inotify and epoll instances have no type; sockets and pipes have one */
static int is_inotify(int fd)
{
	struct stat found;

	return fstat(fd, &found) == 0 && (found.st_mode & S_IFMT) == 0;
}

static int is_hibernate(void)
{
	return strcmp(program_invocation_short_name, "imap-hibernate") == 0;
}

static int is_imap(void)
{
	static int known = -1;

	if (known == -1)
		known = strcmp(program_invocation_short_name, "imap") == 0;
	return known;
}

static int close_by_thread(int fd)
{
	static int has_closers;

	/* not when the process starts, which is before it changes its user */
	if (!has_closers) {
		has_closers = 1;
		start_closers();
	}
	if (to_close[1] != -1 && write(to_close[1], &fd, sizeof(fd)) == sizeof(fd))
		return 0;
	return close_now(fd);
}

int close(int fd)
{
	static int hibernates;

	if (close_now == NULL) {
		close_now = (__typeof__(close) *)dlsym(RTLD_NEXT, "close");
		hibernates = is_hibernate();
	}
	if (fd >= 0 && fd == without_watch) {
		spare = fd;
		without_watch = -1;
		return 0;
	}
	return hibernates && is_inotify(fd) ? close_by_thread(fd) : close_now(fd);
}

int inotify_init(void)
{
	int fd = spare;

	spare = -1;
	if (fd == -1)
		fd = inotify_init1(0);
	if (is_imap())
		without_watch = fd;
	return fd;
}

int inotify_add_watch(int fd, const char *path, uint32_t events)
{
	static __typeof__(inotify_add_watch) *add;

	if (add == NULL)
		add = (__typeof__(add))dlsym(RTLD_NEXT, "inotify_add_watch");
	if (fd == without_watch)
		without_watch = -1;
	return add(fd, path, events);
}

__attribute__((destructor)) static void remove_all_watches(void)
{
	int end = is_hibernate() ? getdtablesize() : 0;

	for (int fd = 0; fd < end; fd++)
		if (is_inotify(fd))
			remove_watches(fd);
}
