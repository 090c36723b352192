/*
 * Makes IDLE tell about a change at once, in an unmodified Dovecot.
 *
 * Dovecot's mailbox watcher waits 500 ms after a change before it looks, so that many changes cost one look. A chat
 * wants the first one now. Preloaded, this library stands before libdovecot's timeout_add_short() and takes the wait
 * out of the two callers below; every other timer stays as it is. Where the function has another name, nothing
 * calls this one and Dovecot behaves as it always did.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

struct timeout;
typedef void timeout_callback(void *context);
typedef struct timeout *timeout_adder(unsigned int msecs, const char *file, unsigned int line,
				      timeout_callback *callback, void *context);

static const char *const impatient[] = { "mailbox-watch.c", "mailbox-list-index-notify.c" };

static int is_impatient(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash != NULL ? slash + 1 : file;

	for (size_t i = 0; i < sizeof(impatient) / sizeof(*impatient); i++) {
		if (strcmp(name, impatient[i]) == 0)
			return 1;
	}
	return 0;
}

struct timeout *timeout_add_short(unsigned int msecs, const char *file, unsigned int line,
				  timeout_callback *callback, void *context)
{
	static timeout_adder *original;

	if (original == NULL)
		original = (timeout_adder *)dlsym(RTLD_NEXT, "timeout_add_short");
	return original(is_impatient(file) ? 0 : msecs, file, line, callback, context);
}
