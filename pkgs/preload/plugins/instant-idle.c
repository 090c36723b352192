/*
 * Dovecot plugin `instant_idle` for imap: IDLE announces a change at once, and hibernation loses none.
 *
 * Stock Dovecot waits 500 ms after a change (NOTIFY_DELAY_MSECS in lib-storage/mailbox-watch.c) to serve many changes
 * with one look. No setting changes that; https://github.com/dovecot/core/pull/216 removes it and is open since 2024.
 * Drop this plugin when Dovecot has it.
 *
 * notify_changes(): an inotify instance of its own watches the directory of the mailbox, and a write to its index log calls
 * IDLE. Dovecot's own watch is for hibernation and a fallback. Its delay timer is occupied, or each change would cost
 * a second look. It watches the directory, too: stock Dovecot watches the file of the log, and sees nothing any more
 * after the log was rotated.
 *
 * destroy(): a hibernating session takes new watches with it, and drops what the old ones saw since its last look.
 * If they saw a change, a file in the directory comes and goes, which the new watches see.
 *
 * A process serves several sessions, and two of them may be of one mailbox. Dovecot has one inotify instance for all
 * of a process, in which they share a watch, of which the first session alone would hear. Instances are used again,
 * because it takes the kernel 4 to 20 ms to close one (RCU).
 *
 * All that is for sdbox. A maildir, which waits for its conversion, has two directories: new/ and cur/.
 */
#include "config.h"
#include "lib.h"
#include "ioloop.h"
#include "module-context.h"
#include "mail-index.h"
#include "mail-storage-private.h"
#include "mailbox-watch.h"
#include "mail-storage-hooks.h"
#include "mail-user.h"
#include "imap-common.h"
#include "imap-client.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#define IDLE_CONTEXT(obj) MODULE_CONTEXT(obj, idle_storage_module)
#define IDLE_CONTEXT_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, idle_storage_module)
#define IDLE_CLIENT_CONTEXT(obj) MODULE_CONTEXT_REQUIRE(obj, idle_imap_module)

#define LOG MAIL_INDEX_PREFIX".log"
/* what Dovecot's own watch of a maildir looks for */
#define CHANGES (IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE | IN_MODIFY)
#define DAY_MSECS (24 * 60 * 60 * 1000)

struct idle_mailbox {
	union mailbox_module_context module_ctx;
	struct io *io;
	/* an inotify instance while there is an io */
	int fd;
	int watches[2];
	bool is_sdbox;
};

struct idle_client {
	union imap_module_context module_ctx;
};

static MODULE_CONTEXT_DEFINE_INIT(idle_storage_module, &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(idle_imap_module, &imap_module_register);

static struct module *idle_module;
static imap_client_created_func_t *next_client_created;
/* inotify instances without watches */
static ARRAY(int) spare;

static int take_instance(void)
{
	int fd;

	if (array_count(&spare) == 0)
		return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	fd = *array_back(&spare);
	array_pop_back(&spare);
	return fd;
}

/* Read all events; returns whether one was a change: in an sdbox, a write to the log. */
static bool drain(int fd, bool is_sdbox)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	bool any = FALSE;
	ssize_t got;

	while ((got = read(fd, events, sizeof(events))) > 0) {
		for (ssize_t at = 0; at < got; at += sizeof(*event) + event->len) {
			event = (const void *)(events + at);
			if (!is_sdbox || (event->mask & IN_Q_OVERFLOW) != 0 ||
			    (event->len > 0 && strcmp(event->name, LOG) == 0))
				any = TRUE;
		}
	}
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
	struct idle_mailbox *idle = IDLE_CONTEXT_REQUIRE(box);

	if (!drain(idle->fd, idle->is_sdbox))
		return;
	occupy_delay(box);
	/* the session may end in it, and the mailbox with it */
	box->notify_callback(box, box->notify_context);
}

/* Keep the instance for another mailbox, without watches and events of this one. */
static void return_instance(struct idle_mailbox *idle)
{
	for (unsigned int i = 0; i < N_ELEMENTS(idle->watches); i++) {
		if (idle->watches[i] != -1)
			(void)inotify_rm_watch(idle->fd, idle->watches[i]);
	}
	(void)drain(idle->fd, idle->is_sdbox);
	array_push_back(&spare, &idle->fd);
}

static void unwatch(struct idle_mailbox *idle)
{
	if (idle->io == NULL)
		return;
	io_remove(&idle->io);
	return_instance(idle);
}

static void watch(struct mailbox *box, struct idle_mailbox *idle)
{
	const char *path = mailbox_get_path(box);

	idle->fd = take_instance();
	if (idle->fd == -1)
		return; /* Dovecot's own watch is there, and says what is missing */
	idle->watches[1] = -1;
	if (idle->is_sdbox)
		idle->watches[0] = inotify_add_watch(idle->fd, path, IN_MODIFY);
	else {
		idle->watches[0] = inotify_add_watch(idle->fd, t_strconcat(path, "/new", NULL), CHANGES);
		idle->watches[1] = inotify_add_watch(idle->fd, t_strconcat(path, "/cur", NULL), CHANGES);
	}
	if (idle->watches[0] == -1) {
		return_instance(idle);
		return;
	}
	idle->io = io_add(idle->fd, IO_READ, changed, box);
	occupy_delay(box);
}

static void idle_notify_changes(struct mailbox *box)
{
	struct idle_mailbox *idle = IDLE_CONTEXT_REQUIRE(box);

	unwatch(idle);
	if (!idle->is_sdbox)
		idle->module_ctx.super.notify_changes(box);
	else {
		/* what dbox_notify_changes() does, but for the directory */
		mailbox_watch_remove_all(box);
		if (box->notify_callback != NULL)
			mailbox_watch_add(box, mailbox_get_path(box));
	}
	if (box->notify_callback != NULL && box->to_notify != NULL)
		watch(box, idle);
}

static void idle_close(struct mailbox *box)
{
	struct idle_mailbox *idle = IDLE_CONTEXT_REQUIRE(box);

	unwatch(idle);
	idle->module_ctx.super.close(box);
}

static void idle_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct idle_mailbox *idle;

	bool is_sdbox = strcmp(box->storage->name, "sdbox") == 0;

	if (!is_sdbox && strcmp(box->storage->name, "maildir") != 0)
		return;
	idle = p_new(box->pool, struct idle_mailbox, 1);
	idle->is_sdbox = is_sdbox;
	idle->module_ctx.super = *v;
	box->vlast = &idle->module_ctx.super;
	v->notify_changes = idle_notify_changes;
	v->close = idle_close;
	MODULE_CONTEXT_SET(box, idle_storage_module, idle);
}

static void touch(struct mailbox *box, bool is_sdbox)
{
	const char *path = t_strconcat(mailbox_get_path(box), is_sdbox ? "/.changed" : "/new/.changed", NULL);
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

	if (client->hibernated && idle != NULL && idle->io != NULL && drain(idle->fd, idle->is_sdbox))
		touch(client->mailbox, idle->is_sdbox);
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
	i_array_init(&spare, 8);
	mail_storage_hooks_add(module, &idle_hooks);
	next_client_created = imap_client_created_hook_set(idle_client_created);
}

void instant_idle_plugin_deinit(void)
{
	int fd;

	(void)imap_client_created_hook_set(next_client_created);
	mail_storage_hooks_remove(&idle_hooks);
	array_foreach_elem(&spare, fd)
		i_close_fd(&fd);
	array_free(&spare);
}

/* Dovecot loads the plugin only where this equals its own. */
extern const char *instant_idle_plugin_version;
const char *instant_idle_plugin_version = DOVECOT_ABI_VERSION;
