# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""What the functional suites share.

A suite is TestSuite_<feature>.py with one class Test<Feature>, in the style of DPDK's DTS: the
docstring of a test IS its plan, with "Steps:" and "Verify:". Programs are run from the build folder
that SVART_BUILD names (default: build/ in the root), so that one suite serves every kind of build.
"""

import json
import os
import pathlib
import pwd
import resource
import shutil
import signal
import subprocess
from dataclasses import dataclass

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SVART_BUILD", ROOT / "build")).resolve()

# Sanitizer builds are some ten times slower; SVART_SLOWNESS stretches every timeout.
SLOWNESS = float(os.environ.get("SVART_SLOWNESS", "1"))


@dataclass(frozen=True)
class Result:
    """How a program ended."""

    args: list
    status: int  # Exit status; negative: the signal that killed it.
    out: str
    err: str

    @property
    def json(self) -> dict:
        """Its standard output as one JSON object."""
        return json.loads(self.out)

    def __str__(self) -> str:
        return (
            f"{' '.join(map(str, self.args))}\n"
            f"exit status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"
        )


class Program:
    """A program of the build folder."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def start(self, *args, **popen) -> subprocess.Popen:
        """Starts it and returns at once; the caller waits for it."""
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        popen.setdefault("text", True)
        return subprocess.Popen([self.path, *map(str, args)], **popen)

    def run(self, *args, timeout: float = 60, **options) -> Result:
        """Runs it to its end. A program that hangs fails the test; it is killed."""
        command = [self.path, *map(str, args)]
        done = subprocess.run(
            command,
            timeout=timeout * SLOWNESS,
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        return Result(command, done.returncode, done.stdout, done.stderr)


def _program(relative: str) -> Program:
    path = BUILD / relative
    if not path.is_file():
        pytest.fail(f"{path} is missing: run ./dev build, or name a build folder in SVART_BUILD")
    return Program(path)


@pytest.fixture(scope="session")
def svart_copy() -> Program:
    """apps/svart-copy."""
    return _program("apps/svart-copy")


@pytest.fixture(scope="session")
def svart_info() -> Program:
    """apps/svart-info."""
    return _program("apps/svart-info")


@pytest.fixture(scope="session")
def svart_perf() -> Program:
    """apps/svart-perf."""
    return _program("apps/svart-perf")


@pytest.fixture(scope="session")
def svart_top() -> Program:
    """apps/svart-top."""
    return _program("apps/svart-top")


@pytest.fixture(scope="session")
def dpdk_pktcopy() -> Program:
    """apps/dpdk-pktcopy."""
    return _program("apps/dpdk-pktcopy")


@pytest.fixture(scope="session")
def example_copy() -> Program:
    """apps/examples/copy."""
    return _program("apps/examples/copy")


@pytest.fixture
def example_crc() -> Program:
    """apps/examples/crc."""
    return _program("apps/examples/crc")


def _folder(parent: str, name: str, need_bytes: int):
    if not os.path.isdir(parent) or shutil.disk_usage(parent).free < need_bytes:
        pytest.skip(f"{parent} has no room for {need_bytes} bytes")
    folder = pathlib.Path(parent) / f"svart-{name}-{os.getpid()}"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def shm_path():
    """An empty folder on tmpfs, where Linux lets a device write into a mapped file."""
    folder = _folder("/dev/shm", "test", 64 << 20)
    yield folder
    shutil.rmtree(folder)


def need_root() -> None:
    """Skips what only root can set up."""
    if os.geteuid() != 0:
        pytest.skip("needs root to set up")


@pytest.fixture
def disk_path():
    """An empty folder on a file system with write-back, where a device cannot write to mappings."""
    folder = pathlib.Path("/var/tmp") / f"svart-test-{os.getpid()}"
    folder.mkdir(mode=0o700)
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        if kind == "tmpfs":
            pytest.skip("/var/tmp is a tmpfs")
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["disk", "tmpfs"])
def place(request) -> pathlib.Path:
    """A folder on each kind of file system: buffers written out, and mapped."""
    return request.getfixturevalue("disk_path" if request.param == "disk" else "shm_path")


@pytest.fixture
def nobody_path():
    """A folder of the user nobody, who can also run the build."""
    need_root()
    user = pwd.getpwnam("nobody")
    access = subprocess.run(
        ["test", "-x", BUILD / "apps" / "svart-copy"], user=user.pw_uid, check=False
    )
    if access.returncode != 0:
        pytest.skip(f"the user nobody cannot reach {BUILD}")
    folder = pathlib.Path("/var/tmp") / f"svart-nobody-{os.getpid()}"
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)
    yield folder
    shutil.rmtree(folder)


def as_nobody(memlock: int) -> dict:
    """Options of subprocess for an ordinary user with a limit of locked memory."""
    user = pwd.getpwnam("nobody")
    return {
        "user": user.pw_uid,
        "group": user.pw_gid,
        "extra_groups": [],
        "preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (memlock, memlock)),
    }


def pytest_configure() -> None:
    """Started with nohup or in the background, programs would inherit signals that are ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_report_header() -> str:
    return f"svart build: {BUILD}"


def pytest_collection_modifyitems(items) -> None:
    """A functional test without its plan is an error."""
    for item in items:
        plan = getattr(item.obj, "__doc__", None) or ""
        if "Steps:" not in plan or "Verify:" not in plan:
            raise pytest.UsageError(f"{item.nodeid}: the docstring needs 'Steps:' and 'Verify:'")
