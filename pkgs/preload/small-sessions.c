/*
 * LD_PRELOAD interposer: makes waiting sessions of Dovecot small. What it replaces:
 *
 * BIO_new_bio_pair(), by which imap-login connects OpenSSL to a socket. OpenSSL gives each direction a buffer of 17 KB,
 * the size of a TLS record, for as long as the session lives. Smaller ones do: a record goes through in turns.
 *
 * i_stream_create(), in imap-login. A session keeps two input buffers of 8 KB for as long as it lives. Those without data
 * are freed each second, and allocated again for the next data.
 *
 * o_stream_create_file_common(), in imap-login. A session keeps two output buffers of 4 and 8 KB, too. They are freed when
 * they were sent, and allocated again for the next data.
 *
 * pool_alloconly_create(), buffer_create_dynamic(), in imap-login. A session has a pool of 8 KB of which it uses 1.3 KB,
 * and an output buffer of 4 KB for lines of 0.5 KB. Both grow when they have to.
 *
 * epoll_wait(), in which every Dovecot process waits. A process that was idle for a second returns the memory that it
 * has freed. After a burst of logins that is most of what the auth and stats processes hold.
 *
 * The prototypes are those of the headers of OpenSSL, Dovecot and libc, so a changed one fails the build.
 *
 * A Dovecot plugin cannot do it. lib-ssl-iostream calls BIO_new_bio_pair(..., 0, ..., 0) and connects the pair at once;
 * the size of a connected pair is fixed (BIO_set_write_buf_size answers BIO_R_IN_USE). Its table of functions is static,
 * and login plugins have a hook for a new client only, which is before there is a pair.
 * The memory to return is that of auth, stats and login processes, which load no mail plugins;
 * glibc's M_TRIM_THRESHOLD returns the top of the heap only, and after a burst that is in use.
 */
#define _GNU_SOURCE
#include "config.h"
#include "lib.h"
#include "buffer.h"
#include "istream-private.h"
#include "memarea.h"
#include "ostream-file-private.h"
#include "llist.h"

#include <dlfcn.h>
#include <malloc.h>
#include <openssl/bio.h>
#include <sys/epoll.h>
#include <time.h>

/* of libdovecot, which this library is not linked with */
#pragma weak default_pool
#pragma weak i_stream_add_destroy_callback
#pragma weak i_stream_free_buffer
#pragma weak i_stream_snapshot_free
#pragma weak memarea_get_refcount

/*
 * To the client: larger, because whole messages go that way, and each turn is a system call. With 4096 bytes a
 * hundred megabytes cost 0.25 s of processor time more than with 17 KB, with 2048 it would be 1 s more.
 */
#define OUT_BYTES 4096
/* From the client: commands; messages are submitted elsewhere. */
#define IN_BYTES 1024
#define POOL_BYTES 2048
#define LINES_BYTES 512
#define IDLE_MS 1000
/* To return memory costs a system call for each freed block: a busy process does it rarely. */
#define BUSY_TURNS 16

struct stream {
	struct stream *prev, *next;
	struct istream_private *private;
};

static struct stream *streams;

/* OpenSSL may belong to a plugin of the caller, and be absent from the global scope. */
static void *original(const char *name, const void *caller)
{
	void *found = dlsym(RTLD_NEXT, name);
	Dl_info where;
	void *plugin;

	if (found == NULL && dladdr(caller, &where) != 0) {
		plugin = dlopen(where.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
		if (plugin != NULL)
			found = dlsym(plugin, name);
	}
	return found;
}

static int is_login(void)
{
	static int known = -1;

	if (known == -1)
		known = strcmp(program_invocation_short_name, "imap-login") == 0;
	return known;
}

/* Dovecot gives OpenSSL's end first: what is written there goes to the client. 0 is the usual size. */
int BIO_new_bio_pair(BIO **internal, size_t out_bytes, BIO **external, size_t in_bytes)
{
	static __typeof__(BIO_new_bio_pair) *make;

	if (make == NULL)
		make = (__typeof__(make))original("BIO_new_bio_pair", __builtin_return_address(0));
	return make(internal, out_bytes != 0 ? out_bytes : OUT_BYTES, external, in_bytes != 0 ? in_bytes : IN_BYTES);
}

#undef pool_alloconly_create
pool_t pool_alloconly_create(const char *name, size_t size)
{
	static __typeof__(pool_alloconly_create) *create;

	if (create == NULL)
		create = (__typeof__(create))dlsym(RTLD_NEXT, "pool_alloconly_create");
	return create(name, size == 8192 && is_login() ? POOL_BYTES : size);
}

buffer_t *buffer_create_dynamic(pool_t pool, size_t size)
{
	static __typeof__(buffer_create_dynamic) *create;

	if (create == NULL)
		create = (__typeof__(create))dlsym(RTLD_NEXT, "buffer_create_dynamic");
	return create(pool, size == 4096 && pool == default_pool && is_login() ? LINES_BYTES : size);
}

static void forget(struct stream *stream)
{
	DLLIST_REMOVE(&streams, stream);
	free(stream);
}

struct istream *i_stream_create(struct istream_private *private, struct istream *parent, int fd,
				enum istream_create_flag flags)
{
	static __typeof__(i_stream_create) *create;
	struct istream *created;
	struct stream *stream;

	if (create == NULL)
		create = (__typeof__(create))dlsym(RTLD_NEXT, "i_stream_create");
	created = create(private, parent, fd, flags);
	if (parent == NULL && is_login() && (stream = calloc(1, sizeof(*stream))) != NULL) {
		stream->private = private;
		DLLIST_PREPEND(&streams, stream);
		i_stream_add_destroy_callback(created, forget, stream);
	}
	return created;
}

static __typeof__(((struct ostream_private *)NULL)->cork) cork_stream;

/* Dovecot uncorks a stream after each round of writes, when nothing refers to its buffer. */
static void cork_and_free_buffer(struct ostream_private *private, bool set)
{
	struct file_ostream *stream = container_of(private, struct file_ostream, ostream);

	cork_stream(private, set);
	if (set || stream->buffer == NULL || stream->head != stream->tail || stream->full)
		return;
	i_free(stream->buffer);
	stream->buffer_size = stream->head = stream->tail = 0;
}

struct ostream *o_stream_create_file_common(struct file_ostream *stream, int fd, size_t most_bytes, bool closes_fd)
{
	static __typeof__(o_stream_create_file_common) *create;
	struct ostream *created;

	if (create == NULL)
		create = (__typeof__(create))dlsym(RTLD_NEXT, "o_stream_create_file_common");
	created = create(stream, fd, most_bytes, closes_fd);
	if (is_login()) {
		cork_stream = stream->ostream.cork;
		stream->ostream.cork = cork_and_free_buffer;
	}
	return created;
}

static void free_empty_buffers(void)
{
	for (struct stream *stream = streams; stream != NULL; stream = stream->next) {
		struct istream_private *private = stream->private;

		if (private->w_buffer == NULL || private->memarea == NULL || private->skip != private->pos ||
		    private->high_pos > private->pos)
			continue;
		/* of data that was read before the last, and is used as well */
		i_stream_snapshot_free(&private->prev_snapshot);
		if (memarea_get_refcount(private->memarea) != 1)
			continue;
		i_stream_free_buffer(private);
		private->buffer = NULL;
		private->skip = private->pos = private->high_pos = 0;
	}
}

static void clean_up(void)
{
	static time_t last_s;
	static unsigned int turns;
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (streams == NULL || now.tv_sec == last_s)
		return;
	last_s = now.tv_sec;
	free_empty_buffers();
	if (++turns % BUSY_TURNS == 0)
		malloc_trim(0);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
	static __typeof__(epoll_wait) *wait;
	static int has_worked;
	int count;

	if (wait == NULL)
		wait = (__typeof__(wait))dlsym(RTLD_NEXT, "epoll_wait");
	clean_up();
	if (has_worked && (timeout_ms < 0 || timeout_ms > IDLE_MS)) {
		count = wait(epoll, events, most, IDLE_MS);
		if (count != 0)
			return count;
		free_empty_buffers();
		malloc_trim(0);
		has_worked = 0;
		if (timeout_ms > 0)
			timeout_ms -= IDLE_MS;
	}
	count = wait(epoll, events, most, timeout_ms);
	if (count > 0)
		has_worked = 1;
	return count;
}
