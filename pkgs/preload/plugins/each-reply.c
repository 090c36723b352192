/*
 * Dovecot plugin `each_reply` for lmtp: a message to many costs few waits for the disk, and is doubled for few.
 *
 * Stock Dovecot delivers to one recipient after another, waits for the disk twice for each, and sends the replies of
 * all when it has delivered to the last. If it is killed before, Postfix delivers to all of them again (RFC 1047):
 * with a thousand recipients in a transaction, which is what keeps the body on disk once, that would be up to a
 * thousand copies too many, and a thousand waits of a millisecond.
 *
 * local_deliver(): in a transaction of MANY recipients the mailboxes are not flushed (as with mail_fsync = never).
 * After BATCH recipients one syncfs(2) brings them to disk, then their replies are written, in their order. In other
 * transactions each reply is written at once. A reply that was sent is marked, so Dovecot does not send it again.
 * What cannot be written is left to Dovecot, which closes the connection after the last recipient.
 *
 * cmd_data(): flushes what is left, before Dovecot sends the last replies.
 */
#define _GNU_SOURCE
#include "config.h"
#include "lib.h"
#include "array.h"
#include "ostream.h"
#include "str.h"
#include "module-dir.h"
#include "module-context.h"
#include "mail-user.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "mail-storage-settings.h"
#include "smtp-server-private.h"
#include "lmtp-common.h"

#include <fcntl.h>
#include <unistd.h>

#define EACH_CONTEXT_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, each_reply_module)
/* "250", and a blank in the last line of a reply, a hyphen in those before (RFC 5321 section 4.2.1) */
#define CODE_LENGTH 3
/* One syncfs() writes what all processes have written. It costs more than the two of a single recipient. */
#define MANY 8
/* Postfix' own limit of recipients for a transaction, and so the most copies that a kill has always doubled. */
#define BATCH 50

struct each_client {
	union lmtp_module_context module_ctx;
	/* a directory of the file system with deliveries that are not flushed, or -1 */
	int unflushed_fd;
	unsigned int unflushed;
};

static MODULE_CONTEXT_DEFINE_INIT(each_reply_module, &lmtp_module_register);

static lmtp_client_created_func_t *next_client_created;

/* Set whether deliveries to a user are flushed one by one; returns whether the operator wants them flushed at all. */
static bool set_flushing(struct mail_user *user, bool flushes)
{
	/* as configured; the same for all users */
	static bool is_known = FALSE;
	static enum fsync_mode configured;
	struct mail_storage_settings *set = (struct mail_storage_settings *)user->namespaces->storage->set;

	if (!is_known)
		configured = set->parsed_fsync_mode;
	is_known = TRUE;
	set->parsed_fsync_mode = flushes ? configured : FSYNC_MODE_NEVER;
	return configured != FSYNC_MODE_NEVER;
}

static void remember_unflushed(struct each_client *each, struct mail_user *user)
{
	const char *home;

	each->unflushed++;
	if (each->unflushed_fd == -1 && mail_user_get_home(user, &home) > 0)
		each->unflushed_fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void flush(struct each_client *each)
{
	/* without a reply Postfix delivers again */
	if (each->unflushed > 0 && (each->unflushed_fd == -1 || syncfs(each->unflushed_fd) == -1))
		i_fatal("messages could not be flushed to disk: %m");
	i_close_fd(&each->unflushed_fd);
	each->unflushed = 0;
}

static bool send_reply(struct ostream *output, struct smtp_server_reply *reply)
{
	string_t *text = reply->content->text;

	str_c_modifiable(text)[reply->content->last_line + CODE_LENGTH] = ' ';
	reply->sent = o_stream_send(output, str_data(text), str_len(text)) == (ssize_t)str_len(text);
	return reply->sent;
}

static void send_replies(struct smtp_server_command *command)
{
	struct smtp_server_connection *conn = command->context.conn;
	struct ostream *output = conn->conn.output;
	struct smtp_server_reply *reply;

	if (output == NULL || output->closed || conn->command_queue_head != command ||
	    !array_is_created(&command->replies))
		return;
	array_foreach_modifiable(&command->replies, reply) {
		if (!reply->submitted)
			break;
		if (!reply->sent && !send_reply(output, reply))
			break;
	}
	/* an error stays in the stream, where Dovecot finds it */
	(void)o_stream_flush(output);
}

static int each_local_deliver(struct client *client, struct lmtp_recipient *recipient,
			      struct smtp_server_cmd_ctx *cmd, struct smtp_server_transaction *trans,
			      struct lmtp_local_deliver_context *delivery)
{
	struct each_client *each = EACH_CONTEXT_REQUIRE(client);
	bool in_batches = array_count(&trans->rcpt_to) >= MANY;
	bool wants_flush = set_flushing(delivery->rcpt_user, !in_batches);
	int result;

	if (in_batches && wants_flush)
		remember_unflushed(each, delivery->rcpt_user);
	result = each->module_ctx.super.local_deliver(client, recipient, cmd, trans, delivery);
	if (each->unflushed >= BATCH)
		flush(each);
	if (each->unflushed == 0)
		send_replies(cmd->cmd);
	return result;
}

static int each_cmd_data(struct client *client, struct smtp_server_cmd_ctx *cmd,
			 struct smtp_server_transaction *trans, struct istream *input, uoff_t size)
{
	struct each_client *each = EACH_CONTEXT_REQUIRE(client);
	int result = each->module_ctx.super.cmd_data(client, cmd, trans, input, size);

	flush(each);
	return result;
}

static void each_client_created(struct client **_client)
{
	struct client *client = *_client;
	struct each_client *each = p_new(client->pool, struct each_client, 1);

	each->unflushed_fd = -1;
	each->module_ctx.super = client->v;
	client->v.local_deliver = each_local_deliver;
	client->v.cmd_data = each_cmd_data;
	MODULE_CONTEXT_SET(client, each_reply_module, each);
	if (next_client_created != NULL)
		next_client_created(_client);
}

void each_reply_plugin_init(struct module *module);
void each_reply_plugin_deinit(void);

void each_reply_plugin_init(struct module *module ATTR_UNUSED)
{
	next_client_created = lmtp_client_created_hook_set(each_client_created);
}

void each_reply_plugin_deinit(void)
{
	(void)lmtp_client_created_hook_set(next_client_created);
}

/* Dovecot loads the plugin only where this equals its own. */
extern const char *each_reply_plugin_version;
const char *each_reply_plugin_version = DOVECOT_ABI_VERSION;
