/* How an interposer finds the function that it replaces. */
#ifndef ORIGINAL_H
#define ORIGINAL_H

#include <dlfcn.h>
#include <stddef.h>

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

#endif
