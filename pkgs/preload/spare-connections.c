/*
 * LD_PRELOAD interposer for nginx: memory of connections that nobody uses is on the disk.
 *
 * A worker has three tables for all connections that the limits allow (web/nginx.nix): 15 MB for the default limits,
 * which nginx fills when it starts. Nearly all of it stays as it was until thousands of clients come. So when the worker
 * first waits for events, the tables are written to a file without a name in nginx' cache directory, which is mapped in
 * their place: what is used comes back from there, page by page, and stays in memory.
 *
 * malloc(): remembers the large blocks of the process.
 * epoll_wait(): the first one for all connections of a worker is after the tables are filled, and before a client is accepted.
 *
 * If the file cannot be written, all is as in the stock program. No setting of nginx makes tables smaller than its limit,
 * and with a smaller limit one network could take all connections.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define DIRECTORY "/var/cache/nginx"
#define LARGE_BYTES (1 << 20)
#define MOST_BLOCKS 8
#define PAGE_BYTES 4096UL

static struct {
	uintptr_t start;
	size_t bytes;
	pid_t process;
} blocks[MOST_BLOCKS];
static unsigned int count;

void *malloc(size_t bytes)
{
	extern void *__libc_malloc(size_t bytes);
	void *block = __libc_malloc(bytes);

	if (bytes >= LARGE_BYTES && block != NULL && count < MOST_BLOCKS) {
		blocks[count].start = (uintptr_t)block;
		blocks[count].bytes = bytes;
		blocks[count++].process = getpid();
	}
	return block;
}

static int write_all(int fd, const char *data, size_t bytes)
{
	ssize_t written;

	for (size_t done = 0; done < bytes; done += (size_t)written) {
		written = write(fd, data + done, bytes - done);
		if (written <= 0)
			return -1;
	}
	return fdatasync(fd);
}

/* Whole pages only: the block begins after a header of malloc. */
static void put_on_disk(uintptr_t start, size_t bytes)
{
	uintptr_t first = (start + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	size_t length = (start + bytes - first) & ~(PAGE_BYTES - 1);
	int fd = open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd == -1)
		return;
	if (write_all(fd, (const char *)first, length) == 0) {
		/* it has to leave the page cache, too */
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		(void)mmap((void *)first, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	}
	(void)close(fd);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
	static __typeof__(epoll_wait) *wait;
	static int is_done;

	if (wait == NULL)
		wait = (__typeof__(wait))dlsym(RTLD_NEXT, "epoll_wait");
	/* before it makes its tables, nginx tries what the kernel can do, with a single event */
	if (!is_done && most > 1) {
		is_done = 1;
		for (unsigned int i = 0; i < count; i++)
			/* not what the master process had */
			if (blocks[i].process == getpid())
				put_on_disk(blocks[i].start, blocks[i].bytes);
	}
	return wait(epoll, events, most, timeout_ms);
}
