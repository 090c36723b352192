/*
 * LD_PRELOAD interposer for Dovecot: a session whose mailbox is deleted meanwhile ends with an error, not by SIGSEGV.
 *
 * In 2.4.1 saving to an sdbox calls mail_set_critical() without a message when a file cannot be written, for example
 * because the address is being deleted; the function reads from it. Sessions that share a process (imap-wake) would
 * all end. The caller reports the failure of the command in any case.
 */
#define _GNU_SOURCE
#include "config.h"
#include "lib.h"
#include "mail-storage-private.h"

#include <dlfcn.h>
#include <stdarg.h>

void mail_set_critical(struct mail *mail, const char *fmt, ...)
{
	static __typeof__(mail_set_critical) *original;
	va_list args;

	if (mail == NULL) {
		/* the text names the address */
		i_error("a message could not be saved: its mailbox cannot be written");
		return;
	}
	if (original == NULL)
		original = (__typeof__(original))dlsym(RTLD_NEXT, "mail_set_critical");
	va_start(args, fmt);
	T_BEGIN {
		original(mail, "%s", t_strdup_vprintf(fmt, args));
	} T_END;
	va_end(args);
}
