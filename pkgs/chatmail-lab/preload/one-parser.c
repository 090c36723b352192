/*
 * LD_PRELOAD interposer: lets an unmodified OpenDKIM process several messages at once.
 *
 * For each message OpenDKIM starts a thread, in which its resolver, libunbound, parses the configuration again. The
 * parser keeps its state in global variables: two threads that parse at once cause a syntax error, and every later
 * message fails, too. This library serializes the calls. OpenDKIM can neither parse once nor lock, and has no plugins.
 *
 * The prototype is that of libunbound's header, so a changed one fails the build. Waiting for another call changes no
 * result, whatever the version. Relays do not have this library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <unbound.h>

int ub_ctx_config(struct ub_ctx *context, const char *path)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static __typeof__(ub_ctx_config) *original;
	int problem;

	pthread_mutex_lock(&lock);
	if (original == NULL)
		original = (__typeof__(original))dlsym(RTLD_NEXT, "ub_ctx_config");
	problem = original(context, path);
	pthread_mutex_unlock(&lock);
	return problem;
}
