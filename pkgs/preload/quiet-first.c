/*
 * LD_PRELOAD interposer for Dovecot: when very many connections are ready, those that were quiet for longest come first.
 *
 * One imap-login process has all IMAP connections (TLS session tickets have its key). Dovecot asks the kernel for all that
 * are ready and serves one after the other. When thousands of clients return at once that takes 0.2 s, and the notice of
 * a message to another client waits as long. The same is true for auth, where a delivery asks for its recipient.
 *
 * epoll_wait(): returns a few connections, so that Dovecot soon looks again. The rest stays ready. First come those that
 * were not served for twice as long as it takes to serve all that are ready, in the order in which they became ready;
 * then those that were quiet for half as long, and so on. Nothing changes while few are ready.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Of imap-login 2 to 4 ms. With thousands, a 64th of them as well: the kernel copies all that are ready each time. */
#define FEW 16
#define PART 64
/* Dovecot asks for as many as the process has had; those of a process with few connections are not noted. */
#define MANY 64
/* The turn in which a connection was served last, by its event. Two that share an entry are served less evenly. */
#define ENTRIES_LOG2 15

static uint32_t served[1 << ENTRIES_LOG2];
static uint32_t turn;

static uint32_t *entry_of(const struct epoll_event *event)
{
	/* Fibonacci hashing (2^64 divided by the golden ratio) spreads pointers */
	return &served[(event->data.u64 * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - ENTRIES_LOG2)];
}

/* Move the quiet ones to the front; returns how many are to be served now. */
static int choose(struct epoll_event *events, int count)
{
	int few = FEW + count / PART;
	int chosen = 0;

	if (count <= few)
		return count;
	for (uint32_t quiet = 2 * count / few; chosen < few; quiet /= 2) {
		for (int i = chosen; i < count && chosen < few; i++) {
			struct epoll_event event = events[i];

			if (turn - *entry_of(&event) < quiet)
				continue;
			events[i] = events[chosen];
			events[chosen++] = event;
		}
	}
	return few;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
	static __typeof__(epoll_wait) *wait;
	int count;

	if (wait == NULL)
		wait = (__typeof__(wait))dlsym(RTLD_NEXT, "epoll_wait");
	count = wait(epoll, events, most, timeout_ms);
	if (count <= 0 || most <= MANY)
		return count;
	turn++;
	count = choose(events, count);
	for (int i = 0; i < count; i++)
		*entry_of(&events[i]) = turn;
	return count;
}
