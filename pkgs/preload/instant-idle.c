/*
 * Makes IDLE tell about a change at once, and about every one, in an unmodified Dovecot.
 *
 * Dovecot's mailbox watcher waits 500 ms after a change before it looks, so that many changes cost one look. A chat
 * wants the first one now. Preloaded, this library stands before functions of libdovecot:
 *
 * timeout_add_short() loses the wait, for the two callers below; every other timer stays as it is.
 *
 * io_add_notify(): who looks that early often meets the lock of the delivery, for a millisecond or two. Dovecot waits
 * for its end with an inotify instance made for the purpose, and to close one takes the kernel 4 to 20 ms, several
 * grace periods of RCU. So the end of a lock is looked for in short steps first.
 *
 * mailbox_watch_extract_notify_fd(): a session that hibernates takes new watches with it, and its process forgets what
 * the old ones have seen since it looked last. A message that came in that moment would be told with the next one. So
 * there is no hibernation while something waits to be told; inotify_add_watch() shows where the old watches are.
 *
 * Where a function has another name, nothing calls the one here and Dovecot behaves as it always did.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct io;
struct mailbox;
struct timeout;
typedef void callback(void *context);
typedef struct timeout *timeout_adder(unsigned int msecs, const char *file, unsigned int line,
				      callback *callback, void *context);
typedef int notify_adder(const char *path, const char *file, unsigned int line, callback *callback,
			 void *context, struct io **io);

typedef int extractor(struct mailbox *box, const char **reason);
typedef int watch_adder(int instance, const char *path, uint32_t mask);

/* of Dovecot's enum io_notify_result: there is no such file to wait for */
static const int NOT_FOUND = 1;

static const struct timespec step = { .tv_nsec = 200 * 1000 };
static const int steps = 50;

/* An imap process has one session, which watches one mailbox. */
static struct {
	int being_added;
	int instance; /* of inotify, which sees its changes */
	int is_seen; /* a change was read there, and is about to be told */
	callback *tell;
} watch = { .instance = -1 };

static int is_file(const char *path, const char *wanted)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash != NULL ? slash + 1 : path, wanted) == 0;
}

static void tell(void *context)
{
	watch.is_seen = 0;
	watch.tell(context);
}

struct timeout *timeout_add_short(unsigned int msecs, const char *file, unsigned int line,
				  callback *callback, void *context)
{
	static timeout_adder *original;

	if (original == NULL)
		original = (timeout_adder *)dlsym(RTLD_NEXT, "timeout_add_short");
	if (is_file(file, "mailbox-watch.c")) {
		watch.is_seen = 1;
		watch.tell = callback;
		return original(0, file, line, tell, context);
	}
	if (is_file(file, "mailbox-list-index-notify.c"))
		msecs = 0;
	return original(msecs, file, line, callback, context);
}

static int vanishes_soon(const char *path)
{
	struct stat status;

	for (int i = 0; i < steps; i++) {
		if (lstat(path, &status) < 0)
			return errno == ENOENT;
		nanosleep(&step, NULL);
	}
	return 0;
}

int io_add_notify(const char *path, const char *file, unsigned int line, callback *callback,
		  void *context, struct io **io)
{
	static notify_adder *original;
	int result;

	if (original == NULL)
		original = (notify_adder *)dlsym(RTLD_NEXT, "io_add_notify");
	if (is_file(file, "file-dotlock.c") && vanishes_soon(path)) {
		*io = NULL;
		return NOT_FOUND;
	}
	watch.being_added = is_file(file, "mailbox-watch.c");
	if (watch.being_added)
		watch.is_seen = 0; /* IDLE looks by itself when it begins */
	result = original(path, file, line, callback, context, io);
	watch.being_added = 0;
	return result;
}

int inotify_add_watch(int instance, const char *path, uint32_t mask)
{
	static watch_adder *original;

	if (original == NULL)
		original = (watch_adder *)dlsym(RTLD_NEXT, "inotify_add_watch");
	if (watch.being_added)
		watch.instance = instance;
	return original(instance, path, mask);
}

int mailbox_watch_extract_notify_fd(struct mailbox *box, const char **reason)
{
	static extractor *original;
	struct pollfd old = { .fd = watch.instance, .events = POLLIN };
	int is_seen = watch.is_seen, extracted;

	if (original == NULL)
		original = (extractor *)dlsym(RTLD_NEXT, "mailbox_watch_extract_notify_fd");
	extracted = original(box, reason);
	watch.instance = old.fd;
	watch.is_seen = is_seen;
	/* what comes from now on, the new watches see */
	if (extracted >= 0 && (is_seen || poll(&old, 1, 0) > 0)) {
		close(extracted);
		*reason = "a change is yet to be told";
		return -1;
	}
	return extracted;
}
