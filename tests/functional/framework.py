# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""What tests of file copies share: files of every kind, and looking at a copy while it runs."""

import ctypes
import os
import pathlib
import platform
import random
import shutil
import struct
import subprocess
import time

import pytest

from conftest import BUILD, ROOT, SLOWNESS, Result, need_root

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

# What svart-copy calls a copy that is not complete.
UNFINISHED = ".svart-copy-*"


def verify(condition: bool, message) -> None:
    """An assertion whose message is a program's result or a sentence."""
    assert condition, str(message)


def shape(value):
    """The types in a JSON value."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return type(value)


def pattern(size: int, seed: int = 1) -> bytes:
    """Bytes that differ from block to block, so that a block in the wrong place shows."""
    block = random.Random(seed).randbytes(min(size, 64 * KIB))
    data = bytearray()
    for number in range(size // (64 * KIB) + 1):
        data += number.to_bytes(8, "little") + block[8:]
    return bytes(data[:size])


def make_file(path: pathlib.Path, size: int, seed: int = 1) -> pathlib.Path:
    """Writes a file of this size, block by block."""
    with open(path, "wb") as file:
        for start in range(0, size, MIB):
            file.write(pattern(min(MIB, size - start), seed + start // MIB))
    return path


def make_sparse_file(path: pathlib.Path, size: int, data: dict) -> pathlib.Path:
    """Writes a file of holes, but for data: offset -> bytes."""
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, piece in data.items():
            file.seek(offset)
            file.write(piece)
    return path


def need_no_sanitizer(path: pathlib.Path, why: str) -> None:
    """Skips where a program or library was built with a sanitizer."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=True)
    if "san.so" in done.stdout:
        pytest.skip(f"built with a sanitizer, which {why}")


def build_program(folder: pathlib.Path, name: str, text: str) -> pathlib.Path:
    """Builds a C program with the library of the build folder, or skips."""
    need_no_sanitizer(BUILD / "libsvart.so", "wants the program built with it, too")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no cc")
    program = folder / name
    source = folder / f"{name}.c"
    source.write_text(text)
    built = subprocess.run(
        [compiler, "-o", program, source]
        + [f"-I{ROOT}/include", f"-I{BUILD}/include", f"-L{BUILD}", "-lsvart"]
        + [f"-Wl,-rpath,{BUILD}"],
        capture_output=True,
        text=True,
        check=False,
    )
    verify(built.returncode == 0, built.stderr)
    return program


def need_mounts() -> None:
    """Skips where a process cannot have mounts of its own: that takes root, and a "/" that is a mount."""
    need_root()
    try:
        done = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    if done.returncode != 0:
        pytest.skip(f"no mounts of its own: {done.stderr.strip()}")


def drop_from_page_cache(path: pathlib.Path) -> None:
    """Makes the next access come from the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def same_contents(a: pathlib.Path, b: pathlib.Path) -> bool:
    """Whether two files are equal."""
    with open(a, "rb") as one, open(b, "rb") as other:
        while True:
            block = one.read(MIB)
            if block != other.read(MIB):
                return False
            if not block:
                return True


def unfinished(folder: pathlib.Path) -> list:
    """Unfinished copies in a folder, that have a name there."""
    return list(folder.glob(UNFINISHED))


def nameless(folder: pathlib.Path, process) -> list:
    """The files without a name (O_TMPFILE) of a folder that a process has open, as paths of /proc."""
    found = []
    try:
        for fd in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
            link = os.readlink(fd)
            if link.startswith(f"{folder}/#") and link.endswith(" (deleted)"):
                found.append(fd)
    except FileNotFoundError:  # It was closed, or the process has ended.
        pass
    return found


def wait_until_copying(folder: pathlib.Path, process, timeout: float = 20) -> pathlib.Path:
    """Waits until an unfinished copy of the folder has some data; returns a path to it."""
    deadline = time.monotonic() + timeout * SLOWNESS
    while time.monotonic() < deadline:
        for path in unfinished(folder) + nameless(folder, process):
            try:
                if path.stat().st_blocks > 0:
                    return path
            except FileNotFoundError:
                pass
        verify(process.poll() is None, "the program ended before it was seen copying")
        time.sleep(0.001)
    process.kill()
    raise AssertionError("the program did not begin to copy")


def finish(process, timeout: float = 60) -> Result:
    """Waits for a started program."""
    try:
        out, err = process.communicate(timeout=timeout * SLOWNESS)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Result(process.args, process.returncode, out, err)


# Numbers of system calls that are refused to a program, to see what it makes of it.
SYSCALLS = {
    "x86_64": {"lseek": 8, "openat": 257, "statx": 332, "renameat2": 316},
    "aarch64": {"lseek": 62, "openat": 56, "statx": 291, "renameat2": 276},
}
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h


def _bpf(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction of classic BPF: struct sock_filter (linux/filter.h)."""
    return struct.pack("<HBBI", code, yes, no, value)


def _refusal(machine: str, name: str, error: int, index: int = 0, mask: int = 0, value: int = 0):
    """The instructions that refuse one system call."""
    load, equal, both, give = 0x20, 0x15, 0x54, 0x06  # BPF_LD | BPF_W | BPF_ABS, ...
    return (
        _bpf(load, 0),  # seccomp_data.nr
        _bpf(equal, SYSCALLS[machine][name], 0, 4),
        _bpf(load, 16 + 8 * index),  # .args[index], its low half
        _bpf(both, mask),
        _bpf(equal, value, 0, 1),
        _bpf(give, 0x00050000 | error),  # SECCOMP_RET_ERRNO
    )


def refusing(*refusals) -> dict:
    """Options of subprocess for a program to which Linux refuses system calls, by seccomp.

    A refusal is (name, error) or (name, error, index, mask, value): the call fails with `error` where
    its argument `index`, under `mask`, is `value`; an error of 0 makes it return 0, and do nothing.
    Skips where the numbers of the machine's system calls are not known here.
    """
    machine = platform.machine()
    if machine not in SYSCALLS:
        pytest.skip(f"the numbers of {machine}'s system calls are not known here")
    checks = [part for refusal in refusals for part in _refusal(machine, *refusal)]
    program = b"".join(
        (
            _bpf(0x20, 4),  # seccomp_data.arch
            _bpf(0x15, AUDIT_ARCH[machine], 0, len(checks)),
            *checks,
            _bpf(0x06, 0x7FFF0000),  # SECCOMP_RET_ALLOW
        )
    )
    libc = ctypes.CDLL(None, use_errno=True)

    def refuse() -> None:
        code = ctypes.create_string_buffer(program, len(program))
        filters = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
        # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER (linux/prctl.h, linux/seccomp.h).
        if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, filters, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "seccomp")

    return {"preexec_fn": refuse}
