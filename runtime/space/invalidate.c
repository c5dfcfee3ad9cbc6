/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Invalidations with a beginning and an end. Begin puts the range into the set of open ranges, then drops
 * what is mapped of it (drop.c). From then on, until the end:
 *
 *   - a resolve of a page in it returns -EINPROGRESS: its group is put aside (runtime/fault/ready.c);
 *   - windows leave it out; a hold of it returns -EAGAIN;
 *   - a thread that was inside IOAS_MAP when it began unmaps again, for the drop waited for that thread.
 *
 * A thread that maps looks into the set under the lock of its page's shard: when it claims the page, and
 * again when it has mapped it. Begin adds to the set first, and then takes the lock of every shard of the
 * range: a claim that did not see the range is pending when the drop comes to its shard.
 *
 * The end counts up `ends` and calls the listeners, so that groups that were put aside are tried again.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "drop.h"
#include "error.h"

/** The value of token.open while the invalidation is open. */
#define OPEN UINT64_C(0x7376617274696e76)

/** What svart_invalidation contains. Owner: the caller of begin. Lifetime: begin to end. */
struct token {
	uint64_t open; /**< OPEN, or anything else. */
	struct svart_space *space;
	struct svart_open_range range;
};

_Static_assert(sizeof(struct token) <= sizeof(struct svart_invalidation), "a token fits");
_Static_assert(_Alignof(struct token) <= _Alignof(struct svart_invalidation), "a token fits");

static struct token *token_of(struct svart_invalidation *inv)
{
	return (struct token *)(void *)inv;
}

/* --- begin and end --------------------------------------------------------------------------------- */

static int check_range(const struct svart_space *space, const void *addr, size_t len)
{
	uint64_t first = (uintptr_t)addr;

	if (atomic_load_explicit(&space->dead, memory_order_relaxed))
		return svart_fail(-EPERM, "the space is the parent's: make a new one after fork");
	if (len != 0 && first + len - 1 < first)
		return svart_fail(-EINVAL,
			"%#" PRIx64 " + %zu bytes: the range wraps, check its length", first, len);
	return 0;
}

/** Says why a range could not be taken from the devices. @return what the program gets. */
static int tell_failed(uint64_t first, uint64_t last, int rc)
{
	if (rc == -ETIMEDOUT)
		return svart_fail(-EBUSY,
			"[%#" PRIx64 ", %#" PRIx64 "] is in use by operations in flight: poll "
			"their queues, then try it again",
			first, last);
	return svart_fail(-EIO,
		"cannot unmap [%#" PRIx64 ", %#" PRIx64
		"] from devices (error %d): keep the memory, close the devices",
		first, last, -rc);
}

int svart_space_forget(struct svart_space *space, const void *addr, size_t len)
{
	uint64_t first = (uintptr_t)addr, last = first + len - 1;
	int rc = check_range(space, addr, len);

	if (rc != 0 || len == 0)
		return rc;
	rc = svart_space_forget_range(space, first, last);
	return rc == 0 ? 0 : tell_failed(first, last, rc);
}

static void close_token(struct token *t)
{
	t->open = 0;
	if (svart_open_ranges_remove(&t->space->open_ranges, &t->range))
		svart_space_note_end(t->space);
}

int svart_space_invalidate_begin(
	struct svart_space *space, const void *addr, size_t len, struct svart_invalidation *inv)
{
	uint64_t first = (uintptr_t)addr, last = first + len - 1;
	struct token *t = token_of(inv);
	int rc = check_range(space, addr, len);

	if (rc != 0)
		return rc;
	*t = (struct token){ .open = OPEN, .space = space };
	if (len == 0)
		return 0; /* It covers nothing. */
	t->range.first = svart_page_down(first);
	t->range.last = last | SVART_PAGE_MASK;
	svart_open_ranges_add(&space->open_ranges, &t->range);
	rc = svart_space_drop(space, first, last, false);
	if (rc == 0)
		return 0;
	close_token(t);
	return tell_failed(first, last, rc);
}

int svart_space_invalidate_end(struct svart_space *space, struct svart_invalidation *inv)
{
	struct token *t = token_of(inv);

	if (atomic_load_explicit(&space->dead, memory_order_relaxed))
		return svart_fail(-EPERM, "the space is the parent's: make a new one after fork");
	if (t->open != OPEN || t->space != space)
		return svart_fail(-EINVAL,
			"this invalidation is not open in this space: end it once, with the space "
			"and the memory that it was begun with");
	close_token(t);
	return 0;
}

/* --- helpers --------------------------------------------------------------------------------------- */

/** Ends an invalidation around a call that returned rc. @return rc; the caller tells it. */
static int end_after(struct svart_space *space, struct svart_invalidation *inv, int rc)
{
	int end = svart_space_invalidate_end(space, inv);

	return rc != 0 ? rc : end;
}

static int tell_call(int rc, const char *call, const void *addr, size_t len)
{
	if (rc == 0)
		return 0;
	return svart_fail(rc,
		"%s of %zu bytes at %p failed: %s; the memory is as it was, and devices may use it",
		call, len, addr, strerror(-rc));
}

int svart_space_munmap(struct svart_space *space, void *addr, size_t len)
{
	struct svart_invalidation inv;
	int rc = svart_space_invalidate_begin(space, addr, len, &inv);

	if (rc != 0)
		return rc;
	rc = munmap(addr, len) == 0 ? 0 : -errno;
	return tell_call(end_after(space, &inv, rc), "munmap", addr, len);
}

int svart_space_madvise(struct svart_space *space, void *addr, size_t len, int advice)
{
	struct svart_invalidation inv;
	int rc = svart_space_invalidate_begin(space, addr, len, &inv);

	if (rc != 0)
		return rc;
	rc = madvise(addr, len, advice) == 0 ? 0 : -errno;
	return tell_call(end_after(space, &inv, rc), "madvise", addr, len);
}

int svart_space_mprotect(struct svart_space *space, void *addr, size_t len, int prot)
{
	struct svart_invalidation inv;
	int rc = svart_space_invalidate_begin(space, addr, len, &inv);

	if (rc != 0)
		return rc;
	rc = mprotect(addr, len, prot) == 0 ? 0 : -errno;
	return tell_call(end_after(space, &inv, rc), "mprotect", addr, len);
}

/**
 * With the old range begun: begins the range that MREMAP_FIXED replaces, moves the memory, and ends that
 * range.
 */
static int move(struct svart_space *space, void *addr, size_t old_len, size_t new_len, int flags,
	void **out)
{
	struct svart_invalidation inv;
	size_t replaced = flags & MREMAP_FIXED ? new_len : 0;
	int rc = svart_space_invalidate_begin(space, *out, replaced, &inv);
	void *moved;

	if (rc != 0)
		return rc;
	moved = mremap(addr, old_len, new_len, flags, *out);
	rc = moved != MAP_FAILED ? 0 : -errno;
	if (rc == 0)
		*out = moved;
	return tell_call(end_after(space, &inv, rc), "mremap", addr, old_len);
}

int svart_space_mremap(struct svart_space *space, void *addr, size_t old_len, size_t new_len,
	int flags, void **out)
{
	struct svart_invalidation inv;
	int rc = svart_space_invalidate_begin(space, addr, old_len, &inv);

	if (rc != 0)
		return rc;
	rc = move(space, addr, old_len, new_len, flags, out);
	return end_after(space, &inv, rc);
}
