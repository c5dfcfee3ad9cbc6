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

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks what libsvart.so exports. */
#define SVART_API __attribute__((visibility("default")))

/**
 * @private Sets the size of a structure that a call fills in to the size that the program knows. Calls that
 * fill in a structure are macros for this purpose. (svart_device_info_get)(dev, &info), with the
 * parentheses, calls the function itself; the program must set the size then.
 */
#define SVART_SIZE_SET(out)                             \
	(__extension__({                                \
		__typeof__(out) svart_out_ = (out);     \
		svart_out_->size = sizeof(*svart_out_); \
		svart_out_;                             \
	}))

/** One runtime: the machines, spaces, devices and services of a program. Opaque. */
struct svart;

/** Flags of struct svart_init_params. */
enum svart_init_flag {
	/**
	 * svart_init() does not start DPDK's EAL. Everything except SVART_FAULT_RUN_DPDK and telemetry
	 * works without it. A program that starts EAL itself needs no flag: svart_init() notices.
	 */
	SVART_INIT_NO_EAL = 1 << 0,
};

/**
 * Parameters of svart_init(). Initialise them with SVART_INIT_PARAMS_INIT(), then set what differs from the
 * defaults. Zero in a field means its default.
 */
struct svart_init_params {
	uint32_t size;  /**< Size of the structure, set by SVART_INIT_PARAMS_INIT(). */
	uint32_t flags; /**< Bits of enum svart_init_flag. */
	/**
	 * EAL's command line, words separated by blanks, without a program name; it replaces the default.
	 * NULL means the default, which needs neither root nor hugepages (no PCI scan, IOVA as VA, no huge
	 * pages, one lcore that floats over the CPUs of the calling thread). If EAL does not start with the
	 * default, as in a container without /sys, the runtime goes on as with SVART_INIT_NO_EAL, and logs
	 * why. A program that needs EAL gives arguments of its own.
	 *
	 * EAL is started without telemetry if no telemetry socket can be made, unless the words have
	 * --telemetry.
	 */
	const char *eal_args;
};

/**
 * Initialises a struct svart_init_params: its size, and the fields that are named.
 * `struct svart_init_params p = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);`
 */
#define SVART_INIT_PARAMS_INIT(...)                                   \
	{                                                             \
		.size = sizeof(struct svart_init_params), __VA_ARGS__ \
	}

/**
 * Makes a runtime; starts EAL unless it runs already or params->flags forbids it. EAL is for telemetry,
 * traces and DPDK services; everything else works without.
 *
 * @param params what to start with; NULL for the defaults; read only during the call.
 * @param rt     out: the runtime; the caller ends it with svart_fini().
 * @return 0, or a negative errno; *rt is written only on success.
 * @errors -EINVAL unknown flag, or EAL refused eal_args: correct them; or params->size is neither 0 nor a
 *         size that the structure ever had.
 *         -E2BIG params has a field that only a newer svart knows.
 *         -ENOTSUP the system's pages are not 4 KiB: boot a kernel with 4 KiB pages.
 *         -ENOMEM out of memory: free some.
 *         Other errors say that EAL could not start with eal_args; svart_error_text() tells why.
 * @thread any; not concurrently with rte_eal_init(). EAL starts once in a process, with the
 *         arguments of the first call.
 * @blocks while EAL starts (tens of milliseconds).
 */
SVART_API int svart_init(const struct svart_init_params *params, struct svart **rt);

/**
 * Ends a runtime. EAL is left running: DPDK cannot start it a second time. If svart started it with
 * --trace, the trace is written now. The library stays in the process, also after dlclose(): DPDK keeps
 * pointers into it.
 *
 * @param rt the runtime; it is freed when 0 is returned.
 * @return 0, or -EBUSY while a space, a fault service or a device of it is still there: destroy
 *         these first, then call again.
 * @thread any; nothing else may use rt any more.
 * @blocks while a trace is written, and until telemetry is done with an answer about it.
 */
SVART_API int svart_fini(struct svart *rt);

/**
 * Says in a sentence why the calling thread's last failed svart call failed: what is wrong, with which
 * value, and what to do.
 *
 * @return a string, never NULL, "" if no call has failed yet; the library owns it, and it is valid until
 *         this thread's next svart call.
 * @thread any; each thread has its own text.
 * @blocks never.
 */
SVART_API const char *svart_error_text(void);

#ifdef __cplusplus
}
#endif

#endif
