/*
 * LD_PRELOAD interposer for Dovecot: its anvil process does not spin after a process has ended that it told to end a
 * session. Drop it when all tested versions have Dovecot's commit 2940ee350e (July 2026).
 *
 * `doveadm kick' lets anvil connect to each process that serves several sessions, imap-hibernate and imap-wake, and
 * keep the connection. When that process ends, at a reload or because it has nothing to do, admin_client_destroy() in
 * src/anvil/admin-client.c leaves the connection in the event loop, which then never waits again.
 * The commit lets it call connection_disconnect() first. So does this: of such a connection, nothing else calls
 * connection_disconnect_reason(), but connection_disconnect().
 */
#define _GNU_SOURCE
#include "config.h"
#include "lib.h"
#include "connection.h"

#include <dlfcn.h>
#include <string.h>

/* the other end of such a connection */
#define PEER "master-admin-server"

static bool is_kept(struct connection *conn)
{
	const struct connection_settings *set = &conn->list->set;

	return set->client && set->service_name_in != NULL && strcmp(set->service_name_in, PEER) == 0;
}

/* connection_disconnect() itself asks for the reason */
static bool disconnecting = FALSE;

void connection_disconnect(struct connection *conn)
{
	static __typeof__(connection_disconnect) *original;
	bool before = disconnecting;

	if (original == NULL)
		original = (__typeof__(original))dlsym(RTLD_NEXT, "connection_disconnect");
	disconnecting = TRUE;
	original(conn);
	disconnecting = before;
}

const char *connection_disconnect_reason(struct connection *conn)
{
	static __typeof__(connection_disconnect_reason) *original;
	const char *reason;

	if (original == NULL)
		original = (__typeof__(original))dlsym(RTLD_NEXT, "connection_disconnect_reason");
	reason = original(conn);
	if (!disconnecting && is_kept(conn))
		connection_disconnect(conn);
	return reason;
}
