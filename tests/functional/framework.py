# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""What tests of file copies share: files of every kind, and looking at a copy while it runs."""

import os
import pathlib
import random
import time

from conftest import SLOWNESS, Result

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
    """Unfinished copies in a folder."""
    return list(folder.glob(UNFINISHED))


def wait_until_copying(folder: pathlib.Path, process, timeout: float = 20) -> pathlib.Path:
    """Waits until an unfinished copy in the folder has some data; returns its path."""
    deadline = time.monotonic() + timeout * SLOWNESS
    while time.monotonic() < deadline:
        for path in unfinished(folder):
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
