/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>

#include "ops.h"
#include "svart_config.h"

#if SVART_GUARD_BY_SYSCALL

#include <sys/syscall.h>
#include <unistd.h>

/** Bytes copied by one pair of system calls, on the stack. */
#define BOUNCE_BYTES 16384

int svart_guard_init(void)
{
	return 0;
}

void svart_guard_fini(void)
{
}

/** Moves len bytes between a buffer of ours and memory that may not be there. */
static int transfer(long nr, void *ours, uintptr_t theirs, size_t len)
{
	struct iovec local = { .iov_base = ours, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)theirs, .iov_len = len };

	/*
	 * This does not call the libc function: a sanitizer would take its arguments for an access of this
	 * thread.
	 */
	if (syscall(nr, (long)getpid(), &local, 1L, &remote, 1L, 0L) != (long)len)
		return -EFAULT;
	return 0;
}

int svart_guard_copy(void *dst, const void *src, size_t len)
{
	bool backward = svart_op_copy_is_backward((uintptr_t)dst, (uintptr_t)src, len);
	uint8_t bounce[BOUNCE_BYTES];
	size_t done = 0, chunk, off;
	int rc = 0;

	while (done < len && rc == 0) {
		chunk = len - done < BOUNCE_BYTES ? len - done : BOUNCE_BYTES;
		off = backward ? len - done - chunk : done;
		rc = transfer(SYS_process_vm_readv, bounce, (uintptr_t)src + off, chunk);
		if (rc == 0)
			rc = transfer(SYS_process_vm_writev, bounce, (uintptr_t)dst + off, chunk);
		done += chunk;
	}
	return rc;
}

int svart_guard_fill(
	void *dst, size_t len, uint64_t pattern_lo, uint64_t pattern_hi, uint64_t phase)
{
	uint8_t bounce[BOUNCE_BYTES];
	size_t done = 0, chunk;
	int rc = 0;

	while (done < len && rc == 0) {
		chunk = len - done < BOUNCE_BYTES ? len - done : BOUNCE_BYTES;
		svart_op_fill16(bounce, chunk, pattern_lo, pattern_hi, phase + done);
		rc = transfer(SYS_process_vm_writev, bounce, (uintptr_t)dst + done, chunk);
		done += chunk;
	}
	return rc;
}

int svart_guard_publish(void *dst, const void *record, size_t len)
{
	int rc = svart_guard_copy((uint8_t *)dst + 1, (const uint8_t *)record + 1, len - 1);

	/*
	 * Orders the record before its first byte; pairs with the acquire load of the thread that polls it.
	 */
	atomic_thread_fence(memory_order_release);
	return rc != 0 ? rc : svart_guard_copy(dst, record, 1);
}

#else

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "guard_code.h"
#include "own_copy.h"

/**
 * The place that the handler jumps to while this thread makes a guarded access. It uses the initial-exec
 * model, because the handler may not allocate.
 */
static _Thread_local sigjmp_buf *armed __attribute__((tls_model("initial-exec")));

/**
 * The handlers that were installed before ours.
 *
 * Owner: init and fini. Lifetime: the process. Locks: lock. It is held for some system calls, and over a
 * fork, so that it is free and this structure complete in the child. The signal handler reads the two
 * actions; they are written before it is installed, and not while it is installed.
 */
static struct {
	pthread_mutex_t lock;
	unsigned int users;
	bool installed;
	struct sigaction segv;
	struct sigaction bus;
} previous = { .lock = PTHREAD_MUTEX_INITIALIZER };

/** Does what would have happened without our handler. */
static void pass_on(int signo, siginfo_t *info, void *context)
{
	const struct sigaction *action = signo == SIGBUS ? &previous.bus : &previous.segv;
	struct sigaction fatal = { .sa_handler = SIG_DFL };

	if ((action->sa_flags & SA_SIGINFO) != 0) {
		action->sa_sigaction(signo, info, context);
	} else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
		action->sa_handler(signo);
	} else if (info->si_code > 0 || action->sa_handler == SIG_DFL) {
		/* The instruction faults again on return, and then the kernel ends the process. */
		sigaction(signo, &fatal, NULL);
		if (info->si_code <= 0)
			raise(signo);
	}
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	sigjmp_buf *target = armed;

#if SVART_GUARD_CODE
	if (info->si_code > 0 && svart_guard_code_recover(context))
		return;
#endif
	/* A positive code means that the kernel reports a fault of this very instruction. */
	if (target != NULL && info->si_code > 0) {
		armed = NULL;
		siglongjmp(*target, 1);
	}
	pass_on(signo, info, context);
}

static bool is_ours(int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
	       now.sa_sigaction == on_fault;
}

static int install(void)
{
	/* With SA_NODEFER the jump out of the handler leaves the signal mask as it was. */
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};

	if (previous.installed)
		return 0;
	if (sigaction(SIGSEGV, NULL, &previous.segv) != 0 ||
		sigaction(SIGBUS, NULL, &previous.bus) != 0)
		return -errno;
	if (sigaction(SIGSEGV, &action, NULL) != 0)
		return -errno;
	if (sigaction(SIGBUS, &action, NULL) != 0) {
		sigaction(SIGSEGV, &previous.segv, NULL);
		return -errno;
	}
	previous.installed = true;
	return 0;
}

/**
 * Takes our handlers out, unless somebody has installed another one on top: it may pass faults to ours, so
 * ours stay and pass them on.
 */
static void uninstall(void)
{
	if (!is_ours(SIGSEGV) || !is_ours(SIGBUS))
		return;
	sigaction(SIGSEGV, &previous.segv, NULL);
	sigaction(SIGBUS, &previous.bus, NULL);
	previous.installed = false;
}

static void lock(void)
{
	pthread_mutex_lock(&previous.lock);
}

static void unlock(void)
{
	pthread_mutex_unlock(&previous.lock);
}

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_rc;

static void watch_forks(void)
{
	fork_rc = -pthread_atfork(lock, unlock, unlock);
}

int svart_guard_init(void)
{
	int rc;

	pthread_once(&fork_once, watch_forks);
	if (fork_rc != 0)
		return fork_rc;
	pthread_mutex_lock(&previous.lock);
	rc = install();
	if (rc == 0)
		previous.users++;
	pthread_mutex_unlock(&previous.lock);
	return rc;
}

void svart_guard_fini(void)
{
	pthread_mutex_lock(&previous.lock);
	if (--previous.users == 0)
		uninstall();
	pthread_mutex_unlock(&previous.lock);
}

/*
 * Runs a statement under a jump buffer; yields 0 or -EFAULT. It is a macro because the function that makes
 * the access must call sigsetjmp() itself. The fences keep the compiler from moving the access out.
 */
#define GUARDED(statement)                                         \
	({                                                         \
		sigjmp_buf env;                                    \
		int fault = sigsetjmp(env, 0);                     \
		if (fault == 0) {                                  \
			armed = &env;                              \
			atomic_signal_fence(memory_order_seq_cst); \
			statement;                                 \
			atomic_signal_fence(memory_order_seq_cst); \
			armed = NULL;                              \
		}                                                  \
		fault == 0 ? 0 : -EFAULT;                          \
	})

#if SVART_GUARD_CODE

/** Overlapping ranges that are nearer to each other than this are copied word by word. */
#define MIN_PIECE 64

/** Copies upwards, or downwards from the end, in pieces that do not overlap. */
static int copy_pieces(void *dst, const void *src, size_t len)
{
	uintptr_t to = (uintptr_t)dst, from = (uintptr_t)src;
	size_t piece;
	int rc = 0;

	if (to - from >= len)
		return svart_guard_copy_up(dst, src, len);
	while (len > 0 && rc == 0) {
		piece = len < to - from ? len : to - from;
		len -= piece;
		rc = svart_guard_copy_up((void *)(to + len), (const void *)(from + len), piece);
	}
	return rc;
}

#endif

/* This is not inline, because a function that arms a jump buffer keeps its variables in memory. */
static __attribute__((noinline)) int copy_any(void *dst, const void *src, size_t len)
{
	return GUARDED(svart_op_copy(dst, src, len));
}

int svart_guard_copy(void *dst, const void *src, size_t len)
{
#if SVART_GUARD_CODE
	/* The difference is unsigned: an address below the source counts as far away. */
	if ((uintptr_t)dst - (uintptr_t)src >= MIN_PIECE)
		return copy_pieces(dst, src, len);
#endif
	return copy_any(dst, src, len);
}

int svart_guard_fill(
	void *dst, size_t len, uint64_t pattern_lo, uint64_t pattern_hi, uint64_t phase)
{
	return GUARDED(svart_op_fill16(dst, len, pattern_lo, pattern_hi, phase));
}

static void publish(uint8_t *dst, const uint8_t *record, size_t len)
{
	svart_own_copy(dst + 1, record + 1, len - 1);
	/*
	 * Orders the record before its first byte; pairs with the acquire load of the thread that polls it.
	 */
	__atomic_store_n(dst, record[0], __ATOMIC_RELEASE);
}

/** @return true if it was done, with the result in *rc; false if the record does not fit this way. */
static inline bool publish_short(void *dst, const void *record, size_t len, int *rc)
{
#if SVART_GUARD_CODE
	uint64_t word[4];

	if (len == sizeof(word) && (uintptr_t)dst % sizeof(word) == 0) {
		svart_own_copy(word, record, sizeof(word));
		*rc = svart_guard_publish_words(dst, word);
		return true;
	}
#endif
	(void)dst;
	(void)record;
	(void)len;
	(void)rc;
	return false;
}

static __attribute__((noinline)) int publish_any(void *dst, const void *record, size_t len)
{
	return GUARDED(publish(dst, record, len));
}

int svart_guard_publish(void *dst, const void *record, size_t len)
{
	int rc;

	return publish_short(dst, record, len, &rc) ? rc : publish_any(dst, record, len);
}

#endif
