/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MACHINE_H
#define SVART_MACHINE_H

/**
 * @file
 * The seam: everything the runtime does to the world goes through this table.
 *
 * `linux` (linux.c) is the real machine, `model` (../model) is a software one in the same process. Both
 * take the same ioctl structs of linux/iommufd.h and linux/vfio.h, so there is one code path above them.
 * Wrappers (fail the n-th call, trace, record) are machines that hold another machine.
 *
 * System calls return what the kernel returns, with -errno in place of -1 and errno. Paths of the
 * process itself ("/proc/self/...") mean the real files on every machine.
 */

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct svart_machine;

/** Bytes that one portal store moves (MOVDIR64B, ENQCMD: Intel SDM vol. 2). */
#define SVART_PORTAL_BYTES 64
/** A portal is a page of such places: stores to different places do not wait for each other. */
#define SVART_PORTAL_PAGE_BYTES 4096

/**
 * How to store into a mapped portal, found once when a queue starts.
 *
 * Owner: the queue. Lifetime: until the portal is unmapped.
 */
struct svart_portal {
	/**
	 * Posts nr times 64 bytes, in order: descs, aligned to 64, to portal and the places after it.
	 * The places wrap around in their page (SVART_PORTAL_PAGE_BYTES), all of which is one portal. The
	 * caller calls svart_portal_fence() before the first one of a burst.
	 */
	void (*movdir64b)(void *ctx, void *portal, const void *descs, uint32_t nr);
	/**
	 * Enqueues 64 bytes, after svart_portal_fence() as above. @return true: taken; false: full, try
	 * again.
	 */
	bool (*enqcmd)(void *ctx, void *portal, const void *desc);
	void *ctx;
};

/**
 * Orders earlier stores to memory before later portal stores. MOVDIR64B and ENQCMD are weakly ordered
 * (Intel SDM vol. 2), so that without it a device could see a descriptor before the memory that the
 * descriptor refers to. It is needed once for each burst.
 */
static inline void svart_portal_fence(void)
{
#ifdef __x86_64__
	__builtin_ia32_sfence();
#else
	__sync_synchronize();
#endif
}

/** The place after this one, in the same page. */
static inline void *svart_portal_next(void *portal)
{
	uintptr_t at = (uintptr_t)portal, in_page = SVART_PORTAL_PAGE_BYTES - 1;

	return (void *)((at & ~in_page) | ((at + SVART_PORTAL_BYTES) & in_page));
}

/** Flags of svart_machine_ops.portal. */
enum svart_portal_flag {
	/** The device is emulated: eight 8-byte stores, first word first, are enough (portal=split). */
	SVART_PORTAL_SPLIT = 1 << 0,
	/** The instruction is there, though the CPU does not say so: somebody emulates it (portal=native). */
	SVART_PORTAL_NATIVE = 1 << 1,
};

/** What a machine can do. Every member is required; every call is safe from any thread. */
struct svart_machine_ops {
	const char *name;

	int (*open)(struct svart_machine *m, const char *path, int flags);
	int (*close)(struct svart_machine *m, int fd);
	int (*ioctl)(struct svart_machine *m, int fd, unsigned long request, void *arg);
	ssize_t (*read)(struct svart_machine *m, int fd, void *buf, size_t len);
	ssize_t (*write)(struct svart_machine *m, int fd, const void *buf, size_t len);
	ssize_t (*pread)(struct svart_machine *m, int fd, void *buf, size_t len, off_t off);
	ssize_t (*pwrite)(struct svart_machine *m, int fd, const void *buf, size_t len, off_t off);
	/** @param out out: the mapping's address, on success. */
	int (*mmap)(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
		off_t off, void **out);
	int (*munmap)(struct svart_machine *m, void *addr, size_t len);
	int (*madvise)(struct svart_machine *m, void *addr, size_t len, int advice);
	/** @param timeout_ns how long to sleep at most; UINT64_MAX: for ever; 0: not at all. */
	int (*poll)(
		struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns);
	int (*eventfd)(struct svart_machine *m, unsigned int initial, int flags);
	/** @return length of the target, which is not terminated; len bytes at most. */
	ssize_t (*readlink)(struct svart_machine *m, const char *path, char *buf, size_t len);
	int (*getrlimit)(struct svart_machine *m, int resource, struct rlimit *limit);
	/**
	 * Calls entry(arg, name) for each name in a directory except "." and "..", until it returns
	 * non-zero. @return 0, what entry returned, or -errno.
	 */
	int (*listdir)(struct svart_machine *m, const char *path,
		int (*entry)(void *arg, const char *name), void *arg);

	/**
	 * Access registers of a mapped BAR; addr is naturally aligned and inside a mapping of this machine.
	 */
	uint32_t (*mmio_read32)(struct svart_machine *m, const volatile void *addr);
	uint64_t (*mmio_read64)(struct svart_machine *m, const volatile void *addr);
	void (*mmio_write32)(struct svart_machine *m, volatile void *addr, uint32_t value);
	void (*mmio_write64)(struct svart_machine *m, volatile void *addr, uint64_t value);
	/**
	 * Finds the store functions for a mapped portal page.
	 * @param flags of enum svart_portal_flag. Without any, the CPU must say that it has MOVDIR64B; ENQCMD is
	 *        used where it says that it has that.
	 * @return 0; -ENOTSUP if the CPU lacks MOVDIR64B, or is of a kind that never has it;
	 *         -EINVAL if addr is not in a mapped BAR.
	 */
	int (*portal)(
		struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out);

	/** CLOCK_MONOTONIC, or the model's own time when it is stepped by hand. */
	uint64_t (*now_ns)(struct svart_machine *m);
	/** Lets other threads go on for a moment, but not past deadline_ns (of now_ns). See svart_pause(). */
	void (*pause)(struct svart_machine *m, uint64_t deadline_ns);
};

/**
 * Something to run whenever the runtime waits: an inline fault service pumps itself here.
 *
 * Owner: the caller that adds it. Lifetime: until svart_machine_idle_remove() has returned.
 */
struct svart_idle_hook {
	/** Called from svart_pause() of any thread, and possibly of several at once. */
	void (*run)(void *arg);
	void *arg;
};

#define SVART_MACHINE_MAX_IDLE_HOOKS 8

/**
 * One machine. Implementations embed it as their first member.
 *
 * Owner: the runtime context. Lifetime: svart_init() to svart_fini(). Locks: hooks are atomics,
 * running counts the svart_pause() calls that are inside a hook.
 */
struct svart_machine {
	const struct svart_machine_ops *ops;
	_Atomic(struct svart_idle_hook *) hooks[SVART_MACHINE_MAX_IDLE_HOOKS];
	atomic_uint running;
};

/** A kind of device that a machine makes by itself, without PCI discovery. */
struct svart_machine_kind {
	const char *name; /**< "dsa": its devices are dsa0, dsa1, ... */
	unsigned int nr;  /**< The most devices of this kind. */
	uint16_t vendor, device;
};

/**
 * A kind of machine, as the option machine= of a device spec names it. Only the registry in
 * runtime/core/registry/machines.c names the implementations.
 */
struct svart_machine_class {
	const char *name; /**< "linux" */
	/**
	 * The option keys of a spec that are for the machine, NULL-terminated; the others are for drivers.
	 */
	const char *const *option_keys;
	/**
	 * Makes the machine.
	 * @param options "key=value,key=value", with keys of option_keys only, as the first spec of this
	 *                machine gave them.
	 */
	int (*create)(const char *options, struct svart_machine **out);
	/** Ends the machine; every fd must have been closed and every mapping unmapped. */
	void (*destroy)(struct svart_machine *m);
	/**
	 * Turns the name of a PCI function in a spec into its address, "0000:6a:01.0". For transports.
	 * @param options as for create, but of this spec; -EINVAL if they contradict the running machine.
	 */
	int (*locate)(
		struct svart_machine *m, const char *name, const char *options, char address[16]);
	/** Gives the index-th kind of device that needs no discovery. @return false: there is none. */
	bool (*kind)(unsigned int index, struct svart_machine_kind *kind);
};

extern const struct svart_machine_class svart_machine_linux;

/**
 * Every wait calls this: it runs the idle hooks, then lets the machine pause.
 *
 * @param deadline_ns it does not return later than this time of now_ns; waits are much shorter anyway.
 * @thread any. @blocks for a moment.
 */
void svart_pause(struct svart_machine *m, uint64_t deadline_ns);

/**
 * Adds a hook that svart_pause() runs.
 * @return 0, or -ENOSPC if there are SVART_MACHINE_MAX_IDLE_HOOKS already.
 */
int svart_machine_idle_add(struct svart_machine *m, struct svart_idle_hook *hook);

/**
 * Removes a hook; when it returns, no thread is inside the hook. It must not be called from within a hook.
 */
void svart_machine_idle_remove(struct svart_machine *m, struct svart_idle_hook *hook);

#endif
