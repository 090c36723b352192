/*
 * Makes sessions that wait small, in an unmodified Dovecot. Preloaded, this library stands before two functions:
 *
 * BIO_new_bio_pair(), by which imap-login connects OpenSSL to a socket: OpenSSL gives each direction a buffer of 17 KB,
 * the size of a whole TLS record, for as long as the session lives. Smaller ones do: a record goes through in turns.
 *
 * epoll_wait(), in which every Dovecot process waits: one that has had nothing to do for a second returns the memory
 * that it has freed since. After a burst of logins that is most of what its auth and stats processes hold.
 *
 * Where the functions have other names, nothing calls these and Dovecot behaves as it always did.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/epoll.h>

/*
 * To the client: larger, because whole messages go that way, and each turn is a system call. With 4096 octets a
 * hundred megabytes cost 0.25 s of processor time more than with 17 KB, with 2048 it would be 1 s more.
 */
#define OUT_BYTES 4096
/* From the client: commands; messages are submitted elsewhere. */
#define IN_BYTES 1024
#define IDLE_MS 1000

typedef struct bio BIO;
typedef int pair_maker(BIO **, size_t, BIO **, size_t);
typedef int waiter(int, struct epoll_event *, int, int);

/* The function that a caller means: OpenSSL belongs to a plugin, whose libraries the global scope may not have. */
static void *original(const char *name, const void *caller)
{
	void *found = dlsym(RTLD_NEXT, name);
	Dl_info where;
	void *plugin;

	if (found == NULL && dladdr(caller, &where) != 0) {
		plugin = dlopen(where.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
		if (plugin != NULL)
			found = dlsym(plugin, name);
	}
	return found;
}

/* Dovecot gives OpenSSL's end first: what is written there goes to the client. 0 is the usual size. */
int BIO_new_bio_pair(BIO **internal, size_t out_bytes, BIO **external, size_t in_bytes)
{
	static pair_maker *make;

	if (make == NULL)
		make = (pair_maker *)original("BIO_new_bio_pair", __builtin_return_address(0));
	return make(internal, out_bytes != 0 ? out_bytes : OUT_BYTES, external, in_bytes != 0 ? in_bytes : IN_BYTES);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
	static waiter *wait;
	static int has_worked;
	int count;

	if (wait == NULL)
		wait = (waiter *)dlsym(RTLD_NEXT, "epoll_wait");
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
