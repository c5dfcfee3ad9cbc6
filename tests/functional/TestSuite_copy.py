# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""svart-copy, the memcpy-offload demo: files of every size, and everything that can go wrong."""

import errno
import os
import pathlib
import pty
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest

from conftest import as_nobody, need_root
from framework import (
    GIB,
    KIB,
    MIB,
    drop_from_page_cache,
    finish,
    make_file,
    make_sparse_file,
    need_no_sanitizer,
    pattern,
    refusing,
    same_contents,
    shape,
    unfinished,
    verify,
    wait_until_copying,
)

SIZES = [0, 1, 4095, 4096, 4097, MIB + 1]

# A copy that takes long enough to do something to it meanwhile.
SLOW_BYTES = 128 * MIB
SLOW = ["--depth", "1", "--chunk", "512"]

JSON_SHAPE = {
    "device": str,
    "bytes": int,
    "seconds": float,
    "ops": int,
    "page_requests": int,
    "groups": int,
    "answers": {"success": int, "invalid": int},
    "fault_latency_ns": {"p50": int, "p99": int, "max": int},
    "pinned_bytes_peak": int,
}


def mount(folder: pathlib.Path, *args) -> None:
    """Mounts something small, or skips."""
    need_root()
    folder.mkdir()
    done = subprocess.run(["mount", *args, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")


@pytest.fixture(params=["tmpfs", "ext4"])
def full_path(request, tmp_path):
    """A file system with room for less than 8 MiB."""
    folder = tmp_path / "small"
    if request.param == "tmpfs":
        mount(folder, "-t", "tmpfs", "-o", "size=4m", "tmpfs")
    else:
        need_root()
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("no mkfs.ext4")
        image = make_sparse_file(tmp_path / "image", 8 * MIB, {})
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        mount(folder, "-o", "loop", image)
    yield folder
    subprocess.run(["umount", folder], check=True)


def verify_failed(result, folder: pathlib.Path, *texts) -> None:
    """A failed copy: status 1, a message with these texts, nothing on stdout, nothing left."""
    verify(result.status == 1, result)
    verify(result.out == "", result)
    verify("svart-copy: " in result.err, result)
    for text in texts:
        verify(text in result.err, f"{text!r} is not in the message\n{result}")
    verify(unfinished(folder) == [], f"an unfinished copy was left\n{result}")


class TestCopy:
    """Test plan of svart-copy."""

    # --- what is copied ---------------------------------------------------------------------

    @pytest.mark.parametrize("size", SIZES)
    def test_size(self, svart_copy, place, size) -> None:
        """Files of odd sizes are copied, into mapped files and through buffers.

        Steps:
            Make a file of this size.
            Copy it with --verify --json.

        Verify:
            The copy is equal and has the size; bytes says the size; no answer was INVALID; nothing
            unfinished is left.
        """
        src, dst = make_file(place / "src", size), place / "dst"
        result = svart_copy.run("--verify", "--json", src, dst)
        verify(result.status == 0, result)
        verify(same_contents(src, dst), result)
        verify(result.json["bytes"] == size, result)
        verify(result.json["answers"]["invalid"] == 0, result)
        verify((result.json["ops"] > 0) == (size > 0), result)
        verify(unfinished(place) == [], result)

    @pytest.mark.parametrize("faults", ["thread", "inline"])
    def test_cold_file(self, svart_copy, disk_path, faults) -> None:
        """A large file that is not in memory is faulted in by the device.

        Steps:
            Make a file of 256 MiB and drop it from the page cache.
            Copy it with --verify --json, page requests answered by a thread and inline.

        Verify:
            The device asked for pages and got them all; what was pinned at a time is far less than
            the file.
        """
        src, dst = make_file(disk_path / "src", 256 * MIB), disk_path / "dst"
        drop_from_page_cache(src)
        result = svart_copy.run("--verify", "--json", "--faults", faults, src, dst)
        verify(result.status == 0, result)
        verify(same_contents(src, dst), result)
        verify(result.json["page_requests"] > 0, result)
        verify(result.json["answers"]["invalid"] == 0, result)
        verify(result.json["answers"]["success"] == result.json["groups"], result)
        verify(result.json["ops"] == 256 * MIB // (256 * KIB), result)
        verify(0 < result.json["pinned_bytes_peak"] <= 64 * MIB, result)

    @pytest.mark.slow
    def test_sparse_file(self, svart_copy, place) -> None:
        """A file larger than 4 GiB is copied, and its holes stay holes.

        Steps:
            Make a file of 4 GiB, 3 pages and 1 byte with data at its start, across 4 GiB and at
            its end, holes elsewhere.
            Copy it with --verify --json.

        Verify:
            Size and data are equal; bytes counts the holes; the copy takes hardly more room than
            the source.
        """
        size = 4 * GIB + 3 * 4096 + 1
        pieces = {0: pattern(5000), 4 * GIB - 4096: pattern(8192, 2), size - 7: b"the end"}
        src, dst = make_sparse_file(place / "src", size, pieces), place / "dst"
        if src.stat().st_blocks * 512 > 64 * MIB:
            pytest.skip("the file system has no sparse files")
        result = svart_copy.run("--verify", "--json", src, dst, timeout=120)
        verify(result.status == 0, result)
        verify(dst.stat().st_size == size, result)
        with open(dst, "rb") as copy:
            for offset, data in pieces.items():
                copy.seek(offset)
                verify(copy.read(len(data)) == data, f"data at {offset} differs")
        verify(result.json["bytes"] == size, result)
        verify(dst.stat().st_blocks <= src.stat().st_blocks + 2 * MIB // 512, "holes were filled")

    def test_all_hole(self, svart_copy, place) -> None:
        """A file that is one hole needs no operation.

        Steps:
            Make a file of 1 MiB without any data.
            Copy it with --json.

        Verify:
            The copy has its size and no data.
        """
        src, dst = make_sparse_file(place / "src", MIB, {}), place / "dst"
        result = svart_copy.run("--json", src, dst)
        verify(result.status == 0, result)
        verify(result.json["ops"] == 0, result)
        verify(dst.stat().st_size == MIB, result)
        verify(same_contents(src, dst), result)

    @pytest.mark.parametrize(
        "error", ["EINVAL", "EOPNOTSUPP", "ENOSYS", "ENOTTY", "EPERM", "EIO", None]
    )
    @pytest.mark.parametrize("whence", [os.SEEK_DATA, os.SEEK_HOLE])
    def test_unknown_holes(self, svart_copy, place, whence, error) -> None:
        """Where a file system does not say where its holes are, all is data.

        Steps:
            Make a file of 3 MiB and 1 byte with data in its middle.
            Copy it with --verify --json while lseek() fails for its data, or for its holes, with
            each error; and where it always says 0.

        Verify:
            The copy is equal and whole, within the usual time.
        """
        src = make_sparse_file(place / "src", 3 * MIB + 1, {MIB + 5: pattern(5000)})
        refused = refusing(
            ("lseek", getattr(errno, error) if error else 0, 2, 0xFFFFFFFF, whence)
        )
        result = svart_copy.run("--verify", "--json", src, place / "dst", **refused, timeout=20)
        verify(result.status == 0, result)
        verify(same_contents(src, place / "dst"), result)
        verify(result.json["ops"] > 0, result)

    def test_between_file_systems(self, svart_copy, disk_path, shm_path) -> None:
        """Source and destination can be on different file systems.

        Steps:
            Copy a file of 3 MiB and a bit from disk to tmpfs and back.

        Verify:
            All three are equal.
        """
        src, mid, dst = make_file(disk_path / "a", 3 * MIB + 5), shm_path / "b", disk_path / "c"
        for a, b in ((src, mid), (mid, dst)):
            result = svart_copy.run("--verify", a, b)
            verify(result.status == 0, result)
        verify(same_contents(src, dst), "the copy differs")

    def test_memfd(self, svart_copy, tmp_path) -> None:
        """A memfd is written in place, as it has no name to rename to.

        Steps:
            Make a memfd with old contents longer than the source, give it to svart-copy as
            /proc/self/fd/N.

        Verify:
            It has the source's contents and no more.
        """
        src = make_file(tmp_path / "src", MIB + 3)
        fd = os.memfd_create("svart-test")
        try:
            os.write(fd, bytes(2 * MIB))
            result = svart_copy.run("--verify", src, f"/proc/self/fd/{fd}", pass_fds=[fd])
            verify(result.status == 0, result)
            verify(os.fstat(fd).st_size == MIB + 3, result)
            verify(os.pread(fd, 2 * MIB, 0) == src.read_bytes(), "the copy differs")
        finally:
            os.close(fd)

    # --- how it is copied -------------------------------------------------------------------

    @pytest.mark.parametrize(
        "depth,chunk,size",
        [
            ("1", "1", 3 * KIB + 1),
            ("1", "2M", 5 * MIB + 1),
            ("64", "4095", MIB + 1),
            ("64", "4K", MIB + 1),
            ("64", "1m", 5 * MIB),
            ("2", "1G", 5 * MIB),
        ],
    )
    def test_depth_and_chunk(self, svart_copy, place, depth, chunk, size) -> None:
        """Every combination of --depth and --chunk copies the same.

        Steps:
            Copy a file with this depth and chunk, with --verify --json.

        Verify:
            The copy is equal; the number of operations follows from the chunk.
        """
        src, dst = make_file(place / "src", size), place / "dst"
        result = svart_copy.run(
            "--verify", "--json", "--depth", depth, "--chunk", chunk, src, dst
        )
        verify(result.status == 0, result)
        verify(same_contents(src, dst), result)
        bytes_each = {"1": 1, "4095": 4095, "4K": 4 * KIB, "1m": MIB, "2M": 2 * MIB, "1G": GIB}
        verify(result.json["ops"] == -(-size // bytes_each[chunk]), result)

    def test_deeper_than_the_device(self, svart_copy, tmp_path) -> None:
        """A depth that the device does not have is refused with the device's limit.

        Steps:
            Copy with --depth 65536.

        Verify:
            Status 1; the message names the option and the range.
        """
        src = make_file(tmp_path / "src", KIB)
        result = svart_copy.run("--depth", "65536", src, tmp_path / "dst")
        verify_failed(result, tmp_path, "--depth: 65536 is out of range", "model:dsa0 takes 1 to")
        verify(not (tmp_path / "dst").exists(), result)

    def test_eal_arguments(self, svart_copy, tmp_path) -> None:
        """EAL can be started otherwise, and refuses what it does not know.

        Steps:
            Copy with --eal and arguments that suit every machine; then with an unknown one.

        Verify:
            The first copies; the second ends with status 1 and says that EAL refused.
        """
        src, dst = make_file(tmp_path / "src", 10 * KIB), tmp_path / "dst"
        eal = "--no-huge -m 16 --no-pci --iova-mode=va --no-telemetry -l 0"
        result = svart_copy.run("--verify", "--eal", eal, src, dst)
        verify(result.status == 0, result)
        result = svart_copy.run("--eal", "--no-such-argument", src, tmp_path / "other")
        # EAL itself prints its usage to standard output.
        verify(result.status == 1 and "EAL does not start" in result.err, result)
        verify(unfinished(tmp_path) == [], result)

    @pytest.mark.parametrize("memlock", [8 * MIB, 64 * KIB])
    def test_ordinary_user(self, svart_copy, nobody_path, memlock) -> None:
        """An ordinary user can copy, within the memory that may be locked.

        Steps:
            As the user nobody, with RLIMIT_MEMLOCK of 8 MiB (Debian's) and of 64 KiB, copy a file
            of 64 MiB.

        Verify:
            With 8 MiB it works and pins no more. With 64 KiB it works, or says that the limit is
            the reason.
        """
        src, dst = make_file(nobody_path / "src", 64 * MIB), nobody_path / "dst"
        result = svart_copy.run("--verify", "--json", src, dst, **as_nobody(memlock))
        if memlock < MIB and result.status != 0:
            verify_failed(result, nobody_path, "RLIMIT_MEMLOCK")
            return
        verify(result.status == 0, result)
        verify(result.json["pinned_bytes_peak"] <= memlock, result)
        verify(same_contents(src, dst), result)

    # --- what is said -----------------------------------------------------------------------

    def test_json(self, svart_copy, tmp_path) -> None:
        """--json prints one object of the documented form.

        Steps:
            Copy a file of 2 MiB with --json.

        Verify:
            Standard output is one line, one object with exactly the documented keys and types;
            standard error is empty; the numbers agree with each other.
        """
        src = make_file(tmp_path / "src", 2 * MIB)
        result = svart_copy.run("--json", src, tmp_path / "dst")
        verify(result.status == 0, result)
        verify(result.err == "", result)
        verify(result.out.count("\n") == 1, result)
        report = result.json
        verify(shape(report) == JSON_SHAPE, result)
        verify(report["device"] == "model:dsa0", result)
        verify(report["seconds"] > 0, result)
        verify(sum(report["answers"].values()) == report["groups"], result)
        verify(report["page_requests"] >= report["groups"] > 0, result)
        latency = report["fault_latency_ns"]
        verify(0 < latency["p50"] <= latency["p99"], result)
        verify(latency["max"] > 0, result)

    def test_summary(self, svart_copy, tmp_path) -> None:
        """Without --json the summary is for a person; --quiet says nothing.

        Steps:
            Copy a file of 2 MiB without options, then with --quiet.

        Verify:
            The first names bytes, operations, page requests, latency and pinned memory, and writes
            nothing to standard error, which is no terminal. The second writes nothing at all.
        """
        src = make_file(tmp_path / "src", 2 * MIB)
        result = svart_copy.run(src, tmp_path / "dst")
        verify(result.status == 0, result)
        for text in ("2097152 bytes", "operations", "page requests", "p99", "MiB at the peak"):
            verify(text in result.out, result)
        verify(result.err == "", result)
        result = svart_copy.run("--quiet", src, tmp_path / "dst")
        verify((result.status, result.out, result.err) == (0, "", ""), result)

    @pytest.mark.parametrize("option", [None, "--quiet", "--json"])
    def test_progress(self, svart_copy, shm_path, option) -> None:
        """Progress is one line on a terminal, rewritten at most ten times a second.

        Steps:
            Start a slow copy with a terminal as standard error; interrupt it a second after it
            began to copy.

        Verify:
            Percent and rate were shown, more than once and at most ten times a second, and no line
            was begun by it; with --quiet or --json nothing was.
        """
        try:
            terminal, stderr = pty.openpty()
        except OSError as error:
            pytest.skip(f"there are no pseudo-terminals here: {error}")
        src = make_file(shm_path / "src", SLOW_BYTES)
        args = [*SLOW, *([option] if option else []), src, shm_path / "dst"]
        start = time.monotonic()
        process = svart_copy.start(*args, stderr=stderr)
        os.close(stderr)
        wait_until_copying(shm_path, process)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        seen = b""
        try:
            while block := os.read(terminal, 4096):
                seen += block
        except OSError:  # The terminal's other end was closed.
            pass
        os.close(terminal)
        finish(process)
        most = 10 * (time.monotonic() - start) + 1
        progress = seen.split(b"svart-copy:")[0]
        updates = progress.count(b"% of 128.0 MiB")
        verify(2 <= updates <= most if option is None else updates == 0, seen)
        verify(b"\n" not in progress, seen)

    @pytest.mark.parametrize("option", ["--help", "-h", "--version", "-V"])
    def test_help_and_version(self, svart_copy, option) -> None:
        """--help and --version need no names.

        Steps:
            Run with the option alone.

        Verify:
            Status 0, text on standard output, nothing on standard error.
        """
        result = svart_copy.run(option)
        verify(result.status == 0, result)
        verify("svart-copy" in result.out and result.err == "", result)

    # --- wrong command lines ----------------------------------------------------------------

    @pytest.mark.parametrize(
        "args,named",
        [
            (["--depth", "0"], "--depth"),
            (["--depth", "-1"], "--depth"),
            (["--depth", "65537"], "--depth"),
            (["--depth", "1K"], "--depth"),
            (["--depth", "8x"], "--depth"),
            (["--depth", ""], "--depth"),
            (["--depth", " 8"], "--depth"),
            (["--chunk", "0"], "--chunk"),
            (["--chunk", "-4K"], "--chunk"),
            (["--chunk", "K"], "--chunk"),
            (["--chunk", "4KB"], "--chunk"),
            (["--chunk", "3G"], "--chunk"),
            (["--chunk", "0x1000"], "--chunk"),
            (["--chunk", "18446744073709551617"], "--chunk"),
            (["--chunk", "17179869185G"], "--chunk"),
            (["--faults", "both"], "--faults"),
            (["--no-such-option"], "--no-such-option"),
            (["third-name"], "two names"),
        ],
    )
    def test_wrong_option(self, svart_copy, tmp_path, args, named) -> None:
        """A wrong option is refused before anything is done.

        Steps:
            Run with this option and good names.

        Verify:
            Status 2; the message names the option and points to --help; no destination.
        """
        src = make_file(tmp_path / "src", 100)
        result = svart_copy.run(*args, src, tmp_path / "dst")
        verify(result.status == 2, result)
        verify(named in result.err and "--help" in result.err, result)
        verify(result.out == "", result)
        verify(not (tmp_path / "dst").exists(), result)

    @pytest.mark.parametrize("names", [[], ["src"], ["", "dst"], ["src", ""]])
    def test_missing_names(self, svart_copy, tmp_path, names) -> None:
        """Both names are needed.

        Steps:
            Run with fewer than two names, or an empty one.

        Verify:
            Status 2 and a message that says so.
        """
        make_file(tmp_path / "src", 100)
        result = svart_copy.run(*names, cwd=tmp_path)
        verify(result.status == 2, result)
        verify("name" in result.err, result)

    # --- sources and destinations that will not do ------------------------------------------

    def test_source_missing(self, svart_copy, tmp_path) -> None:
        """A source that does not exist is an error.

        Steps:
            Copy a name that does not exist.

        Verify:
            Status 1; the message has the name; no destination.
        """
        result = svart_copy.run(tmp_path / "missing", tmp_path / "dst")
        verify_failed(result, tmp_path, "missing", "No such file")
        verify(not (tmp_path / "dst").exists(), result)

    def test_source_kinds(self, svart_copy, tmp_path) -> None:
        """Only regular files can be mapped.

        Steps:
            Copy a directory, a FIFO, a character device and a file of /proc.

        Verify:
            Each is refused at once with its reason.
        """
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "fifo")
        for source, text in (
            (tmp_path / "folder", "is a directory"),
            (tmp_path / "fifo", "not a regular file"),
            ("/dev/zero", "not a regular file"),
            ("/proc/self/status", "has contents but no size"),
        ):
            result = svart_copy.run(source, tmp_path / "dst")
            verify_failed(result, tmp_path, text)
            verify(not (tmp_path / "dst").exists(), result)

    def test_same_file(self, svart_copy, tmp_path) -> None:
        """A file is not copied to itself, by whatever name.

        Steps:
            Copy a file to its own name, to a hard link of it, to a symbolic link to it, and to its
            own directory.

        Verify:
            Each is refused; the file is unharmed.
        """
        src = make_file(tmp_path / "src", 5000)
        os.link(src, tmp_path / "hard")
        os.symlink("src", tmp_path / "soft")
        for name in ("src", "hard", "soft", "."):
            result = svart_copy.run(src, tmp_path / name)
            verify_failed(result, tmp_path, "are the same file")
        verify(src.read_bytes() == pattern(5000), "the source was changed")

    def test_destination_directory(self, svart_copy, tmp_path) -> None:
        """A copy to a directory gets the name of the source.

        Steps:
            Copy to a directory, with and without a slash at its end; then to one in which the name
            is taken by a directory; then to a name with a slash that does not exist.

        Verify:
            The first two work; the others are refused with their reason.
        """
        src, folder = make_file(tmp_path / "src", 5000), tmp_path / "folder"
        folder.mkdir()
        for name in (str(folder), f"{folder}/"):
            result = svart_copy.run(src, name)
            verify(result.status == 0, result)
            verify(same_contents(src, folder / "src"), result)
            (folder / "src").unlink()
        (folder / "src").mkdir()
        verify_failed(svart_copy.run(src, folder), folder, "is a directory")
        result = svart_copy.run(src, f"{tmp_path}/new/")
        verify_failed(result, tmp_path, "new/")

    def test_destination_kinds(self, svart_copy, tmp_path) -> None:
        """Destinations that are no regular files are refused.

        Steps:
            Copy to a FIFO, /dev/null, /dev/stdout (a pipe), standard output and standard error
            that are files, a dangling symbolic link, and a missing directory.

        Verify:
            Each is refused with its reason.
        """
        src = make_file(tmp_path / "src", 5000)
        os.mkfifo(tmp_path / "fifo")
        os.symlink("nowhere", tmp_path / "dangling")
        for destination, text in (
            (tmp_path / "fifo", "not a regular file"),
            ("/dev/null", "not a regular file"),
            ("/dev/stdout", "not a regular file"),
            (tmp_path / "dangling", "symbolic link to nothing"),
            (tmp_path / "missing" / "dst", "No such file"),
        ):
            verify_failed(svart_copy.run(src, destination), tmp_path, text)
        with open(tmp_path / "out", "w", encoding="ascii") as out:
            result = finish(svart_copy.start(src, tmp_path / "out", stdout=out))
        verify(result.status == 1 and "standard output" in result.err, result)
        with open(tmp_path / "err", "w", encoding="ascii") as err:
            result = finish(svart_copy.start(src, tmp_path / "err", stderr=err))
        told = (tmp_path / "err").read_text()
        verify(result.status == 1 and "is the standard error" in told, told)

    def test_symbolic_link(self, svart_copy, tmp_path) -> None:
        """A symbolic link to a file is followed, as cp does.

        Steps:
            Copy over a link to an old file in another directory.

        Verify:
            The link is still a link; the file that it names has the new contents.
        """
        src, folder = make_file(tmp_path / "src", 5000), tmp_path / "folder"
        folder.mkdir()
        old, link = make_file(folder / "old", 100), tmp_path / "link"
        os.symlink("folder/old", link)
        result = svart_copy.run(src, link)
        verify(result.status == 0, result)
        verify(link.is_symlink() and same_contents(src, old), result)

    def test_mode(self, svart_copy, tmp_path) -> None:
        """The copy has the mode that cp gives it.

        Steps:
            Copy a file of mode 0750 to a new name, under umask 027; then over an old file of mode
            0604.

        Verify:
            The new file has 0750 without the umask's bits; the old one keeps 0604.
        """
        src, dst = make_file(tmp_path / "src", 100), tmp_path / "dst"
        src.chmod(0o757)
        result = svart_copy.run(src, dst, umask=0o027)
        verify(result.status == 0, result)
        verify(dst.stat().st_mode & 0o7777 == 0o750, oct(dst.stat().st_mode))
        dst.chmod(0o604)
        result = svart_copy.run(src, dst, umask=0o027)
        verify(result.status == 0, result)
        verify(dst.stat().st_mode & 0o7777 == 0o604, oct(dst.stat().st_mode))

    def test_no_permission(self, svart_copy, nobody_path) -> None:
        """Files that may not be read or written are refused.

        Steps:
            As the user nobody copy a file of root's, into a directory of root's, and over a
            read-only file.

        Verify:
            Each is refused with its reason; the old file is as it was.
        """
        src = make_file(nobody_path / "src", 5000)
        secret = make_file(nobody_path / "secret", 100)
        secret.chmod(0o600)
        fixed = make_file(nobody_path / "fixed", 100)
        folder = nobody_path / "folder"
        folder.mkdir(mode=0o755)
        for source, destination in ((secret, "dst"), (src, "folder"), (src, "fixed")):
            result = svart_copy.run(source, nobody_path / destination, **as_nobody(8 * MIB))
            verify_failed(result, nobody_path, "Permission denied")
        verify(fixed.read_bytes() == pattern(100), "the old file was changed")
        verify(list(folder.iterdir()) == [], "something was left")

    def test_no_space(self, svart_copy, tmp_path, full_path) -> None:
        """A file system that is full is an error, and the old file stays.

        Steps:
            On a file system of some MiB, mapped and not, copy 16 MiB over an old file.

        Verify:
            Status 1; the message says that there is no space; the old file is as it was.
        """
        src, dst = make_file(tmp_path / "src", 16 * MIB), make_file(full_path / "dst", 100)
        result = svart_copy.run(src, dst)
        verify_failed(result, full_path, "No space left", "is as it was before")
        verify(dst.read_bytes() == pattern(100), "the old file was changed")

    def test_file_size_limit(self, svart_copy, place) -> None:
        """A limit of the file size is an error and not a signal.

        Steps:
            Copy 1 MiB under RLIMIT_FSIZE of 64 KiB.

        Verify:
            Status 1; the message names the limit; nothing is left.
        """
        src, dst = make_file(place / "src", MIB), place / "dst"
        result = svart_copy.run(
            src,
            dst,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64 * KIB, 64 * KIB)),
        )
        verify_failed(result, place, "RLIMIT_FSIZE")
        verify(not dst.exists(), result)

    # --- devices that will not do -----------------------------------------------------------

    @pytest.mark.parametrize(
        "spec",
        ["model:dsa9999", "model:nothing0", "usb:1", "nonsense", "", "model:dsa0,color=red"],
    )
    def test_unknown_device(self, svart_copy, tmp_path, spec) -> None:
        """A device that does not exist is an error, and the old file stays.

        Steps:
            Copy over an old file with this device.

        Verify:
            Status 1; the message has the device and more than an errno; the old file is as it was.
        """
        src, dst = make_file(tmp_path / "src", 5000), make_file(tmp_path / "dst", 100)
        result = svart_copy.run("--device", spec, src, dst)
        verify_failed(result, tmp_path, f"cannot open device {spec}")
        verify(len(result.err) > len(f"svart-copy: cannot open device {spec}: ") + 10, result)
        verify(dst.read_bytes() == pattern(100), "the old file was changed")

    @pytest.mark.parametrize("pasid", ["0", "1048576", "-1", "x", ""])
    def test_bad_pasid(self, svart_copy, tmp_path, pasid) -> None:
        """A PASID out of range is refused by its name.

        Steps:
            Copy with this PASID in the device's spec.

        Verify:
            Status 1; the message names pasid.
        """
        src = make_file(tmp_path / "src", 5000)
        result = svart_copy.run("--device", f"model:dsa0,pasid={pasid}", src, tmp_path / "dst")
        verify_failed(result, tmp_path, "pasid")

    @pytest.mark.parametrize("portal", ["Split", "whole", "native:"])
    def test_bad_portal(self, svart_copy, tmp_path, portal) -> None:
        """A way to submit that there is not is refused, with those that there are.

        Steps:
            Copy with this portal= in the device's spec.

        Verify:
            Status 1; the message names the option, split and native.
        """
        src = make_file(tmp_path / "src", 5000)
        result = svart_copy.run("--device", f"model:dsa0,portal={portal}", src, tmp_path / "dst")
        verify_failed(result, tmp_path, f"portal={portal}")
        verify("split" in result.err and "native" in result.err, result)

    def test_no_iommufd(self, svart_copy, tmp_path) -> None:
        """Silicon on a machine without iommufd is refused with the reason.

        Steps:
            Where there is no /dev/iommu, copy with --device pci:0000:6a:01.0.

        Verify:
            Status 1; the message says that /dev/iommu is missing.
        """
        if os.path.exists("/dev/iommu"):
            pytest.skip("this machine has /dev/iommu")
        src = make_file(tmp_path / "src", 5000)
        result = svart_copy.run("--device", "pci:0000:6a:01.0", src, tmp_path / "dst")
        verify_failed(result, tmp_path, "/dev/iommu")

    # --- reasons that are told ----------------------------------------------------------------

    @pytest.mark.parametrize(
        "spec,texts",
        [
            ("model:edu0,dma_mask_bits=28", ["too few address bits", "dma_mask_bits"]),
            ("model:dsa0,inject=invalid:1000", ["lost or refused on its way"]),
            ("model:dsa0,inject=lose_last:1000", ["lost or refused on its way"]),
        ],
    )
    def test_address_out_of_reach(self, svart_copy, place, spec, texts) -> None:
        """What a device does not reach though all is there is not told as a lack of memory.

        Steps:
            Copy by a device that has 28 address bits, and by ones whose page requests are refused
            or lost.

        Verify:
            Status 1; the message has the reason, and says nothing of memory or the disk.
        """
        src = make_file(place / "src", MIB)
        result = svart_copy.run("--device", spec, src, place / "dst")
        verify_failed(result, place, "the device cannot ", *texts)
        for word in ("memory", "MEMLOCK", "disk", "cut short"):
            verify(word not in result.err, f"{word!r} is in the message\n{result}")

    def test_destination_cut_short(self, svart_copy, shm_path) -> None:
        """A destination that somebody cuts short while a device writes to it is told as that.

        Steps:
            Start a slow copy to a memory file; when data has arrived, truncate the file.

        Verify:
            Status 1; the message says so.
        """
        src = make_file(shm_path / "src", SLOW_BYTES)
        process = svart_copy.start(*SLOW, src, shm_path / "dst")
        copy = wait_until_copying(shm_path, process)
        os.truncate(copy, 4096)
        verify_failed(finish(process), shm_path, "was cut short while it was written")

    def test_address_space(self, svart_copy, disk_path) -> None:
        """A file that does not fit the address space is told as that.

        Steps:
            Copy a file of 6 GiB, all hole, with an address space of 4 GiB (ulimit -v).

        Verify:
            Status 1; the message has the size, the limit and what to do, and not --depth, which
            would not help.
        """
        need_no_sanitizer(svart_copy.path, "needs all of the address space")
        src, limit = make_sparse_file(disk_path / "src", 6 * GIB, {}), 4 * GIB
        result = svart_copy.run(
            src,
            disk_path / "dst",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        verify_failed(result, disk_path, str(6 * GIB), str(limit), "RLIMIT_AS", "use cp")
        verify("--depth" not in result.err, result)

    def test_buffers(self, svart_copy, disk_path) -> None:
        """Buffers that there is no memory for are told by the options that ask for them.

        Steps:
            Copy to a disk with --depth 64 --chunk 1G and an address space of 16 GiB.

        Verify:
            Status 1; the message names both options and the bytes.
        """
        need_no_sanitizer(svart_copy.path, "needs all of the address space")
        src, limit = make_file(disk_path / "src", 5000), 16 * GIB
        result = svart_copy.run(
            *("--depth", "64", "--chunk", "1G", src, disk_path / "dst"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        verify_failed(result, disk_path, str(64 * GIB), "--depth", "--chunk")

    def test_source_that_cannot_be_mapped(self, svart_copy, tmp_path) -> None:
        """A file whose file system cannot map it is told as that.

        Steps:
            Copy a file of /sys.

        Verify:
            Status 1; the message says so, and what to use.
        """
        src = pathlib.Path("/sys/kernel/uevent_seqnum")
        if not src.is_file() or src.stat().st_size == 0:
            pytest.skip(f"no {src}")
        result = svart_copy.run(src, tmp_path / "dst")
        verify_failed(result, tmp_path, "cannot map files into memory", "use cp")

    # --- what happens while it copies -------------------------------------------------------

    def test_source_cut_short(self, svart_copy, place) -> None:
        """A source that is cut short while it is copied is an error, not a crash.

        Steps:
            Start a slow copy over an old file; when data has arrived, truncate the source.

        Verify:
            Status 1; the message says that the file was cut short; the old file is as it was.
        """
        src, dst = make_file(place / "src", SLOW_BYTES), make_file(place / "dst", 100)
        process = svart_copy.start(*SLOW, src, dst)
        wait_until_copying(place, process)
        os.truncate(src, 4097)
        verify_failed(finish(process), place, "cut short", "is as it was before")
        verify(dst.read_bytes() == pattern(100), "the old file was changed")

    def test_source_cut_short_at_the_end(self, svart_copy, place) -> None:
        """A source that loses its last byte only is noticed too.

        Steps:
            Start a slow copy; when data has arrived, cut the source by one byte.

        Verify:
            Status 1; the message says so; there is no destination.
        """
        src, dst = make_file(place / "src", SLOW_BYTES // 4), place / "dst"
        process = svart_copy.start(*SLOW, src, dst)
        wait_until_copying(place, process)
        os.truncate(src, SLOW_BYTES // 4 - 1)
        verify_failed(finish(process, 120), place, "cut short")
        verify(not dst.exists(), "a copy was left")

    @pytest.mark.parametrize(
        "inject, text",
        [
            # By a register, or by configuration space: whichever is looked at first.
            ("gone", "the device is gone: register|the device is unplugged or off"),
            ("no_master", "bus mastering was turned off|bus mastering was taken from it"),
            ("enodev", "page requests are lost: read of the fault fd: No such device"),
        ],
    )
    @pytest.mark.parametrize("options", ["", ",faults=raw"])
    def test_device_lost(self, svart_copy, place, inject, text, options) -> None:
        """A device that is pulled out, or that the kernel gives up, ends the copy; nothing is left.

        Steps:
            Copy over an old file, on a software machine that does so to its device at one page
            request of five.

        Verify:
            Status 1, within seconds; the message says what was lost, and what to do; the old file
            is as it was.
        """
        if inject == "enodev" and options:
            pytest.skip("raw queues have no fault fd")
        src, dst = make_file(place / "src", 16 * MIB), make_file(place / "dst", 100)
        device = f"--device=model:dsa0,inject={inject}:200{options}"
        result = svart_copy.run(device, src, dst, timeout=20)
        verify_failed(result, place, "queue has failed", "is as it was before")
        verify(re.search(text, result.err), result)
        verify("open it again" in result.err, result)
        verify(dst.read_bytes() == pattern(100), "the old file was changed")

    def test_verify_finds_a_difference(self, svart_copy, place) -> None:
        """--verify compares what is there, and says where it differs.

        Steps:
            Start a slow copy with --verify. When the first bytes have arrived, stop the process,
            change byte 77 of the source, and let it go on.

        Verify:
            Status 1; the message has this offset; there is no destination.
        """
        src, dst = make_file(place / "src", SLOW_BYTES // 4), place / "dst"
        process = svart_copy.start(*SLOW, "--verify", src, dst)
        copy = wait_until_copying(place, process)
        with open(copy, "rb", buffering=0) as file, open(src, "r+b", buffering=0) as source:
            first = os.pread(source.fileno(), 512, 0)
            last = SLOW_BYTES // 4 - 512
            while process.poll() is None and os.pread(file.fileno(), 512, 0) != first:
                pass
            process.send_signal(signal.SIGSTOP)
            verify(os.pread(file.fileno(), 512, last) == bytes(512), "the copy was too fast")
            os.pwrite(source.fileno(), bytes([first[77] ^ 1]), 77)
            process.send_signal(signal.SIGCONT)
        verify_failed(finish(process), place, "differs from", "at offset 77:")
        verify(not dst.exists(), "a copy was left")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_signal(self, svart_copy, place, number) -> None:
        """A signal ends the copy, and nothing is left of it.

        Steps:
            Start a slow copy over an old file and one to a new name; when data has arrived, send
            the signal.

        Verify:
            Status 1 within seconds; the message says so; the old file is as it was, the new name
            does not exist.
        """
        src, old = make_file(place / "src", SLOW_BYTES), make_file(place / "old", 100)
        for dst in (old, place / "new"):
            process = svart_copy.start(*SLOW, src, dst)
            wait_until_copying(place, process)
            process.send_signal(number)
            verify_failed(finish(process, 20), place, f"interrupted by signal {number}")
        verify(old.read_bytes() == pattern(100), "the old file was changed")
        verify(not (place / "new").exists(), "a copy was left")

    def test_ignored_signal(self, svart_copy, tmp_path) -> None:
        """A signal that the program was started to ignore, as by nohup, stays ignored.

        Steps:
            Start a copy with SIGHUP ignored; when data has arrived, send SIGHUP.

        Verify:
            The copy is complete.
        """
        src, dst = make_file(tmp_path / "src", 8 * MIB), tmp_path / "dst"
        process = svart_copy.start(
            *SLOW, src, dst, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
        )
        wait_until_copying(tmp_path, process)
        process.send_signal(signal.SIGHUP)
        result = finish(process, 120)
        verify(result.status == 0, result)
        verify(same_contents(src, dst), "the copy differs")

    def test_in_place_failure(self, svart_copy, tmp_path) -> None:
        """What is written in place and fails is left empty, never half full.

        Steps:
            Start a slow copy to a memfd; when data has arrived, interrupt it.

        Verify:
            Status 1; the message says that it is empty; it is.
        """
        src = make_file(tmp_path / "src", SLOW_BYTES)
        fd = os.memfd_create("svart-test")
        try:
            process = svart_copy.start(*SLOW, src, f"/proc/self/fd/{fd}", pass_fds=[fd])
            while process.poll() is None and os.fstat(fd).st_blocks == 0:
                pass
            process.send_signal(signal.SIGINT)
            result = finish(process)
            verify_failed(result, tmp_path, "is left empty")
            verify(os.fstat(fd).st_size == 0, result)
        finally:
            os.close(fd)
