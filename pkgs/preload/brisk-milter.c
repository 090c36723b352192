/*
 * Makes an unmodified libmilter, built to use poll() and a pool of threads, do less for a message. Preloaded, this
 * library stands before the functions of libc that libmilter calls:
 *
 * read() takes all that is there, up to 4 KB, and poll() knows that some of it is left. libmilter asks five times for
 * each packet of the milter protocol: poll(), poll(), read() of five octets, poll(), read() of the rest. Postfix sends
 * two packets for each header field, so a message of 2 KB cost 150 calls of the kernel; now it is 10.
 *
 * poll() waits longer for the next packet of a connection. After 1 ms libmilter gives the connection back to the pool,
 * and its next packet wakes the thread that watches all of them, which wakes one of the others.
 *
 * Only connections that accept() gave are touched, and only after poll() has been asked about them: whoever waits in
 * another way finds everything in the kernel. Python's own sockets come from accept4().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_BYTES 4096
#define MOST_DESCRIPTORS 65536
/*
 * What libmilter waits, and what it does instead: an SMTP client far away pauses for so long within a message. As many
 * threads wait as sessions spoke in that time; each has a process of Postfix besides, which takes fifty times the memory.
 */
#define HESITATION_MS 1
#define PATIENCE_MS 1000

typedef int accepter(int, struct sockaddr *, socklen_t *);
typedef int poller(struct pollfd *, nfds_t, int);
typedef ssize_t reader(int, void *, size_t);
typedef int closer(int);

/* What was read of a connection and not yet asked for. One thread at a time has the connection, and so this. */
struct ahead {
	size_t start, end;
	int polled, readable;
	unsigned char octets[ROOM_BYTES];
};

static struct ahead *connections[MOST_DESCRIPTORS];

static struct ahead *ahead_of(int descriptor)
{
	return descriptor >= 0 && descriptor < MOST_DESCRIPTORS ? connections[descriptor] : NULL;
}

static void forget(int descriptor)
{
	struct ahead *ahead = ahead_of(descriptor);

	if (ahead != NULL) {
		connections[descriptor] = NULL;
		free(ahead);
	}
}

int accept(int listener, struct sockaddr *address, socklen_t *length)
{
	static accepter *original;
	int descriptor;

	if (original == NULL)
		original = (accepter *)dlsym(RTLD_NEXT, "accept");
	descriptor = original(listener, address, length);
	forget(descriptor);
	if (descriptor >= 0 && descriptor < MOST_DESCRIPTORS)
		connections[descriptor] = calloc(1, sizeof(struct ahead));
	return descriptor;
}

int close(int descriptor)
{
	static closer *original;

	if (original == NULL)
		original = (closer *)dlsym(RTLD_NEXT, "close");
	forget(descriptor);
	return original(descriptor);
}

/* Whether octets that poll() is asked about are here, or known to be in the kernel. */
static int is_ready(const struct pollfd *asked)
{
	struct ahead *ahead = asked->events & POLLIN ? ahead_of(asked->fd) : NULL;

	if (ahead == NULL)
		return 0;
	ahead->polled = 1;
	return ahead->readable || ahead->start < ahead->end;
}

int poll(struct pollfd *asked, nfds_t count, int timeout_ms)
{
	static poller *original;
	int ready = 0, answers;

	if (original == NULL)
		original = (poller *)dlsym(RTLD_NEXT, "poll");
	for (nfds_t i = 0; i < count; i++)
		ready += is_ready(&asked[i]);
	if (ready != 0 && count == 1) {
		asked->revents = POLLIN;
		return 1;
	}
	if (ready != 0)
		timeout_ms = 0;
	else if (timeout_ms == HESITATION_MS && count == 1 && ahead_of(asked->fd) != NULL)
		timeout_ms = PATIENCE_MS;
	answers = original(asked, count, timeout_ms);
	if (answers == 1 && count == 1 && asked->revents == POLLIN && ahead_of(asked->fd) != NULL)
		ahead_of(asked->fd)->readable = 1; /* until it is read: nobody else reads there */
	if (ready == 0 || answers < 0)
		return answers;
	for (nfds_t i = 0; i < count; i++) {
		if (is_ready(&asked[i])) {
			answers += asked[i].revents == 0;
			asked[i].revents |= POLLIN;
		}
	}
	return answers;
}

ssize_t read(int descriptor, void *to, size_t size)
{
	static reader *original;
	struct ahead *ahead = ahead_of(descriptor);
	ssize_t received;

	if (original == NULL)
		original = (reader *)dlsym(RTLD_NEXT, "read");
	if (ahead != NULL)
		ahead->readable = 0;
	if (ahead == NULL || (ahead->start == ahead->end && (!ahead->polled || size >= ROOM_BYTES)))
		return original(descriptor, to, size);
	if (ahead->start == ahead->end) {
		received = original(descriptor, ahead->octets, ROOM_BYTES);
		if (received <= 0)
			return received;
		ahead->start = 0;
		ahead->end = (size_t)received;
	}
	if (size > ahead->end - ahead->start)
		size = ahead->end - ahead->start;
	memcpy(to, ahead->octets + ahead->start, size);
	ahead->start += size;
	return (ssize_t)size;
}

/* The names that a compiler gives to read() and poll() where it knows how much room there is (_FORTIFY_SOURCE). */
ssize_t __read_chk(int descriptor, void *to, size_t size, size_t room)
{
	if (size > room)
		abort();
	return read(descriptor, to, size);
}

int __poll_chk(struct pollfd *asked, nfds_t count, int timeout_ms, size_t room)
{
	if (count > room / sizeof *asked)
		abort();
	return poll(asked, count, timeout_ms);
}
