/*
 * LD_PRELOAD interposer for Dovecot's imap-login: it starts no session while many wait for an imap process.
 *
 * To log in costs less than to start a session, so when thousands of clients return at once, imap-login connects to the
 * socket of the imap service faster than that can accept. The kernel holds 4096 connections there
 * (net.core.somaxconn). Beyond that imap-login stands still for 0.5 s, with all of its sessions, and then refuses the
 * client. Therefore it does not read the answers of the auth service meanwhile. Soon that service in turn reads no
 * further passwords of this process; those of Postfix have a connection of their own.
 *
 * connect(), close(): count the connections to the imap service. imap-login closes one when its session has started.
 * epoll_ctl(): knows the connection to the auth service.
 *
 * No setting does it: client_limit counts all sessions of a login process, and process_limit those of all users.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* For each of two or more login processes. A relay starts 100 to 300 sessions a second. */
#define MOST_WAITING 64
#define MOST_FDS 131072

static unsigned char is_waiting[MOST_FDS / 8];
static unsigned int waiting;
/* imap-login has one connection to the auth service */
static struct {
	int fd;
	int epoll;
	struct epoll_event wanted;
	int is_muted;
} auth = { .fd = -1, .epoll = -1 };

/* The next one in the order of preloaded libraries, or libc. Constructors of others call them before ours would run. */
#define NEXT(function) \
	({ \
		static __typeof__(function) *next; \
		if (next == NULL) \
			next = (__typeof__(next))dlsym(RTLD_NEXT, #function); \
		next; \
	})

static int is_login(void)
{
	static int known = -1;

	if (known == -1)
		known = strcmp(program_invocation_short_name, "imap-login") == 0;
	return known;
}

static void mute_auth(void)
{
	struct epoll_event event = auth.wanted;

	auth.is_muted = waiting >= MOST_WAITING;
	if (auth.is_muted)
		event.events &= ~(uint32_t)EPOLLIN;
	if (auth.epoll != -1)
		(void)NEXT(epoll_ctl)(auth.epoll, EPOLL_CTL_MOD, auth.fd, &event);
}

static int is_service(const struct sockaddr *to, const char *service)
{
	const char *path = ((const struct sockaddr_un *)to)->sun_path;
	const char *name;

	if (to->sa_family != AF_UNIX)
		return 0;
	name = strrchr(path, '/');
	return strcmp(name != NULL ? name + 1 : path, service) == 0;
}

int connect(int fd, const struct sockaddr *to, socklen_t length)
{
	int result = NEXT(connect)(fd, to, length);

	if (result != 0 || !is_login() || fd >= MOST_FDS)
		return result;
	if (is_service(to, "login")) {
		auth.fd = fd;
		auth.epoll = -1;
	} else if (is_service(to, "imap")) {
		is_waiting[fd / 8] |= 1U << fd % 8;
		if (++waiting == MOST_WAITING)
			mute_auth();
	}
	return result;
}

int close(int fd)
{
	if (fd >= 0 && fd < MOST_FDS && (is_waiting[fd / 8] & 1U << fd % 8) != 0) {
		is_waiting[fd / 8] &= ~(1U << fd % 8);
		if (waiting-- == MOST_WAITING)
			mute_auth();
	}
	if (fd != -1 && fd == auth.fd)
		auth.fd = auth.epoll = -1;
	return NEXT(close)(fd);
}

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	struct epoll_event muted;

	if (fd != auth.fd || fd == -1)
		return NEXT(epoll_ctl)(epoll, what, fd, event);
	if (what == EPOLL_CTL_DEL) {
		auth.epoll = -1;
		return NEXT(epoll_ctl)(epoll, what, fd, event);
	}
	auth.epoll = epoll;
	auth.wanted = *event;
	muted = *event;
	if (auth.is_muted)
		muted.events &= ~(uint32_t)EPOLLIN;
	return NEXT(epoll_ctl)(epoll, what, fd, &muted);
}
