/*
 * Dovecot plugin `each_reply` for lmtp: the reply of a recipient is sent as soon as the message is in the mailbox.
 *
 * Stock Dovecot delivers to one recipient after another, and sends the replies of all when it has delivered to the
 * last. If it is killed before, Postfix delivers to all of them again (RFC 1047): with a thousand recipients in a
 * transaction, which is what keeps the body on disk once, that would be up to a thousand copies too many.
 * With this, it is one.
 *
 * local_deliver(): afterwards the replies that are complete and not sent are written, in their order. A reply that was
 * sent is marked, so Dovecot does not send it again. What cannot be written is left to Dovecot, which closes the
 * connection after the last recipient.
 */
#include "config.h"
#include "lib.h"
#include "array.h"
#include "ostream.h"
#include "str.h"
#include "module-dir.h"
#include "module-context.h"
#include "smtp-server-private.h"
#include "lmtp-common.h"

#define EACH_CONTEXT_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, each_reply_module)
/* "250", and a blank in the last line of a reply, a hyphen in those before (RFC 5321 section 4.2.1) */
#define CODE_LENGTH 3

struct each_client {
	union lmtp_module_context module_ctx;
};

static MODULE_CONTEXT_DEFINE_INIT(each_reply_module, &lmtp_module_register);

static lmtp_client_created_func_t *next_client_created;

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

	if (output == NULL || output->closed || conn->command_queue_head != command || !array_is_created(&command->replies))
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
	int result = each->module_ctx.super.local_deliver(client, recipient, cmd, trans, delivery);

	send_replies(cmd->cmd);
	return result;
}

static void each_client_created(struct client **_client)
{
	struct client *client = *_client;
	struct each_client *each = p_new(client->pool, struct each_client, 1);

	each->module_ctx.super = client->v;
	client->v.local_deliver = each_local_deliver;
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
