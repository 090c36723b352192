/*
 * Dovecot plugin `mailbox_format`, for everything that opens a mailbox: which format an account has.
 *
 * New accounts are sdbox, which is `mail_driver`. Accounts of older versions are maildir until chatmail-storage has
 * converted them (chatmaild/conversion). Dovecot's own `mail_driver = auto` does not find an sdbox: in 2.4 it uses the
 * class `dbox', without the settings of sdbox, and a mail_path that it has freed.
 *
 * user_created() looks for the directories: `mailboxes' is sdbox, `cur' is maildir. While the account changes its
 * format, a file has one of these names: then it waits, so that no delivery fails. Converted accounts cost one stat().
 */
#include "config.h"
#include "lib.h"
#include "settings.h"
#include "mail-storage-private.h"
#include "mail-storage-hooks.h"
#include "mail-storage-service.h"
#include "mail-user.h"

#include <sys/stat.h>
#include <time.h>

/* 10 s: a change takes 0.2 s, and less than Postfix' wait for a greeting */
#define WAIT_STEPS 2000
static const struct timespec wait_step = { .tv_nsec = 5 * 1000 * 1000 };

enum found { NOTHING, A_FILE, A_DIRECTORY };

static enum found look(const char *home, const char *name)
{
	struct stat st;

	if (stat(t_strconcat(home, name, NULL), &st) == -1)
		return NOTHING;
	return S_ISDIR(st.st_mode) ? A_DIRECTORY : A_FILE;
}

/* Returns whether the format is known. */
static bool choose(struct mail_user *user, const char *home)
{
	enum found sdbox = look(home, "/mailboxes");

	if (sdbox != NOTHING)
		return sdbox == A_DIRECTORY;
	enum found maildir = look(home, "/cur");
	if (maildir == A_DIRECTORY) {
		/* as a field of the userdb: the command line of doveadm is stronger */
		settings_override(mail_storage_service_user_get_settings_instance(user->service_user),
				  "mail_driver", "maildir", SETTINGS_OVERRIDE_TYPE_USERDB);
		return TRUE;
	}
	return maildir == NOTHING;
}

static void user_created(struct mail_user *user)
{
	const char *home;

	if (user->service_user == NULL || mail_user_get_home(user, &home) <= 0)
		return;
	for (int i = 0; i < WAIT_STEPS; i++) {
		bool known;
		T_BEGIN {
			known = choose(user, home);
		} T_END;
		if (known)
			return;
		(void)nanosleep(&wait_step, NULL);
	}
	user->error = p_strdup(user->pool, "the mailbox is being converted");
}

static struct mail_storage_hooks format_hooks = { .mail_user_created = user_created };

void mailbox_format_plugin_init(struct module *module);
void mailbox_format_plugin_deinit(void);

void mailbox_format_plugin_init(struct module *module)
{
	mail_storage_hooks_add(module, &format_hooks);
}

void mailbox_format_plugin_deinit(void)
{
	mail_storage_hooks_remove(&format_hooks);
}

/* Dovecot loads the plugin only where this equals its own. */
extern const char *mailbox_format_plugin_version;
const char *mailbox_format_plugin_version = DOVECOT_ABI_VERSION;
