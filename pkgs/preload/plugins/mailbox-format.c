/*
 * Dovecot plugin `mailbox_format`, for everything that opens a mailbox: which format an account has.
 *
 * New accounts are sdbox, which is `mail_driver`. Accounts of older versions are maildir until chatmail-storage has
 * converted them (chatmaild/conversion). Dovecot's own `mail_driver = auto` does not find an sdbox: in 2.4 it uses the
 * class `dbox', without the settings of sdbox, and a mail_path that it has freed.
 *
 * user_created() looks for the directories: `mailboxes' is sdbox, `cur' is maildir. It keeps a shared lock (flock) on the
 * directory as long as the user exists. The conversion takes an exclusive one, and so has the mailbox for itself; before
 * that it locks `converting', which is there during a conversion only, so that new users wait and old ones end. The
 * kernel drops the locks of a process that is killed: the mailbox is in use again at once, in the format it has then.
 * Symbolic links are not followed.
 */
#include "config.h"
#include "lib.h"
#include "module-context.h"
#include "settings.h"
#include "mail-storage-private.h"
#include "mail-storage-hooks.h"
#include "mail-storage-service.h"
#include "mail-user.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FORMAT_CONTEXT_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, format_user_module)

/* 10 s: the conversion has the mailbox for 3 s at most, and less than Postfix' wait for a greeting */
#define WAIT_STEPS 2000
static const struct timespec wait_step = { .tv_nsec = 5 * 1000 * 1000 };

struct format_user {
	union mail_user_module_context module_ctx;
	int fd;
};

static MODULE_CONTEXT_DEFINE_INIT(format_user_module, &mail_user_module_register);

enum answer { KNOWN, WAIT, BROKEN };

static int open_directory(const char *home, const char *name)
{
	return open(t_strconcat(home, name, NULL), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_absent(const char *home, const char *name)
{
	struct stat st;

	return lstat(t_strconcat(home, name, NULL), &st) == -1 && errno == ENOENT;
}

static bool is_same(int fd, const char *home, const char *name)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && lstat(t_strconcat(home, name, NULL), &there) == 0 &&
	       mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Lock the directory that tells the format; fd_r is -1 if there is none, as in a new account. */
static enum answer lock_format(const char *home, bool *maildir_r, int *fd_r)
{
	const char *name = "/mailboxes";

	*maildir_r = FALSE;
	*fd_r = open_directory(home, name);
	if (*fd_r == -1 && errno == ENOENT) {
		name = "/cur";
		*maildir_r = TRUE;
		*fd_r = open_directory(home, name);
		if (*fd_r == -1 && errno == ENOENT) {
			*maildir_r = FALSE;
			/* it may just have got the other directory */
			return is_absent(home, "/mailboxes") ? KNOWN : WAIT;
		}
	}
	if (*fd_r == -1)
		return BROKEN;
	if (flock(*fd_r, LOCK_SH | LOCK_NB) == 0 && is_same(*fd_r, home, name) &&
	    (!*maildir_r || is_absent(home, "/mailboxes")))
		return KNOWN;
	i_close_fd(fd_r);
	return WAIT;
}

static enum answer choose(const char *home, bool *maildir_r, int *fd_r)
{
	int gate = open_directory(home, "/converting");
	enum answer answer = WAIT;

	*fd_r = -1;
	/* nothing is converted if it is no directory */
	if (gate == -1 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return BROKEN;
	if (gate == -1 || flock(gate, LOCK_SH | LOCK_NB) == 0)
		answer = lock_format(home, maildir_r, fd_r);
	i_close_fd(&gate);
	return answer;
}

static void format_user_deinit(struct mail_user *user)
{
	struct format_user *format = FORMAT_CONTEXT_REQUIRE(user);

	format->module_ctx.super.deinit(user);
	i_close_fd(&format->fd);
}

static void keep(struct mail_user *user, int fd)
{
	struct mail_user_vfuncs *v = user->vlast;
	struct format_user *format = p_new(user->pool, struct format_user, 1);

	format->fd = fd;
	format->module_ctx.super = *v;
	user->vlast = &format->module_ctx.super;
	v->deinit = format_user_deinit;
	MODULE_CONTEXT_SET(user, format_user_module, format);
}

static void user_created(struct mail_user *user)
{
	enum answer answer = WAIT;
	bool maildir = FALSE;
	const char *home;
	int fd = -1;

	if (user->service_user == NULL || mail_user_get_home(user, &home) <= 0)
		return;
	for (int i = 0; i < WAIT_STEPS && answer == WAIT; i++) {
		if (i > 0)
			(void)nanosleep(&wait_step, NULL);
		T_BEGIN {
			answer = choose(home, &maildir, &fd);
		} T_END;
	}
	if (answer != KNOWN) {
		user->error = p_strdup(user->pool, answer == WAIT ? "the mailbox is being converted" :
				       "the format of the mailbox cannot be told");
		return;
	}
	if (maildir) {
		/* as a field of the userdb: the command line of doveadm is stronger */
		settings_override(mail_storage_service_user_get_settings_instance(user->service_user),
				  "mail_driver", "maildir", SETTINGS_OVERRIDE_TYPE_USERDB);
	}
	if (fd != -1)
		keep(user, fd);
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
