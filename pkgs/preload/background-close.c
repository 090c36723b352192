/*
 * LD_PRELOAD interposer for Dovecot's imap-hibernate and imap: threads close inotify instances.
 *
 * Each hibernating session has one, and to close it the kernel waits 8 to 16 ms (RCU). One process has all of these
 * sessions: while thousands end or wake up, it would do nothing else, and the imap processes of new ones would wait until
 * it accepts them. A message to 500 waiting recipients was with the last of them after 5 s, while processors were idle.
 * An imap process closes one for each session that hibernates, and its other sessions would wait.
 *
 * close(): gives an inotify instance to a thread. It is a plugin of no kind, because imap-hibernate loads none.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* They wait for the same RCU grace periods: 4 close 400 inotify instances a second. */
#define CLOSERS 4
/* of a process with few sessions */
#define CLOSERS_OF_FEW 1
#define STACK_BYTES 65536

static __typeof__(close) *close_now;
/* file descriptors to close; -1: nobody reads them */
static int to_close[2] = { -1, -1 };

static void *closes(void *unused)
{
	int fd;

	(void)unused;
	while (read(to_close[0], &fd, sizeof(fd)) == sizeof(fd))
		(void)close_now(fd);
	return NULL;
}

static void start_closers(int count)
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
		while (started < count && pthread_create(&thread, &attributes, closes, NULL) == 0)
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

static int closers_of(const char *program)
{
	if (strcmp(program, "imap-hibernate") == 0)
		return CLOSERS;
	return strcmp(program, "imap") == 0 ? CLOSERS_OF_FEW : 0;
}

int close(int fd)
{
	static int closers = -1;
	static int has_closers;

	if (closers == -1) {
		close_now = (__typeof__(close) *)dlsym(RTLD_NEXT, "close");
		closers = closers_of(program_invocation_short_name);
	}
	if (closers == 0 || !is_inotify(fd))
		return close_now(fd);
	/* not when the process starts, which is before it changes its user */
	if (!has_closers) {
		has_closers = 1;
		start_closers(closers);
	}
	if (to_close[1] != -1 && write(to_close[1], &fd, sizeof(fd)) == sizeof(fd))
		return 0;
	return close_now(fd);
}
