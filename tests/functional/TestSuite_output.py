# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Every program, when its standard descriptors are closed, full, or nobody reads them."""

import os
import pathlib
import time

import pytest

from conftest import SLOWNESS, Program, as_nobody
from framework import MIB, finish, make_file, same_contents, verify, wait_until_copying

# DPDK's own device in software, on a machine of any size.
EAL = ["--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry", "--iova-mode=va"]
PKTCOPY = [*EAL, "-l", "0", "--vdev=dma_skeleton0", "--"]

# What prints to standard output: fixture, arguments.
PRINTING = {
    "copy": ("svart_copy", ["SRC", "DST"]),
    "copy-json": ("svart_copy", ["--json", "SRC", "DST"]),
    "copy-help": ("svart_copy", ["--help"]),
    "copy-version": ("svart_copy", ["--version"]),
    "info": ("svart_info", ["--probe", "model:dsa0"]),
    "info-json": ("svart_info", ["--json", "--probe", "model:dsa0"]),
    "info-help": ("svart_info", ["--help"]),
    "perf": ("svart_perf", ["group", "--quick", "--rounds=1", "--outstanding=32"]),
    "perf-help": ("svart_perf", ["--help"]),
    "top-help": ("svart_top", ["--help"]),
    "pktcopy": ("dpdk_pktcopy", [*PKTCOPY, "--packets=100"]),
    "pktcopy-json": ("dpdk_pktcopy", [*PKTCOPY, "--json", "--packets=100"]),
    "pktcopy-help": ("dpdk_pktcopy", [*PKTCOPY, "--help"]),
    "pktcopy-eal-help": ("dpdk_pktcopy", ["--help"]),
    "example": ("example_copy", []),
}

# Where the exit status says more than failure.
STATUS = {"copy": 3, "copy-json": 3}


def closed(*numbers):
    """Options of subprocess for a program that is started without these descriptors."""

    def close() -> None:
        for number in numbers:
            os.close(number)

    return {"preexec_fn": close}


@pytest.fixture(params=PRINTING)
def printing(request, tmp_path):
    """A program that prints: its name here, the program, its arguments."""
    fixture, args = PRINTING[request.param]
    names = {"SRC": make_file(tmp_path / "src", 5000), "DST": tmp_path / "dst"}
    return request.param, request.getfixturevalue(fixture), [names.get(a, a) for a in args]


def verify_not_printed(name: str, result) -> None:
    """It ended as it must where its output got nowhere, and said so once."""
    verify(result.status == STATUS.get(name, 1), f"{name}\n{result}")
    verify(result.err.count("standard output") == 1, f"{name}\n{result}")


class TestOutput:
    """Test plan of the standard descriptors."""

    def test_full(self, printing) -> None:
        """Output to a full disk is no success.

        Steps:
            Run each program that prints with /dev/full as standard output.

        Verify:
            Its status is that of a failure, and one message names standard output.
        """
        name, program, args = printing
        with open("/dev/full", "w", encoding="ascii") as full:
            result = finish(program.start(*args, stdout=full))
        verify_not_printed(name, result)

    def test_closed(self, printing) -> None:
        """Output to a descriptor that is closed is no success.

        Steps:
            Run each program that prints without a standard output.

        Verify:
            Its status is that of a failure, and one message names standard output.
        """
        name, program, args = printing
        verify_not_printed(name, finish(program.start(*args, stdout=None, **closed(1))))

    @pytest.mark.parametrize("option", [None, "--json"])
    @pytest.mark.parametrize("where", ["full", "closed", "unread"])
    def test_copy_is_complete(self, svart_copy, tmp_path, where, option) -> None:
        """A copy whose summary cannot be printed is a copy, and is told as one.

        Steps:
            Copy over an old file with a standard output that is full, is closed, or is a pipe
            that nobody reads.

        Verify:
            Status 3; the messages say that the summary could not be printed and that the copy is
            complete; it is.
        """
        src, dst = make_file(tmp_path / "src", 5000), make_file(tmp_path / "dst", 100)
        reader, pipe = os.pipe()
        os.close(reader)
        with open("/dev/full", "w", encoding="ascii") as full, os.fdopen(pipe, "w") as unread:
            how = {"full": {"stdout": full}, "unread": {"stdout": unread}}.get(
                where, {"stdout": None, **closed(1)}
            )
            result = finish(svart_copy.start(*([option] if option else []), src, dst, **how))
        verify(result.status == 3, result)
        verify("cannot print to standard output" in result.err, result)
        verify(f"the copy itself is complete, in '{dst}'" in result.err, result)
        verify("failed" not in result.err, result)
        verify(same_contents(src, dst), result)

    def test_copy_without_descriptors(self, svart_copy, nobody_path) -> None:
        """A copy gets no message of anybody, and no number of a standard descriptor.

        Steps:
            As an ordinary user, who has no place for DPDK's files, copy a file that is one hole, and
            have EAL say what it does: with standard error; then with all three descriptors closed,
            with --quiet and without.

        Verify:
            EAL says something. Status 0 with --quiet and 3 without; the copy has holes only.
        """
        src, dst = nobody_path / "src", nobody_path / "dst"
        with open(src, "wb") as file:
            file.truncate(MIB)
        src.chmod(0o644)
        env = {**os.environ, "XDG_RUNTIME_DIR": "/nonexistent"}
        nobody = as_nobody(8 * MIB)
        nothing = {"stdin": None, "stdout": None, "stderr": None, **closed(0, 1, 2)}
        # Without a socket, whose place would be /tmp, which others use, too.
        eal = ["--eal", " ".join([*EAL, "-l", "0", "--log-level=lib.eal:debug"])]
        result = svart_copy.run("--quiet", *eal, src, dst, env=env, **nobody)
        verify(result.status == 0 and "EAL: " in result.err, result)
        for args, status in ((["--quiet"], 0), ([], 3)):
            process = svart_copy.start(*args, *eal, src, dst, env=env, **{**nobody, **nothing})
            verify(process.wait(60 * SLOWNESS) == status, f"status {process.returncode}")
            verify(same_contents(src, dst), dst.read_bytes()[:80])
            dst.unlink()

    @pytest.mark.parametrize("name", ["copy", "perf", "pktcopy"])
    def test_numbers_are_taken(self, request, tmp_path, name) -> None:
        """While a program runs, no file or device has the number of a standard descriptor.

        Steps:
            Start a long run of each program that can have one, with all three descriptors closed;
            look at its descriptors when it works; kill it.

        Verify:
            0, 1 and 2 are /dev/null.
        """
        src = make_file(tmp_path / "src", 64 * MIB)
        fixture, args = {
            "copy": ("svart_copy", ["-n1", "-c512", src, tmp_path / "dst"]),
            "perf": ("svart_perf", ["copy", "--engines=svart", "--rounds=101"]),
            "pktcopy": ("dpdk_pktcopy", [*PKTCOPY, "--packets=1000000000"]),
        }[name]
        program: Program = request.getfixturevalue(fixture)
        nothing = {"stdin": None, "stdout": None, "stderr": None, **closed(0, 1, 2)}
        process = program.start(*args, **nothing)
        try:
            self.wait_until_working(name, process, tmp_path)
            links = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
        finally:
            process.kill()
            process.wait()
        verify(links == ["/dev/null"] * 3, links)

    @staticmethod
    def wait_until_working(name: str, process, folder: pathlib.Path) -> None:
        """Until it has more threads than its first and copies."""
        if name == "copy":
            wait_until_copying(folder, process)
            return
        deadline = time.monotonic() + 20 * SLOWNESS
        while len(os.listdir(f"/proc/{process.pid}/task")) < 3:
            verify(process.poll() is None, "the program ended before it worked")
            verify(time.monotonic() < deadline, "the program did not begin to work")
            time.sleep(0.01)
