/*
 * Makes IDLE tell about a change at once, in an unmodified Dovecot.
 *
 * Dovecot's mailbox watcher waits 500 ms after a change before it looks, so that many changes cost one look. A chat
 * wants the first one now. Preloaded, this library stands before two functions of libdovecot:
 *
 * timeout_add_short() loses the wait, for the two callers below; every other timer stays as it is.
 *
 * io_add_notify(): who looks that early often meets the lock of the delivery, for a millisecond or two. Dovecot waits
 * for its end with an inotify instance made for the purpose, and to close one takes the kernel 4 to 20 ms, several
 * grace periods of RCU. So the end of a lock is looked for in short steps first.
 *
 * Where a function has another name, nothing calls the one here and Dovecot behaves as it always did.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct io;
struct timeout;
typedef void callback(void *context);
typedef struct timeout *timeout_adder(unsigned int msecs, const char *file, unsigned int line,
				      callback *callback, void *context);
typedef int notify_adder(const char *path, const char *file, unsigned int line, callback *callback,
			 void *context, struct io **io);

/* of Dovecot's enum io_notify_result: there is no such file to wait for */
static const int NOT_FOUND = 1;

static const struct timespec step = { .tv_nsec = 200 * 1000 };
static const int steps = 50;

static int is_file(const char *path, const char *wanted)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash != NULL ? slash + 1 : path, wanted) == 0;
}

struct timeout *timeout_add_short(unsigned int msecs, const char *file, unsigned int line,
				  callback *callback, void *context)
{
	static timeout_adder *original;

	if (original == NULL)
		original = (timeout_adder *)dlsym(RTLD_NEXT, "timeout_add_short");
	if (is_file(file, "mailbox-watch.c") || is_file(file, "mailbox-list-index-notify.c"))
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

	if (original == NULL)
		original = (notify_adder *)dlsym(RTLD_NEXT, "io_add_notify");
	if (is_file(file, "file-dotlock.c") && vanishes_soon(path)) {
		*io = NULL;
		return NOT_FOUND;
	}
	return original(path, file, line, callback, context, io);
}
