# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Programs where a container, or the lack of a session, hides what EAL wants for itself."""

import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

import pytest

from conftest import BUILD, SLOWNESS, Result
from framework import KIB, make_file, need_mounts, verify

NOBODY = 65534
USERS = [0, NOBODY]

# Every mount is the test's own and ends with it. The build is seen at a place of its own, whatever is
# hidden.
PROGRAMS = pathlib.Path("/mnt")
OF_ITS_OWN = f"mount --bind {shlex.quote(str(BUILD))} {PROGRAMS}"


def hide(folder: str, options: str = "") -> str:
    """An empty file system in the place of a folder."""
    return f"mount -t tmpfs {options} none {folder}"


@pytest.fixture
def work():
    """A folder on tmpfs that every user can write to, with a source."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="svart-test-", dir="/dev/shm"))
    folder.chmod(0o777)
    make_file(folder / "source", 300 * KIB).chmod(0o644)
    yield folder
    shutil.rmtree(folder)


class Container:
    """Runs programs of the build folder with other mounts."""

    def __init__(self, work: pathlib.Path):
        self.work = work

    def run(self, setup: list, program: str, *args, user: int = 0, env: dict = None) -> Result:
        """Makes the mounts, then runs a program as this user and without a session."""
        environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(PROGRAMS)}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                environment[name] = value
        environment.update(env or {})
        command = [str(PROGRAMS / program), *map(str, args)]
        if user != 0:
            switch = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
            command = switch + command
        script = " && ".join(
            [OF_ITS_OWN, *setup, "cd /", "exec " + " ".join(map(shlex.quote, command))]
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script],
            env=environment,
            timeout=60 * SLOWNESS,
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(command, done.returncode, done.stdout, done.stderr)

    def copy(self, setup: list, **options) -> None:
        """Copies, and wants nothing but the copy."""
        copy = self.work / "copy"
        copy.unlink(missing_ok=True)
        result = self.run(
            setup, "apps/svart-copy", "-q", self.work / "source", copy, **options
        )
        verify(result.status == 0, result)
        verify(result.out == "" and result.err == "", result)
        verify(copy.read_bytes() == (self.work / "source").read_bytes(), result)


@pytest.fixture
def container(work):
    """Containers, where this user may make them."""
    need_mounts()
    return Container(work)


class TestContainer:
    """Test plan of programs in containers."""

    @pytest.mark.parametrize("user", USERS)
    def test_read_only_root(self, container, user) -> None:
        """No telemetry socket can be made anywhere: that is no reason not to start.

        Steps:
            Make everything but the folder of the copy read-only. Copy, as root and as another user.

        Verify:
            The copy is right; the program prints nothing.
        """
        container.copy(
            [
                hide("/run"),
                "mount -o remount,ro /run",
                "mount --bind / /",
                "mount -o remount,bind,ro /",
            ],
            user=user,
        )

    @pytest.mark.parametrize("user", USERS)
    @pytest.mark.parametrize("folder", ["/run", "/tmp", "/sys", "/dev/hugepages"])
    def test_hidden_folder(self, container, user, folder) -> None:
        """What svart itself does not need may be empty and read-only.

        Steps:
            Hide a folder under an empty, read-only file system. Copy.

        Verify:
            The copy is right; the program prints nothing.
        """
        if not os.path.isdir(folder):
            pytest.skip(f"{folder} is not there")
        container.copy([hide(folder, "-o ro")], user=user)

    def test_no_proc(self, container) -> None:
        """Without /proc svart cannot see the process's memory, and says so.

        Steps:
            Hide /proc. Copy; run svart-info.

        Verify:
            The copy fails, in a sentence that names /proc; svart-info says of the software machine
            that it lacks it, and how to mend that.
        """
        hidden = [hide("/proc")]
        result = container.run(
            hidden, "apps/svart-copy", "-q", container.work / "source", container.work / "copy"
        )
        verify(result.status == 1, result)
        verify("/proc" in result.err and "mount" in result.err, result)
        result = container.run(hidden, "apps/svart-info")
        verify("missing: the process cannot read its memory areas" in result.out, result)
        verify("mount -t proc" in result.out, result)

    def test_long_runtime_folder(self, container) -> None:
        """A socket's path has 108 bytes, a session's folder may have more.

        Steps:
            Copy as a user whose XDG_RUNTIME_DIR has a name of 90 bytes.

        Verify:
            The copy is right; the program prints nothing.
        """
        folder = container.work / ("x" * 90)
        folder.mkdir()
        folder.chmod(0o777)
        container.copy([], user=NOBODY, env={"XDG_RUNTIME_DIR": str(folder)})

    def test_users_without_a_session(self, container) -> None:
        """The first user's folder in /tmp is nobody else's.

        Steps:
            In an empty /tmp, make the folder that EAL makes, as another user's. Copy.

        Verify:
            The copy is right; the program prints nothing.
        """
        container.copy([hide("/tmp", "-o mode=1777"), "mkdir -m 700 /tmp/dpdk"], user=NOBODY)

    def test_doctor_tells(self, container) -> None:
        """svart-info says whether programs have telemetry, and why not.

        Steps:
            Run svart-info here, with /run hidden and read-only, and with /sys hidden.

        Verify:
            It names the folder of the sockets; then the one that is missing; then /sys.
        """
        report = container.run([], "apps/svart-info", "--json").json
        verify(report["telemetry"]["missing"] is None, report)
        verify(report["telemetry"]["folder"] == "/var/run/dpdk/svart", report)
        report = container.run([hide("/run", "-o ro")], "apps/svart-info", "--json").json
        verify(report["telemetry"]["folder"] is None, report)
        verify("/var/run" in report["telemetry"]["missing"], report)
        report = container.run([hide("/sys", "-o ro")], "apps/svart-info", "--json").json
        verify("/sys" in report["telemetry"]["missing"] and not report["sysfs"], report)
