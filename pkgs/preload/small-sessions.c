/*
 * LD_PRELOAD interposer: makes waiting sessions of Dovecot small, and lets many of them end at once. It replaces three
 * functions:
 *
 * BIO_new_bio_pair(), by which imap-login connects OpenSSL to a socket. OpenSSL gives each direction a buffer of 17 KB,
 * the size of a TLS record, for as long as the session lives. Smaller ones do: a record goes through in turns.
 *
 * epoll_wait(), in which every Dovecot process waits. A process that was idle for a second returns the memory that it
 * has freed. After a burst of logins that is most of what the auth and stats processes hold.
 *
 * close(), of imap-hibernate. Each hibernating session has an inotify instance, and to close one the kernel waits 8 to
 * 16 ms (RCU). One process has all of these sessions: while thousands end or wake up, new ones wait for it to accept
 * them. So threads close inotify instances.
 *
 * The prototypes are those of the headers of OpenSSL and libc, so a changed one fails the build.
 *
 * A Dovecot plugin cannot do it. lib-ssl-iostream calls BIO_new_bio_pair(..., 0, ..., 0) and connects the pair at once;
 * the size of a connected pair is fixed (BIO_set_write_buf_size answers BIO_R_IN_USE). Its table of functions is static,
 * and login plugins have a hook for a new client only, which is before there is a pair.
 * The memory to return is that of auth, stats and login processes, which load no mail plugins, and so does imap-hibernate;
 * glibc's M_TRIM_THRESHOLD returns the top of the heap only, and after a burst that is in use.
 */
#define _GNU_SOURCE
#include "original.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/bio.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * To the client: larger, because whole messages go that way, and each turn is a system call. With 4096 bytes a
 * hundred megabytes cost 0.25 s of processor time more than with 17 KB, with 2048 it would be 1 s more.
 */
#define OUT_BYTES 4096
/* From the client: commands; messages are submitted elsewhere. */
#define IN_BYTES 1024
#define IDLE_MS 1000
/* They wait for the same RCU grace periods: 4 close 400 inotify instances a second. */
#define CLOSERS 4
#define STACK_BYTES 65536

/* Dovecot gives OpenSSL's end first: what is written there goes to the client. 0 is the usual size. */
int BIO_new_bio_pair(BIO **internal, size_t out_bytes, BIO **external, size_t in_bytes)
{
	static __typeof__(BIO_new_bio_pair) *make;

	if (make == NULL)
		make = (__typeof__(make))original("BIO_new_bio_pair", __builtin_return_address(0));
	return make(internal, out_bytes != 0 ? out_bytes : OUT_BYTES, external, in_bytes != 0 ? in_bytes : IN_BYTES);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
	static __typeof__(epoll_wait) *wait;
	static int has_worked;
	int count;

	if (wait == NULL)
		wait = (__typeof__(wait))dlsym(RTLD_NEXT, "epoll_wait");
	if (has_worked && (timeout_ms < 0 || timeout_ms > IDLE_MS)) {
		count = wait(epoll, events, most, IDLE_MS);
		if (count != 0)
			return count;
		malloc_trim(0);
		has_worked = 0;
		if (timeout_ms > 0)
			timeout_ms -= IDLE_MS;
	}
	count = wait(epoll, events, most, timeout_ms);
	if (count > 0)
		has_worked = 1;
	return count;
}

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

static void start_closers(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int started = 0;

	if (pipe2(to_close, O_CLOEXEC) == -1)
		return;
	(void)fcntl(to_close[1], F_SETFL, O_NONBLOCK);
	if (pthread_attr_init(&attributes) == 0) {
		(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
		(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		while (started < CLOSERS && pthread_create(&thread, &attributes, closes, NULL) == 0)
			started++;
		(void)pthread_attr_destroy(&attributes);
	}
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

int close(int fd)
{
	static enum { UNKNOWN, OTHER, HIBERNATE, HAS_CLOSERS } program;

	if (program == UNKNOWN) {
		close_now = (__typeof__(close) *)dlsym(RTLD_NEXT, "close");
		program = strcmp(program_invocation_short_name, "imap-hibernate") == 0 ? HIBERNATE : OTHER;
	}
	if (program == OTHER || !is_inotify(fd))
		return close_now(fd);
	/* not when the process starts, which is before it changes its user */
	if (program == HIBERNATE) {
		program = HAS_CLOSERS;
		start_closers();
	}
	if (to_close[1] != -1 && write(to_close[1], &fd, sizeof(fd)) == sizeof(fd))
		return 0;
	return close_now(fd);
}
