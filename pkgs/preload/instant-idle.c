/*
 * Dovecot plugin `instant_idle`, for imap and lmtp: IDLE announces a change at once, and hibernation loses none.
 *
 * Stock Dovecot waits 500 ms after a change (NOTIFY_DELAY_MSECS in lib-storage/mailbox-watch.c) to serve many changes
 * with one look. No setting changes that; https://github.com/dovecot/core/pull/216 removes it and is open since 2024.
 * Drop this plugin when Dovecot has it.
 *
 * notify_changes(): a second inotify instance watches new/ and cur/ of the mailbox, and its first event calls IDLE.
 * Dovecot's own watch stays, for hibernation and as a fallback. Its delay timer is occupied, or each change would
 * cost a second look.
 *
 * sync_init(), transaction_commit(): an early look often meets the delivery's lock on dovecot-uidlist. To wait for a
 * dotlock, Dovecot makes an inotify instance; closing it takes the kernel 4 to 20 ms (RCU). So sessions and deliveries
 * queue for an flock() first, in short steps. After 10 ms they go on without it: the dotlock alone protects the data.
 *
 * destroy(): a hibernating session takes new watches with it, and drops what the old ones saw since its last look.
 * If they saw something, a file in new/ comes and goes, which the new watches see.
 */
#include "config.h"
#include "lib.h"
#include "ioloop.h"
#include "module-context.h"
#include "mail-storage-private.h"
#include "mail-storage-hooks.h"
#include "mail-user.h"
#include "imap-common.h"
#include "imap-client.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

/* of the imap binary; lmtp does not have them */
#pragma weak imap_client_created_hook_set
#pragma weak imap_module_register

#define IDLE_CONTEXT(obj) MODULE_CONTEXT(obj, idle_storage_module)
#define IDLE_CONTEXT_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, idle_storage_module)
#define IDLE_CLIENT_CONTEXT(obj) MODULE_CONTEXT_REQUIRE(obj, idle_imap_module)

/* what Dovecot's own watch looks for */
#define CHANGES (IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE | IN_MODIFY)
#define DAY_MSECS (24 * 60 * 60 * 1000)
/* A delivery holds its lock for 1 to 2 ms. */
#define LOCK_STEPS 50
static const struct timespec lock_step = { .tv_nsec = 200 * 1000 };

struct idle_mailbox {
	union mailbox_module_context module_ctx;
	struct io *io;
	int watches[2];
};

struct idle_client {
	union imap_module_context module_ctx;
};

static MODULE_CONTEXT_DEFINE_INIT(idle_storage_module, &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(idle_imap_module, &imap_module_register);

static struct module *idle_module;
static imap_client_created_func_t *next_client_created;
/* one for the process, because to close it is slow */
static int inotify_fd = -1;

/* Read all events; returns whether there were any. */
static bool drain(void)
{
	char events[4096];
	bool any = FALSE;

	while (inotify_fd != -1 && read(inotify_fd, events, sizeof(events)) > 0)
		any = TRUE;
	return any;
}

static void delay_over(struct mailbox *box)
{
	timeout_remove(&box->to_notify_delay);
}

/* Dovecot starts its delay timer only where none runs, and removes it with its watches. */
static void occupy_delay(struct mailbox *box)
{
	if (box->to_notify_delay == NULL)
		box->to_notify_delay = timeout_add(DAY_MSECS, delay_over, box);
}

static void changed(struct mailbox *box)
{
	(void)drain();
	occupy_delay(box);
	/* the session may end in it, and the mailbox with it */
	box->notify_callback(box, box->notify_context);
}

static void unwatch(struct idle_mailbox *idle)
{
	if (idle->io == NULL)
		return;
	io_remove(&idle->io);
	for (unsigned int i = 0; i < N_ELEMENTS(idle->watches); i++)
		(void)inotify_rm_watch(inotify_fd, idle->watches[i]);
}

static void watch(struct mailbox *box, struct idle_mailbox *idle)
{
	const char *path = mailbox_get_path(box);

	if (inotify_fd == -1)
		inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (inotify_fd == -1)
		return; /* Dovecot's own watch is there, and says what is missing */
	(void)drain();
	idle->watches[0] = inotify_add_watch(inotify_fd, t_strconcat(path, "/new", NULL), CHANGES);
	idle->watches[1] = inotify_add_watch(inotify_fd, t_strconcat(path, "/cur", NULL), CHANGES);
	if (idle->watches[0] == -1 || idle->watches[1] == -1)
		return;
	idle->io = io_add(inotify_fd, IO_READ, changed, box);
	occupy_delay(box);
}

static void idle_notify_changes(struct mailbox *box)
{
	struct idle_mailbox *idle = IDLE_CONTEXT_REQUIRE(box);

	unwatch(idle);
	idle->module_ctx.super.notify_changes(box);
	if (box->notify_callback != NULL && box->to_notify != NULL)
		watch(box, idle);
}

static void idle_close(struct mailbox *box)
{
	struct idle_mailbox *idle = IDLE_CONTEXT_REQUIRE(box);

	unwatch(idle);
	idle->module_ctx.super.close(box);
}

/* Returns a file descriptor; to close it lets the next one in. */
static int queue_up(struct mailbox *box)
{
	int fd = open(mailbox_get_path(box), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd != -1 && i < LOCK_STEPS && flock(fd, LOCK_EX | LOCK_NB) == -1; i++)
		(void)nanosleep(&lock_step, NULL);
	return fd;
}

static struct mailbox_sync_context *idle_sync_init(struct mailbox *box, enum mailbox_sync_flags flags)
{
	struct idle_mailbox *idle = IDLE_CONTEXT_REQUIRE(box);
	struct mailbox_sync_context *context;
	int fd = queue_up(box);

	context = idle->module_ctx.super.sync_init(box, flags);
	i_close_fd(&fd);
	return context;
}

static int idle_transaction_commit(struct mailbox_transaction_context *t,
				   struct mail_transaction_commit_changes *changes_r)
{
	struct idle_mailbox *idle = IDLE_CONTEXT_REQUIRE(t->box);
	int fd = t->save_count > 0 ? queue_up(t->box) : -1;
	int result = idle->module_ctx.super.transaction_commit(t, changes_r);

	i_close_fd(&fd);
	return result;
}

static void idle_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct idle_mailbox *idle;

	if (strcmp(box->storage->name, "maildir") != 0)
		return;
	idle = p_new(box->pool, struct idle_mailbox, 1);
	idle->module_ctx.super = *v;
	box->vlast = &idle->module_ctx.super;
	v->notify_changes = idle_notify_changes;
	v->close = idle_close;
	v->sync_init = idle_sync_init;
	v->transaction_commit = idle_transaction_commit;
	MODULE_CONTEXT_SET(box, idle_storage_module, idle);
}

static void touch(struct mailbox *box)
{
	const char *path = t_strconcat(mailbox_get_path(box), "/new/.changed", NULL);
	int fd = open(path, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		return;
	i_close_fd(&fd);
	i_unlink(path);
}

static void idle_client_destroy(struct client *client, const char *reason)
{
	struct idle_client *next = IDLE_CLIENT_CONTEXT(client);
	struct idle_mailbox *idle = client->mailbox == NULL ? NULL : IDLE_CONTEXT(client->mailbox);

	if (client->hibernated && idle != NULL && idle->io != NULL && drain())
		touch(client->mailbox);
	next->module_ctx.super.destroy(client, reason);
}

static void idle_client_created(struct client **_client)
{
	struct client *client = *_client;
	struct idle_client *idle;

	if (mail_user_is_plugin_loaded(client->user, idle_module)) {
		idle = p_new(client->pool, struct idle_client, 1);
		idle->module_ctx.super = client->v;
		client->v.destroy = idle_client_destroy;
		MODULE_CONTEXT_SET(client, idle_imap_module, idle);
	}
	if (next_client_created != NULL)
		next_client_created(_client);
}

static struct mail_storage_hooks idle_hooks = { .mailbox_allocated = idle_mailbox_allocated };

void instant_idle_plugin_init(struct module *module);
void instant_idle_plugin_deinit(void);

void instant_idle_plugin_init(struct module *module)
{
	idle_module = module;
	mail_storage_hooks_add(module, &idle_hooks);
	if (imap_client_created_hook_set != NULL)
		next_client_created = imap_client_created_hook_set(idle_client_created);
}

void instant_idle_plugin_deinit(void)
{
	if (imap_client_created_hook_set != NULL)
		(void)imap_client_created_hook_set(next_client_created);
	mail_storage_hooks_remove(&idle_hooks);
	i_close_fd(&inotify_fd);
}

/* Dovecot loads the plugin only where this equals its own. */
extern const char *instant_idle_plugin_version;
const char *instant_idle_plugin_version = DOVECOT_ABI_VERSION;
