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
 *
 * On a store of a cluster (CHATMAIL_STORE in the environment) an account may move to another store. `moving' is as
 * `converting' then, and with `moving/committing' in it the other store may have the account already: new users wait.
 * An account that is not there gets no mailbox: its delivery fails for now, and Postfix finds the other store. Dovecot
 * would log each such delivery as an error, with the address.
 */
#include "config.h"
#include "lib.h"
#include "failures.h"
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

#define NOT_HERE "the account is not on this store"

static failure_callback_t *next_log;

static MODULE_CONTEXT_DEFINE_INIT(format_user_module, &mail_user_module_register);

enum answer { KNOWN, WAIT, BROKEN, ELSEWHERE };

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

/* Open a directory whose lock keeps new users out; gate_r is -1 if there is none. */
static enum answer pass_gate(const char *home, const char *name, int *gate_r)
{
	*gate_r = open_directory(home, name);
	/* nothing happens to the account if it is no directory */
	if (*gate_r == -1)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? KNOWN : BROKEN;
	return flock(*gate_r, LOCK_SH | LOCK_NB) == 0 ? KNOWN : WAIT;
}

/* Whether the account is on this store, now that nobody can take it away. */
static enum answer is_here(const char *home, int fd)
{
	if (!is_absent(home, "/moving/committing"))
		return WAIT;
	return fd == -1 || is_absent(home, "/password") ? ELSEWHERE : KNOWN;
}

static enum answer choose(const char *home, bool is_store, bool *maildir_r, int *fd_r)
{
	int converting = -1, moving = -1;
	enum answer answer;

	*fd_r = -1;
	answer = pass_gate(home, "/converting", &converting);
	if (answer == KNOWN && is_store)
		answer = pass_gate(home, "/moving", &moving);
	if (answer == KNOWN)
		answer = lock_format(home, maildir_r, fd_r);
	if (answer == KNOWN && is_store)
		answer = is_here(home, *fd_r);
	if (answer != KNOWN)
		i_close_fd(fd_r);
	i_close_fd(&converting);
	i_close_fd(&moving);
	return answer;
}

static const char *error_of(enum answer answer)
{
	if (answer == ELSEWHERE)
		return NOT_HERE;
	return answer == WAIT ? "the mailbox is being converted or moved" : "the format of the mailbox cannot be told";
}

static void log_others(const struct failure_context *ctx, const char *format, va_list args)
{
	/* the text may have a %m */
	int reason = errno;
	bool is_ours;
	va_list copy;

	va_copy(copy, args);
	T_BEGIN {
		is_ours = strstr(t_strdup_vprintf(format, copy), NOT_HERE) != NULL;
	} T_END;
	va_end(copy);
	errno = reason;
	if (!is_ours)
		next_log(ctx, format, args);
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
	/* not the user without an account with which lmtp reads messages */
	bool is_store = getenv("CHATMAIL_STORE") != NULL && !user->autocreated;
	bool maildir = FALSE;
	const char *home;
	int fd = -1;

	if (user->service_user == NULL || mail_user_get_home(user, &home) <= 0)
		return;
	for (int i = 0; i < WAIT_STEPS && answer == WAIT; i++) {
		if (i > 0)
			(void)nanosleep(&wait_step, NULL);
		T_BEGIN {
			answer = choose(home, is_store, &maildir, &fd);
		} T_END;
	}
	if (answer != KNOWN) {
		user->error = p_strdup(user->pool, error_of(answer));
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
	failure_callback_t *fatal, *info, *debug;

	mail_storage_hooks_add(module, &format_hooks);
	if (getenv("CHATMAIL_STORE") != NULL) {
		i_get_failure_handlers(&fatal, &next_log, &info, &debug);
		i_set_error_handler(log_others);
	}
}

void mailbox_format_plugin_deinit(void)
{
	mail_storage_hooks_remove(&format_hooks);
	if (next_log != NULL)
		i_set_error_handler(next_log);
}

/* Dovecot loads the plugin only where this equals its own. */
extern const char *mailbox_format_plugin_version;
const char *mailbox_format_plugin_version = DOVECOT_ABI_VERSION;
