/*
 * Lets an unmodified OpenDKIM work on several messages at once.
 *
 * OpenDKIM has its resolver, libunbound, read the configuration again for each message, in a thread for each, and the
 * parser keeps its state in global variables: two that meet there end in a syntax error, and so does every message
 * after them. Preloaded, this library lets one in after the other.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>

struct ub_ctx;
typedef int configurer(struct ub_ctx *, const char *);

int ub_ctx_config(struct ub_ctx *context, const char *path)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static configurer *original;
	int problem;

	pthread_mutex_lock(&lock);
	if (original == NULL)
		original = (configurer *)dlsym(RTLD_NEXT, "ub_ctx_config");
	problem = original(context, path);
	pthread_mutex_unlock(&lock);
	return problem;
}
