/*
 * LD_PRELOAD interposer for Dovecot: a process that stops waits for no other.
 *
 * When systemd stops Dovecot, the log and anvil processes may end first. Dovecot's master holds their pipes open, and nobody
 * reads them. A process whose sessions end writes a line to each pipe for each session: after 370 sessions the pipe to log
 * is full, after 700 that to anvil, and the process blocked until the master gave up, 6 s later.
 *
 * i_set_failure_internal(), by which a process begins to log to the pipe: lines of the level info are dropped before they
 * are formatted, where the log process would write them to /dev/null: unless `chatmail log-mail` set CHATMAIL_INFO_LOG
 * (modules/chatmail/dovecot/main.nix). Warnings and errors are written.
 *
 * master_service_anvil_disconnect(): a process that was told to end does not name its sessions one by one. The master tells
 * anvil when a process has ended, and anvil forgets its sessions.
 */
#define _GNU_SOURCE
#include "config.h"
#include "lib.h"
#include "failures.h"
#include "master-service.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* of libdovecot, which this library is not linked with */
#pragma weak i_set_info_handler
#pragma weak master_service_is_killed

static void drop(const struct failure_context *context ATTR_UNUSED, const char *format ATTR_UNUSED,
		 va_list arguments ATTR_UNUSED)
{
}

void i_set_failure_internal(void)
{
	static __typeof__(i_set_failure_internal) *set;
	const char *path = getenv("CHATMAIL_INFO_LOG");

	if (set == NULL)
		set = (__typeof__(set))dlsym(RTLD_NEXT, "i_set_failure_internal");
	set();
	if (path != NULL && strcmp(path, "/dev/null") == 0)
		i_set_info_handler(drop);
}

void master_service_anvil_disconnect(struct master_service *service, const struct master_service_anvil_session *session,
				     const guid_128_t connection)
{
	static __typeof__(master_service_anvil_disconnect) *disconnect;

	if (master_service_is_killed(service))
		return;
	if (disconnect == NULL)
		disconnect = (__typeof__(disconnect))dlsym(RTLD_NEXT, "master_service_anvil_disconnect");
	disconnect(service, session, connection);
}
