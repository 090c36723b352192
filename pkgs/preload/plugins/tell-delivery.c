/*
 * Dovecot plugin `tell_delivery` for lmtp: tells chatmail-accounts of each delivery, before its reply is sent.
 *
 * Dovecot's event exporter writes the same lines from its process `stats', to which lmtp sends an event. That costs
 * 0.1 ms for each delivery, and an event is lost if Dovecot is stopped or killed between the reply and the line.
 *
 * local_deliver(): appends one line to the file whose path is in the environment. What is in the line, and who reads
 * it: chatmaild/accounts/push/. Called within local_deliver() of each-reply.c, because Dovecot loads plugins by name
 * and the first one is the outermost.
 */
#include "config.h"
#include "lib.h"
#include "str.h"
#include "str-sanitize.h"
#include "json-generator.h"
#include "module-dir.h"
#include "module-context.h"
#include "mail-user.h"
#include "mail-storage.h"
#include "smtp-address.h"
#include "lmtp-common.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TELL_CONTEXT_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, tell_delivery_module)
#define PATH "CHATMAIL_DELIVERIES"
/* as Dovecot's own event has it */
#define MAX_MESSAGE_ID 200

struct tell_client {
	union lmtp_module_context module_ctx;
};

static MODULE_CONTEXT_DEFINE_INIT(tell_delivery_module, &lmtp_module_register);

static lmtp_client_created_func_t *next_client_created;
static int file = -1;

/* Open the file, and anew if somebody deleted it. chatmail-accounts sets its mode, if it is new, when it starts. */
static bool is_open(void)
{
	struct stat status;

	if (file != -1 && fstat(file, &status) == 0 && status.st_nlink > 0)
		return TRUE;
	i_close_fd(&file);
	file = open(getenv(PATH), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	return file != -1;
}

static void append_field(string_t *line, const char *name, const char *value)
{
	str_printfa(line, "\"%s\":\"", name);
	json_append_escaped(line, value);
	str_append(line, "\",");
}

static void tell(struct lmtp_local_deliver_context *delivery, const struct smtp_server_transaction *trans, bool worked)
{
	string_t *line = t_str_new(512);
	const char *message_id;
	uoff_t size;

	str_append(line, "{\"event\":\"mail_delivery_finished\",\"fields\":{");
	append_field(line, "user", delivery->rcpt_user->username);
	append_field(line, "mail_from", smtp_address_encode(trans->mail_from));
	if (!worked)
		append_field(line, "error", "failed");
	if (mail_get_message_id(delivery->src_mail, &message_id) > 0)
		append_field(line, "message_id", str_sanitize(message_id, MAX_MESSAGE_ID));
	if (mail_get_physical_size(delivery->src_mail, &size) < 0)
		size = 0;
	str_printfa(line, "\"message_size\":%" PRIuUOFF_T "}}\n", size);
	if (!is_open() || write(file, str_data(line), str_len(line)) != (ssize_t)str_len(line))
		i_error("nobody is notified of a delivery: %s: %m", getenv(PATH));
}

static int tell_local_deliver(struct client *client, struct lmtp_recipient *recipient, struct smtp_server_cmd_ctx *cmd,
			      struct smtp_server_transaction *trans, struct lmtp_local_deliver_context *delivery)
{
	struct tell_client *context = TELL_CONTEXT_REQUIRE(client);
	int result = context->module_ctx.super.local_deliver(client, recipient, cmd, trans, delivery);

	if (getenv(PATH) != NULL) T_BEGIN {
		tell(delivery, trans, result >= 0);
	} T_END;
	return result;
}

static void tell_client_created(struct client **_client)
{
	struct client *client = *_client;
	struct tell_client *context = p_new(client->pool, struct tell_client, 1);

	context->module_ctx.super = client->v;
	client->v.local_deliver = tell_local_deliver;
	MODULE_CONTEXT_SET(client, tell_delivery_module, context);
	if (next_client_created != NULL)
		next_client_created(_client);
}

void tell_delivery_plugin_init(struct module *module);
void tell_delivery_plugin_deinit(void);

void tell_delivery_plugin_init(struct module *module ATTR_UNUSED)
{
	next_client_created = lmtp_client_created_hook_set(tell_client_created);
}

void tell_delivery_plugin_deinit(void)
{
	(void)lmtp_client_created_hook_set(next_client_created);
	i_close_fd(&file);
}

/* Dovecot loads the plugin only where this equals its own. */
extern const char *tell_delivery_plugin_version;
const char *tell_delivery_plugin_version = DOVECOT_ABI_VERSION;
