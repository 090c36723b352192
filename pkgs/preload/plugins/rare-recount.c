/*
 * Dovecot plugin `rare_recount` for lmtp: quota counts a mailbox once for each delivery, not twice.
 *
 * Stock Dovecot counts all folders before a delivery, which enforces the limit, and once more after it, to find out
 * whether the delivery crossed the limit of a quota warning. Both take a quarter of the CPU time of lmtp.
 *
 * update() of the quota backend runs between both. The first count and the size of the message tell how full the
 * mailbox is then. If that is FAR or more below the lowest warning, no warning is looked at, and nothing is counted.
 * Several deliveries at the same moment do not see each other there. They cross a warning unseen only if they add FAR
 * together. Then the daily chatmail-expire cleans the mailbox. docs/threat-model.md, "One count of the quota".
 */
#include "config.h"
#include "lib.h"
#include "array.h"
#include "settings.h"
#include "module-dir.h"
#include "module-context.h"
#include "mail-user.h"
#include "quota-private.h"
#include "lmtp-common.h"

#define RARE_CONTEXT_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, rare_recount_module)
/* percent of the quota */
#define FAR 25U

/* an lmtp without the quota plugin works, too */
#pragma weak quota_get_mail_user_quota
#pragma weak quota_root_setting_parser_info

struct rare_client {
	union lmtp_module_context module_ctx;
};

typedef int update_func_t(struct quota_root *root, struct quota_transaction_context *trans, const char **error_r);

static MODULE_CONTEXT_DEFINE_INIT(rare_recount_module, &lmtp_module_register);

static lmtp_client_created_func_t *next_client_created;
static update_func_t *next_update;
/* while the warnings of a delivery are left out: its settings, and a copy without them */
static const struct quota_root_settings *original;
static struct quota_root_settings without_warnings;

/* Return the lowest percentage of all warnings, or 0 if it is not known. */
static unsigned int lowest_warning(struct quota_root *root)
{
	/* as configured; the same for all users */
	static bool is_known = FALSE;
	static unsigned int lowest = 100;
	const struct quota_root_settings *set;
	const char *name, *error;

	if (is_known)
		return lowest;
	is_known = TRUE;
	array_foreach_elem(&root->set->quota_warnings, name) {
		if (settings_get_filter(root->backend.event, "quota_warning", name, &quota_root_setting_parser_info, 0,
					&set, &error) < 0) {
			lowest = 0;
			break;
		}
		lowest = I_MIN(lowest, I_MIN(set->quota_storage_percentage, set->quota_message_percentage));
		settings_free(set);
	}
	return lowest;
}

/* Tell whether a resource stays far below all warnings. `room` is what was free before, UINT64_MAX if not known. */
static bool is_far(uint64_t limit, uint64_t room, int64_t used, unsigned int lowest)
{
	return lowest > FAR && used >= 0 && room <= limit &&
	       (limit - room + (uint64_t)used) / 100 < limit / 10000 * (lowest - FAR);
}

static bool has_room(struct quota_root *root, struct quota_transaction_context *trans)
{
	const struct quota_root_settings *set = root->set;
	struct quota_root *const *rootp;
	unsigned int lowest = lowest_warning(root);

	if (!trans->limits_set || trans->recalculate != QUOTA_RECALCULATE_DONT ||
	    set->quota_storage_percentage != 100 || set->quota_storage_extra != 0 || set->quota_message_percentage != 100)
		return FALSE;
	array_foreach(&root->quota->all_roots, rootp) {
		const struct quota_transaction_root_context *before =
			&trans->roots[array_foreach_idx(&root->quota->all_roots, rootp)];

		if (*rootp == root)
			return is_far(set->quota_storage_size, before->bytes_ceil2, trans->bytes_used, lowest) &&
			       is_far(set->quota_message_count, before->count_ceil, trans->count_used, lowest);
	}
	return FALSE;
}

static int rare_update(struct quota_root *root, struct quota_transaction_context *trans, const char **error_r)
{
	static ARRAY_TYPE(const_string) none;
	int result = next_update(root, trans, error_r);

	if (original == NULL && !array_is_empty(&root->set->quota_warnings) && has_room(root, trans)) {
		if (!array_is_created(&none))
			i_array_init(&none, 1);
		original = root->set;
		without_warnings = *original;
		without_warnings.quota_warnings = none;
		root->set = &without_warnings;
	}
	return result;
}

/* Put update() into the quota of a user; returns its root, or NULL if there are none or several. */
static struct quota_root *watch_quota(struct mail_user *user)
{
	struct quota *quota = quota_get_mail_user_quota == NULL ? NULL : quota_get_mail_user_quota(user);
	struct quota_root *root;

	if (quota == NULL || array_count(&quota->all_roots) != 1)
		return NULL;
	root = array_idx_elem(&quota->all_roots, 0);
	if (strcmp(root->backend.name, "count") != 0)
		return NULL;
	if (root->backend.v.update != rare_update)
		next_update = root->backend.v.update;
	root->backend.v.update = rare_update;
	return root;
}

static int rare_local_deliver(struct client *client, struct lmtp_recipient *recipient, struct smtp_server_cmd_ctx *cmd,
			      struct smtp_server_transaction *trans, struct lmtp_local_deliver_context *delivery)
{
	struct rare_client *rare = RARE_CONTEXT_REQUIRE(client);
	struct quota_root *root = watch_quota(delivery->rcpt_user);
	int result = rare->module_ctx.super.local_deliver(client, recipient, cmd, trans, delivery);

	if (original != NULL)
		root->set = original;
	original = NULL;
	return result;
}

static void rare_client_created(struct client **_client)
{
	struct client *client = *_client;
	struct rare_client *rare = p_new(client->pool, struct rare_client, 1);

	rare->module_ctx.super = client->v;
	client->v.local_deliver = rare_local_deliver;
	MODULE_CONTEXT_SET(client, rare_recount_module, rare);
	if (next_client_created != NULL)
		next_client_created(_client);
}

void rare_recount_plugin_init(struct module *module);
void rare_recount_plugin_deinit(void);

void rare_recount_plugin_init(struct module *module ATTR_UNUSED)
{
	next_client_created = lmtp_client_created_hook_set(rare_client_created);
}

void rare_recount_plugin_deinit(void)
{
	(void)lmtp_client_created_hook_set(next_client_created);
}

/* Dovecot loads the plugin only where this equals its own. */
extern const char *rare_recount_plugin_version;
const char *rare_recount_plugin_version = DOVECOT_ABI_VERSION;
