/*
 * LD_PRELOAD interposer for Dovecot: an auth process that stopped reading reads again.
 *
 * auth stops reading from a client (imap-login, Postfix) that leaves 50 KB of its answers unread, and reads again in a
 * function that its output stream calls when answers are written later. While it reads requests, though, the stream only
 * collects answers, and writes all of them at the end. If the client has read meanwhile, nothing is left to be written
 * later: the function is never called, and none of the client's logins is answered any more. With one imap-login process
 * that is everybody. Seen when 5,000 clients returned at once.
 *
 * connection_input_halt(): asks for one more call of that function, as soon as the socket is writable.
 */
#define _GNU_SOURCE
#include "config.h"
#include "lib.h"
#include "ostream.h"
#include "connection.h"

#include <dlfcn.h>

/* of libdovecot, which this library is not linked with */
#pragma weak o_stream_set_flush_pending

void connection_input_halt(struct connection *conn)
{
	static __typeof__(connection_input_halt) *halt;

	if (halt == NULL)
		halt = (__typeof__(halt))dlsym(RTLD_NEXT, "connection_input_halt");
	halt(conn);
	if (conn->list->set.output_throttle_size != 0 && conn->output != NULL && !conn->output->closed)
		o_stream_set_flush_pending(conn->output, TRUE);
}
