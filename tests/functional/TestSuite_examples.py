# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""The example programs run as they are printed in the documentation."""

import os
import re
import subprocess

import pytest

from conftest import ROOT, SLOWNESS
from framework import build_program, verify

# A program around the lines that README.md shows; they have q, dst, src, length, cookie and done.
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <svart/svart.h>

int main(void)
{
	/* EAL's own start can hang under SCHED_FIFO on one CPU. */
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	size_t length = 1 << 20, cookie = 7;
	char *dst = calloc(1, length), *src = calloc(1, length);
	struct svart_fault_service *faults;
	struct svart_completion done;
	struct svart_device *dev;
	struct svart_space *space;
	struct svart_queue *q;
	struct svart *rt;

	if (svart_init(&init, &rt) != 0 || svart_space_create(rt, NULL, &space) != 0 ||
		svart_fault_service_create(rt, NULL, &faults) != 0 ||
		svart_device_open(rt, "model:dsa0", space, faults, &dev) != 0 ||
		svart_queue_create(dev, NULL, &q) != 0)
		return 2;
	%s
	printf("%%d %%d\\n", (int)done.status, (int)done.cookie);
	return fflush(stdout) == 0 ? 0 : 1;
}
"""


def real_time_on_one_cpu() -> None:
    """What chrt --fifo and taskset do, for a child."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def crc32c(data: bytes) -> int:
    """The CRC32C of some bytes, by its definition (RFC 3720, 12.1), a table of one byte."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    register = 0xFFFFFFFF
    for byte in data:
        register = register >> 8 ^ table[(register ^ byte) & 0xFF]
    return register ^ 0xFFFFFFFF


class TestExamples:
    """Test plan of apps/examples."""

    def test_copy(self, example_copy) -> None:
        """The smallest program copies between two buffers by the accelerator.

        Steps:
            Run the example without arguments, and with the name of the same device.

        Verify:
            Both end with status 0 and say that the copy is correct; the device asked for pages.
        """
        for args in ([], ["model:dsa0"]):
            result = example_copy.run(*args)
            verify(result.status == 0, result)
            verify("model:dsa0 copied 8388608 bytes: correct" in result.out, result)
            verify(" 0 page requests" not in result.out, result)

    def test_crc(self, example_crc) -> None:
        """An operation with a result: the CRC32C that everybody knows.

        Steps:
            Run the example without arguments, on a device without page requests, and on one that has
            no such operation.

        Verify:
            The first two end with status 0 and the check value; the parts are the whole, which is
            what Python computes. The last one ends with status 1 and says that the operation is
            invalid there.
        """
        whole = "0x%08x" % crc32c(b"\x5a" * (1 << 20))
        for args in ([], ["model:dsa0,faults=off"]):
            result = example_crc.run(*args)
            verify(result.status == 0, result)
            verify('"123456789": 0xe3069283' in result.out, result)
            verify(result.out.count(whole) == 2, result)
        result = example_crc.run("model:edu0,dma_mask_bits=64")
        verify(result.status == 1 and "invalid operation" in result.err, result)

    def test_copy_unknown_device(self, example_copy) -> None:
        """An example says what went wrong.

        Steps:
            Run the example with a device that does not exist.

        Verify:
            It ends with status 1 and one line that names the device.
        """
        result = example_copy.run("model:nothing0")
        verify(result.status == 1, result)
        verify("nothing0" in result.err, result)

    def test_readme(self, tmp_path) -> None:
        """What README.md shows compiles, copies, and ends under every scheduler.

        Steps:
            Put the lines of README.md's first block of C into a program; compile it; run it as it
            is, and under SCHED_FIFO on one CPU.

        Verify:
            Both end in time, with the status of success and the cookie.
        """
        try:
            subprocess.run(["true"], preexec_fn=real_time_on_one_cpu, check=True)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"no SCHED_FIFO here: {error}")
        lines = re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
        program = build_program(tmp_path, "readme", PROGRAM % lines)
        for way in ({}, {"preexec_fn": real_time_on_one_cpu}):
            done = subprocess.run(
                [program],
                stdout=subprocess.PIPE,
                text=True,
                timeout=10 * SLOWNESS,
                check=True,
                **way,
            )
            verify(done.stdout == "0 7\n", done.stdout)

    def test_no_loop_that_only_polls(self) -> None:
        """No page shows a loop that can hang under a real-time scheduler.

        Steps:
            Look through README.md, the manual, the public headers and the examples.

        Verify:
            None has a loop around svart_queue_poll() with nothing in it.
        """
        loop = re.compile(r"while \(!?svart_queue_poll\([^)]*\)[^;{)]*\)[\s*]*;")
        pages = [ROOT / "README.md"]
        for folder, kind in (("doc", "*.rst"), ("include", "*.h"), ("apps/examples", "*.c")):
            pages += (ROOT / folder).rglob(kind)
        shown = [str(page) for page in pages if loop.search(page.read_text(encoding="utf-8"))]
        verify(len(pages) > 20, "the pages were not found")
        verify(shown == [], shown)
