/*
 * LD_PRELOAD interposer for Dovecot's lmtp and imap: the users of a process share settings that are the same for all.
 *
 * For each delivery and each session Dovecot looks up some forty structs of settings, and each time matches all filters
 * of the configuration (`protocol lmtp', `quota "User quota"') and parses all values. Most of these structs, those of
 * quota for example, differ for no user.
 *
 * settings_get(), settings_get_filter(): keep the struct of the first look-up, and return it for the same look-up of
 * other users. Structs count their references. A struct is not kept if
 *   - its name is not in SHARED: paths and user names are in others;
 *   - a %{variable} was expanded for it: var_expand_program_execute();
 *   - the process ever changed a setting of it for a user, such as a field of the userdb: settings_override();
 *   - the configuration has filters by IP address or host name: event_filter_parse_case_sensitive().
 * Nothing is kept until each of these three was called, which says that they are replaced.
 */
#define _GNU_SOURCE
#include "config.h"
#include "lib.h"
#include "lib-event.h"
#include "event-filter.h"
#include "settings.h"
#include "var-expand.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#undef settings_get
#undef settings_get_filter

#define MOST_STRUCTS 64
#define MOST_KEYS 16
#define CONTEXT_BYTES 512
/* settings_event_add_filter_name() adds a number from the second name on */
#define MOST_NAMES 9

static const char *const PROGRAMS[] = { "imap", "lmtp", NULL };
static const char *const SHARED[] = {
	"lda", "lmtp_pre_mail", "mail_namespace", "mailbox", "mailbox_list_layout", "quota", "quota_root", "smtp_submit", NULL,
};

struct shared {
	/* not valid any more when the process has unloaded its plugins */
	const struct setting_parser_info *info;
	char *context;
	const void *set;
	pool_t pool;
};

/* the names of filters that a look-up asks for, and its protocol */
struct lookup {
	char context[CONTEXT_BYTES];
	size_t length;
};

static struct shared shared[MOST_STRUCTS];
static unsigned int shared_count;
/* settings that were changed for a single user */
static char *changed_keys[MOST_KEYS];
static unsigned int changed_count;
static const struct settings_root *only_root;
static bool off, has_seen_filter, has_seen_key, has_seen_expansion;
/* something in the look-up that is going on is for one user alone */
static bool is_own;

#define ORIGINAL(name) ({ \
	static __typeof__(name) *found; \
	if (found == NULL) \
		found = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
	found; })

static void forget_all(void)
{
	while (shared_count > 0) {
		struct shared *last = &shared[--shared_count];

		pool_unref(&last->pool);
		free(last->context);
	}
}

static void switch_off(void)
{
	off = TRUE;
	forget_all();
}

/* --- what may differ */

int event_filter_parse_case_sensitive(const char *text, struct event_filter *filter, const char **error_r)
{
	has_seen_filter = TRUE;
	/* `local', `local_name' and `remote' in the configuration */
	if (strstr(text, "local_ip=") != NULL || strstr(text, "local_name=") != NULL || strstr(text, "remote_ip=") != NULL)
		switch_off();
	return ORIGINAL(event_filter_parse_case_sensitive)(text, filter, error_r);
}

int var_expand_program_execute(string_t *to, const struct var_expand_program *program,
			       const struct var_expand_params *params, const char **error_r)
{
	has_seen_expansion = is_own = TRUE;
	return ORIGINAL(var_expand_program_execute)(to, program, params, error_r);
}

static void note_changed(const char *key)
{
	for (unsigned int i = 0; i < changed_count; i++) {
		if (strcmp(changed_keys[i], key) == 0)
			return;
	}
	forget_all();
	if (changed_count == MOST_KEYS || (changed_keys[changed_count] = strdup(key)) == NULL)
		switch_off();
	else
		changed_count++;
}

void settings_override(struct settings_instance *instance, const char *key, const char *value,
		       enum settings_override_type type)
{
	const char *name = str_begins_with(key, "*/") ? key + 2 : key;

	has_seen_key = TRUE;
	if (strpbrk(name, "/+@") == NULL)
		note_changed(name);
	/* these sections are in none of SHARED */
	else if (!str_begins_with(key, "imap_capability/") && !str_begins_with(key, "fs/"))
		switch_off();
	ORIGINAL(settings_override)(instance, key, value, type);
}

void settings_root_override(struct settings_root *root, const char *key, const char *value,
			    enum settings_override_type type)
{
	forget_all();
	ORIGINAL(settings_root_override)(root, key, value, type);
}

void settings_root_deinit(struct settings_root **root)
{
	/* Dovecot logs structs that are still in use */
	if (*root == only_root)
		switch_off();
	ORIGINAL(settings_root_deinit)(root);
}

/* --- what is shared */

static bool add(struct lookup *lookup, const char *text)
{
	char *end = memccpy(lookup->context + lookup->length, text == NULL ? "" : text, '\0',
			    CONTEXT_BYTES - lookup->length);

	if (end == NULL || end == lookup->context + CONTEXT_BYTES)
		return FALSE;
	/* in no name */
	end[-1] = '\n';
	*end = '\0';
	lookup->length = end - lookup->context;
	return TRUE;
}

static bool add_names(struct lookup *lookup, const struct event *event)
{
	char key[] = SETTINGS_EVENT_FILTER_NAME"2";
	const char *name = event_get_ptr(event, SETTINGS_EVENT_FILTER_NAME);

	for (unsigned int i = 2; name != NULL; i++) {
		if (i > MOST_NAMES || !add(lookup, name))
			return FALSE;
		key[sizeof(key) - 2] = '0' + i;
		name = event_get_ptr(event, key);
	}
	return TRUE;
}

/* Fill in what the look-up depends on; returns whether its result may be shared. */
static bool describe(struct lookup *lookup, const struct event *event, const char *filter_key, const char *filter_value)
{
	const struct event_field *protocol = event_find_field_recursive(event, "protocol");
	const struct settings_root *root, *first = NULL;

	lookup->length = 0;
	if (protocol != NULL && protocol->value_type != EVENT_FIELD_VALUE_TYPE_STR)
		return FALSE;
	if (!add(lookup, filter_key) || !add(lookup, filter_value) ||
	    !add(lookup, protocol == NULL ? NULL : protocol->value.str))
		return FALSE;
	for (; event != NULL; event = event_get_parent(event)) {
		root = event_get_ptr(event, SETTINGS_EVENT_ROOT);
		if (first == NULL)
			first = root;
		if ((root != NULL && root != first) || !add_names(lookup, event))
			return FALSE;
	}
	if (only_root == NULL)
		only_root = first;
	return first != NULL && first == only_root;
}

static bool may_be_shared(const struct setting_parser_info *info, enum settings_get_flags flags)
{
	static int is_program = -1;

	if (is_program == -1)
		is_program = str_array_find(PROGRAMS, program_invocation_short_name);
	if (!is_program || off || flags != 0 || !has_seen_filter || !has_seen_key || !has_seen_expansion)
		return FALSE;
	return str_array_find(SHARED, info->name);
}

static const struct shared *find(const struct setting_parser_info *info, const struct lookup *lookup)
{
	for (unsigned int i = 0; i < shared_count; i++) {
		if (shared[i].info == info && strcmp(shared[i].context, lookup->context) == 0)
			return &shared[i];
	}
	return NULL;
}

static bool has_changed_key(const struct setting_parser_info *info)
{
	unsigned int unused;

	for (unsigned int i = 0; i < changed_count; i++) {
		if (setting_parser_info_find_key(info, changed_keys[i], &unused))
			return TRUE;
	}
	return FALSE;
}

static void keep(const struct setting_parser_info *info, const struct lookup *lookup, const void *set)
{
	struct shared *next = &shared[shared_count];

	if (off || shared_count == MOST_STRUCTS)
		return;
	if ((next->context = strdup(lookup->context)) == NULL)
		return;
	next->info = info;
	next->set = set;
	next->pool = *(const pool_t *)CONST_PTR_OFFSET(set, info->pool_offset1 - 1);
	pool_ref(next->pool);
	shared_count++;
}

static int look_up(struct event *event, const char *filter_key, const char *filter_value,
		   const struct setting_parser_info *info, enum settings_get_flags flags, const char *file,
		   unsigned int line, const void **set_r, const char **error_r)
{
	if (filter_key == NULL)
		return ORIGINAL(settings_get)(event, info, flags, file, line, set_r, error_r);
	return ORIGINAL(settings_get_filter)(event, filter_key, filter_value, info, flags, file, line, set_r, error_r);
}

static int get(struct event *event, const char *filter_key, const char *filter_value,
	       const struct setting_parser_info *info, enum settings_get_flags flags, const char *file, unsigned int line,
	       const void **set_r, const char **error_r)
{
	struct lookup lookup;
	const struct shared *found;
	bool was_own = is_own;
	int result;

	if (!may_be_shared(info, flags) || !describe(&lookup, event, filter_key, filter_value)) {
		is_own = TRUE;
		return look_up(event, filter_key, filter_value, info, flags, file, line, set_r, error_r);
	}
	found = find(info, &lookup);
	if (found != NULL) {
		pool_ref(found->pool);
		*set_r = found->set;
		return 0;
	}
	/* A namespace looks up its folders meanwhile: what is their user's own is its own. */
	is_own = has_changed_key(info);
	result = look_up(event, filter_key, filter_value, info, flags, file, line, set_r, error_r);
	if (result == 0 && !is_own)
		keep(info, &lookup, *set_r);
	is_own = is_own || was_own;
	return result;
}

int settings_get(struct event *event, const struct setting_parser_info *info, enum settings_get_flags flags,
		 const char *file, unsigned int line, const void **set_r, const char **error_r)
{
	return get(event, NULL, NULL, info, flags, file, line, set_r, error_r);
}

int settings_get_filter(struct event *event, const char *filter_key, const char *filter_value,
			const struct setting_parser_info *info, enum settings_get_flags flags, const char *file,
			unsigned int line, const void **set_r, const char **error_r)
{
	return get(event, filter_key, filter_value, info, flags, file, line, set_r, error_r);
}
