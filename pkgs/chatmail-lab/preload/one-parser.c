/*
 * LD_PRELOAD interposer for the OpenDKIM of the lab's classic servers: one thread at a time in ub_ctx_config().
 *
 * OpenDKIM has libunbound read its configuration for each message, each in a thread of its own. libunbound's parser
 * keeps its state in global variables: two threads in it end in a syntax error, and so does every later message.
 * OpenDKIM can neither read the configuration once nor lock, and has no plugins.
 *
 * The prototype is that of libunbound's header, so a changed one fails the build. Whatever the version, to wait for
 * another call changes no result; relays do not have this library.
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
