# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Programs that break the rule of doc/coherence.rst, and what is noticed of it."""

import subprocess

import pytest

from conftest import SLOWNESS
from framework import build_program, verify

# Two guests, one after the other, whose memory is at the same address, as a vhost has them. Nothing is
# forgotten in between. Each argument is the page of the second guest that is copied next.
GUESTS = """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <svart/svart.h>

#define BYTES (2u << 20)

static void guest_start(void *at, char letter)
{
	int fd = memfd_create("guest", 0);

	if (ftruncate(fd, BYTES) != 0 ||
		mmap(at, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != at)
		exit(3);
	close(fd);
	memset(at, letter, BYTES);
}

static void copy(struct svart_queue *q, char *dst, const char *src)
{
	struct svart_completion done;

	svart_queue_prep_copy(q, dst, src, 4096, 0, 0);
	svart_queue_submit(q);
	while (svart_queue_wait(q, &done, 1, UINT64_MAX) == 0)
		;
	printf("%s %c\\n", svart_status_name(done.status), dst[0]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	char *dst = calloc(1, 4096), *place = NULL;
	struct svart_fault_service *faults;
	struct svart_space_stats stats = SVART_SPACE_STATS_INIT();
	struct svart_device *dev;
	struct svart_space *space;
	struct svart_queue *q;
	struct svart *rt;
	int i;

	if (svart_init(&init, &rt) != 0 || svart_space_create(rt, NULL, &space) != 0 ||
		svart_fault_service_create(rt, NULL, &faults) != 0 ||
		svart_device_open(rt, argv[1], space, faults, &dev) != 0 ||
		svart_queue_create(dev, NULL, &q) != 0)
		return 2;
	if (posix_memalign((void **)&place, BYTES, BYTES) != 0)
		return 3;
	guest_start(place, 'a');
	copy(q, dst, place);
	guest_start(place, 'b');
	for (i = 2; i < argc; i++)
		copy(q, dst, place + atoi(argv[i]) * 4096);
	svart_space_stats_get(space, &stats);
	printf("%d\\n", (int)stats.replaced);
	return fflush(stdout) == 0 ? 0 : 1;
}
"""


@pytest.fixture(scope="module")
def guests(tmp_path_factory):
    """A program that copies from two guests; call it with a device and pages."""
    program = build_program(tmp_path_factory.mktemp("guests"), "guests", GUESTS)

    def run(*args: str):
        return subprocess.run(
            [program, *args],
            capture_output=True,
            text=True,
            timeout=10 * SLOWNESS,
            check=True,
        )

    return run


class TestCoherence:
    """Test plan of memory that is replaced without a forget."""

    def test_replaced_memory_is_noticed_at_a_fault(self, guests) -> None:
        """A guest's memory is replaced by another one's, and nobody tells.

        Steps:
            Copy from the first guest; map the second one in its place; copy from a page of it far from
            those that the device has, from one that it had of the first guest, and from two more.

        Verify:
            What the device had of the first guest is counted as replaced, once; the log says once
            what to do.
        """
        done = guests("model:dsa0", "400", "0", "1", "399")
        verify(done.stdout.splitlines() == ["ok a"] + 4 * ["ok b"] + ["1"], done)
        verify(done.stderr.count("was replaced while devices had it") == 1, done)
        verify("svart_space_forget()" in done.stderr, done)

    def test_replaced_memory_is_not_noticed_before(self, guests) -> None:
        """Nothing is noticed while the device asks for nothing.

        Steps:
            Copy from the first guest; map the second one in its place; copy from a page that the
            device has.

        Verify:
            Nothing is counted, and nothing is said. (The model reads what is at the address.)
        """
        done = guests("model:dsa0", "0")
        verify(done.stdout.splitlines() == ["ok a", "ok b", "0"], done)
        verify("replaced" not in done.stderr, done)

    def test_replaced_memory_is_found_by_a_model_that_checks(self, guests) -> None:
        """With vmas=checked the model fails what would reach the old memory.

        Steps:
            As before, with a device of vmas=checked; then copy from a page far from it, and from the
            first one again.

        Verify:
            The copy of the page that the device has fails; when that was taken from it, it is copied.
        """
        done = guests("model:dsa0,vmas=checked", "0", "400", "0")
        lines = done.stdout.splitlines()
        verify(lines[:2] == ["ok a", "device error a"], done)
        verify(lines[2:] == ["ok b", "ok b", "1"], done)
