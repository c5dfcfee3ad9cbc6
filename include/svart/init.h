/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_INIT_H
#define SVART_INIT_H

/**
 * @file
 * Starting and ending the runtime.
 *
 * A program makes one runtime with svart_init(), then spaces (space.h), a fault service (fault.h),
 * devices (device.h) and queues (queue.h), and destroys them in the opposite order:
 *
 * @code
 * struct svart *rt;
 * struct svart_space *space;
 * struct svart_fault_service *faults;
 * struct svart_device *dev;
 * struct svart_queue *q;
 *
 * svart_init(NULL, &rt);
 * svart_space_create(rt, NULL, &space);
 * svart_fault_service_create(rt, NULL, &faults);
 * svart_device_open(rt, "model:dsa0", space, faults, &dev);
 * svart_queue_create(dev, NULL, &q);
 * // svart_queue_prep_copy(), svart_queue_submit(), svart_queue_poll()
 * @endcode
 *
 * Every call that can fail returns 0 or a negative errno, and leaves a sentence for a person in
 * svart_error_text().
 */

#ifdef __cplusplus
extern "C" {
#endif

/** Marks what libsvart.so exports. */
#define SVART_API __attribute__((visibility("default")))

/** One runtime: the machines, spaces, devices and services of a program. Opaque. */
struct svart;

/** Flags of struct svart_init_params. */
enum svart_init_flag {
	/**
	 * Do not start DPDK's EAL. Everything but SVART_FAULT_RUN_DPDK and telemetry works
	 * without it. A program that starts EAL itself needs no flag: svart_init() notices.
	 */
	SVART_INIT_NO_EAL = 1 << 0,
};

/** What svart_init() can be told. All zero means the defaults. */
struct svart_init_params {
	unsigned int flags; /**< Bits of enum svart_init_flag. */
	/**
	 * EAL's command line, words parted by blanks, without a program name; replaces the default.
	 * NULL: a default that needs neither root nor hugepages (no PCI scan, IOVA as VA, no
	 * huge pages, one lcore that floats over the CPUs of the calling thread).
	 */
	const char *eal_args;
};

/**
 * Makes a runtime; starts EAL unless it runs already or params->flags forbids it.
 *
 * @param params what to start with; NULL for the defaults; read only during the call.
 * @param rt     out: the runtime; the caller ends it with svart_fini().
 * @return 0, or a negative errno; *rt is written only on success.
 * @errors -EINVAL unknown flag, or EAL refused eal_args: correct them.
 *         -ENOMEM out of memory: free some.
 *         Others: why EAL could not start; svart_error_text() tells.
 * @thread any; not concurrently with rte_eal_init(). EAL starts once in a process, with the
 *         arguments of the first call.
 * @blocks while EAL starts (tens of milliseconds).
 */
SVART_API int svart_init(const struct svart_init_params *params, struct svart **rt);

/**
 * Ends a runtime. EAL is left running: DPDK cannot start it a second time. If svart started it with
 * --trace, the trace is written now.
 *
 * @param rt the runtime; gone when 0 is returned.
 * @return 0, or -EBUSY while a space, a fault service or a device of it is still there: destroy
 *         these first, then call again.
 * @thread any; nothing else may use rt any more.
 * @blocks while a trace is written, and until telemetry is done with an answer about it.
 */
SVART_API int svart_fini(struct svart *rt);

/**
 * Says in a sentence why the calling thread's last failed svart call failed: what, with which
 * value, and what to do.
 *
 * @return a string, never NULL, "" if no call failed yet; owned by the library, valid until this
 *         thread's next svart call.
 * @thread any; each thread has its own text.
 * @blocks never.
 */
SVART_API const char *svart_error_text(void);

#ifdef __cplusplus
}
#endif

#endif
