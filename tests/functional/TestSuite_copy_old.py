# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""svart-copy over an old file: what stays of it, what happens to it, and what is said."""

import errno
import fcntl
import os
import pathlib
import resource
import shutil
import signal
import stat
import struct
import subprocess
import time

import pytest

from conftest import SLOWNESS, as_nobody, need_root
from framework import (
    KIB,
    MIB,
    finish,
    make_file,
    need_mounts,
    pattern,
    refusing,
    same_contents,
    unfinished,
    verify,
    wait_until_copying,
)

# A copy that takes long enough to do something to it meanwhile.
SLOW_BYTES = 64 * MIB
SLOW = ["--depth", "1", "--chunk", "512"]

# Nobody's: the tests give files to them.
USER, GROUP, OTHER_USER = 60001, 60010, 60002

ACL = "system.posix_acl_access"
DEFAULT_ACL = "system.posix_acl_default"

# linux/fs.h, fcntl.h
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
APPEND, NODUMP, NOATIME, IMMUTABLE = 0x20, 0x40, 0x80, 0x10
STORAGE_FLAGS = 0x80000 | 0x10000000  # Extents, inline data.
F_ADD_SEALS = 1033
SEALS = {"F_SEAL_SHRINK": 2, "F_SEAL_GROW": 4, "F_SEAL_WRITE": 8, "F_SEAL_FUTURE_WRITE": 16}

# What a file system without nameless files says.
TMPFILE_BIT = os.O_TMPFILE & ~os.O_DIRECTORY
NO_TMPFILE = ("openat", errno.EOPNOTSUPP, 2, TMPFILE_BIT, TMPFILE_BIT)


# --- old files --------------------------------------------------------------------------------


def set_xattr(path: pathlib.Path, name: str, value: bytes) -> None:
    """Sets an extended attribute, or skips."""
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EPERM):
            raise
        pytest.skip(f"{path.parent} has no attribute {name}: {error.strerror}")


def set_acl(path: pathlib.Path, user: int, mask: int = 6, name: str = ACL) -> None:
    """An ACL that gives one user read and write access, and the group and others nothing."""
    # struct posix_acl_xattr_entry (linux/posix_acl_xattr.h): tag, permissions, id.
    entries = [(1, 6, -1), (2, 6, user), (4, 0, -1), (0x10, mask, -1), (0x20, 0, -1)]
    value = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, perm, id & 0xFFFFFFFF) for tag, perm, id in entries
    )
    set_xattr(path, name, value)


def flags_of(path: pathlib.Path):
    """What lsattr(1) shows, but for what follows from the contents; None: there is no such thing."""
    with open(path, "rb") as file:
        flags = bytearray(8)
        try:
            fcntl.ioctl(file, FS_IOC_GETFLAGS, flags)
        except OSError:
            return None
        return struct.unpack_from("=I", flags)[0] & ~STORAGE_FLAGS


def set_flags(path: pathlib.Path, flags: int) -> None:
    """What chattr(1) does, or skips."""
    file = os.open(path, os.O_RDONLY)
    try:
        old = bytearray(8)
        fcntl.ioctl(file, FS_IOC_GETFLAGS, old)
        value = struct.unpack_from("=I", old)[0] & ~(APPEND | IMMUTABLE) | flags
        fcntl.ioctl(file, FS_IOC_SETFLAGS, struct.pack("=Q", value))
    except OSError as error:
        pytest.skip(f"{path.parent} has no file flags: {error.strerror}")
    finally:
        os.close(file)


def plain(folder: pathlib.Path) -> None:
    """A file of mode 0640."""
    (folder / "dst").chmod(0o640)


def owned(folder: pathlib.Path) -> None:
    """Another user's and group's."""
    os.chown(folder / "dst", USER, GROUP)
    (folder / "dst").chmod(0o464)


def unreadable(folder: pathlib.Path) -> None:
    """Without any permission."""
    os.chown(folder / "dst", USER, GROUP)
    (folder / "dst").chmod(0)


def listed(folder: pathlib.Path) -> None:
    """With an ACL that lets one user in and the group not."""
    (folder / "dst").chmod(0o600)
    os.chown(folder / "dst", USER, GROUP)
    set_acl(folder / "dst", OTHER_USER)


def masked(folder: pathlib.Path) -> None:
    """With an ACL whose mask lets nobody in."""
    set_acl(folder / "dst", OTHER_USER, mask=0)


def in_listed_folder(folder: pathlib.Path) -> None:
    """Without an ACL, in a folder whose new files get one."""
    (folder / "dst").chmod(0o600)
    set_acl(folder, OTHER_USER, name=DEFAULT_ACL)


def in_group_folder(folder: pathlib.Path) -> None:
    """In a folder whose new files get its group."""
    os.chown(folder, -1, GROUP)
    folder.chmod(0o2755)


def tagged(folder: pathlib.Path) -> None:
    """With attributes of the user's."""
    for number in range(20):
        set_xattr(folder / "dst", f"user.tag{number}", bytes(number))


def trusted(folder: pathlib.Path) -> None:
    """With an attribute that only root sees."""
    set_xattr(folder / "dst", "trusted.tag", b"value")


def labelled(folder: pathlib.Path) -> None:
    """With an attribute of a security module."""
    set_xattr(folder / "dst", "security.tag", b"value")


def capable(folder: pathlib.Path) -> None:
    """A program that may use raw sockets: struct vfs_cap_data (linux/capability.h)."""
    (folder / "dst").chmod(0o755)
    set_xattr(folder / "dst", "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))


def set_user_id(folder: pathlib.Path) -> None:
    """A program that runs as its owner."""
    os.chown(folder / "dst", USER, GROUP)
    (folder / "dst").chmod(0o4755)


def set_group_id(folder: pathlib.Path) -> None:
    """A program that runs as its group."""
    os.chown(folder / "dst", USER, GROUP)
    (folder / "dst").chmod(0o2755)


def sticky(folder: pathlib.Path) -> None:
    """With the sticky bit."""
    (folder / "dst").chmod(0o1644)


def linked(folder: pathlib.Path) -> None:
    """With a second name."""
    os.link(folder / "dst", folder / "second")


def linked_softly(folder: pathlib.Path) -> None:
    """A symbolic link to a file elsewhere."""
    (folder / "elsewhere").mkdir()
    (folder / "dst").rename(folder / "elsewhere" / "second")
    (folder / "dst").symlink_to("elsewhere/second")


def flagged(folder: pathlib.Path) -> None:
    """With flags of chattr(1)."""
    set_flags(folder / "dst", NODUMP | NOATIME)


def in_immutable_folder(folder: pathlib.Path) -> None:
    """In a folder that takes no new files."""
    set_flags(folder, IMMUTABLE)


def in_append_only_folder(folder: pathlib.Path) -> None:
    """In a folder that takes new files and gives none away."""
    set_flags(folder, APPEND)


OLD_FILES = [
    plain,
    owned,
    unreadable,
    listed,
    masked,
    in_listed_folder,
    in_group_folder,
    tagged,
    trusted,
    labelled,
    capable,
    set_user_id,
    set_group_id,
    sticky,
    linked,
    linked_softly,
    flagged,
    in_immutable_folder,
    in_append_only_folder,
]


# --- old files and folders as an ordinary user finds them ---------------------------------------


def others_writable(folder: pathlib.Path) -> None:
    """Root's, that everybody may write, in a folder of the user's own."""
    os.chown(folder / "dst", 0, 0)
    (folder / "dst").chmod(0o666)


def others_in_sticky_folder(folder: pathlib.Path) -> None:
    """Root's, in a folder as /tmp."""
    others_writable(folder)
    os.chown(folder, 0, 0)
    folder.chmod(0o1777)


def in_closed_folder(folder: pathlib.Path) -> None:
    """The user's own, in a folder that is not."""
    os.chown(folder, 0, 0)
    folder.chmod(0o755)


def others_in_closed_folder(folder: pathlib.Path) -> None:
    """Root's, in root's folder."""
    others_writable(folder)
    in_closed_folder(folder)


def of_foreign_group(folder: pathlib.Path) -> None:
    """The user's own, of a group that he is not in."""
    os.chown(folder / "dst", -1, GROUP)
    (folder / "dst").chmod(0o640)


def own_set_user_id(folder: pathlib.Path) -> None:
    """The user's own program, that runs as him: a write takes that away."""
    (folder / "dst").chmod(0o4755)


def write_only(folder: pathlib.Path) -> None:
    """A file that may be written and not read."""
    others_writable(folder)
    (folder / "dst").chmod(0o222)


def foreign_attribute(folder: pathlib.Path) -> None:
    """With a label that only a security module may give."""
    set_xattr(folder / "dst", "security.tag", b"value")


USERS_FILES = [
    plain,
    tagged,
    others_writable,
    others_in_sticky_folder,
    in_closed_folder,
    others_in_closed_folder,
    of_foreign_group,
    own_set_user_id,
    write_only,
    foreign_attribute,
    linked,
]


# --- what there is to see ---------------------------------------------------------------------


# Another file takes their place; all others are written as they are.
REPLACED = [
    plain,
    owned,
    unreadable,
    listed,
    masked,
    in_listed_folder,
    in_group_folder,
    tagged,
    capable,
    linked_softly,
]


def properties(folder: pathlib.Path) -> dict:
    """All that can be seen of every file in a folder, but which inode it is and when it was made."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        seen[str(path.relative_to(folder))] = {
            "mode": oct(info.st_mode),
            "owner": (info.st_uid, info.st_gid),
            "links": info.st_nlink,
            "size": info.st_size,
            "attributes": {
                name: os.getxattr(path, name, follow_symlinks=False)
                for name in os.listxattr(path, follow_symlinks=False)
            },
            "flags": flags_of(path) if stat.S_ISREG(info.st_mode) else None,
            "contents": path.read_bytes() if stat.S_ISREG(info.st_mode) else None,
        }
    return seen


def difference(one: dict, other: dict) -> str:
    """What differs, in words, and without the contents."""
    lines = []
    for path in sorted({*one, *other}):
        a, b = one.get(path), other.get(path)
        if a is None or b is None:
            lines.append(f"{path}: is there once")
            continue
        lines += [
            f"{path}: {key}" + ("" if key == "contents" else f": cp {a[key]}, svart-copy {b[key]}")
            for key in a
            if a[key] != b[key]
        ]
    return "\n".join(lines)


def make_pair(place: pathlib.Path, kind, owner: int = 0) -> tuple:
    """Two folders with the same old file: one for cp, the other for svart-copy."""
    folders = place / "cp", place / "svart"
    for folder in folders:
        folder.mkdir()
        os.chown(folder, owner, owner and 65534)
        os.chown(make_file(folder / "dst", 100), owner, owner and 65534)
        kind(folder)
    return folders


def user_reads(path, user: int, group: int) -> bool:
    """Whether a user may read a file."""
    done = subprocess.run(
        ["head", "-c1", path],
        user=user,
        group=group,
        extra_groups=[],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


class Inside:
    """A mount namespace of its own, or a skip."""

    def __init__(self, program):
        need_mounts()
        self.program = program

    def run(self, mounts: str, *args, **options):
        """Runs the program with its arguments after some shell commands."""
        script = f'{mounts} || exit 77\nexec "$0" "$@"'
        command = ["unshare", "-m", "sh", "-c", script, self.program.path, *map(str, args)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        result = finish(process)
        if result.status == 77:
            pytest.skip(f"cannot mount: {result.err.strip()}")
        return result


class TestCopyOld:
    """Test plan of svart-copy over an old file."""

    # --- what stays -------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", OLD_FILES, ids=lambda kind: kind.__name__)
    def test_as_cp(self, svart_copy, place, kind) -> None:
        """What an old file has beside its contents is what cp leaves it.

        Steps:
            As root, make two old files of this kind; copy over one by cp, over the other by
            svart-copy with --verify.

        Verify:
            Both folders have the same files, with the same contents, owners, permissions, ACLs,
            attributes, flags and names; nothing unfinished is left. It is another file where
            that can be so, and the old one where it cannot.
        """
        need_root()
        src = make_file(place / "src", MIB + 3, seed=7)
        theirs, ours = make_pair(place, kind)
        inode = (ours / "dst").stat().st_ino
        try:
            subprocess.run(["cp", src, theirs / "dst"], check=True)
            result = svart_copy.run("--verify", "--quiet", src, ours / "dst")
        finally:
            if kind in (in_immutable_folder, in_append_only_folder):
                set_flags(theirs, 0)
                set_flags(ours, 0)
        verify((result.status, result.err) == (0, ""), result)
        verify(same_contents(src, ours / "dst"), "the copy differs")
        replaced = (ours / "dst").stat().st_ino != inode
        verify(replaced == (kind in REPLACED), f"it was{' ' if replaced else ' not '}replaced")
        differs = difference(properties(theirs), properties(ours))
        verify(differs == "", differs)

    @pytest.mark.parametrize("kind", USERS_FILES, ids=lambda kind: kind.__name__)
    def test_as_cp_of_a_user(self, svart_copy, nobody_path, kind) -> None:
        """The same for an ordinary user, who may write some files and not replace them.

        Steps:
            As the user nobody, copy over one old file of this kind by cp, over the other by
            svart-copy.

        Verify:
            Both folders have the same files, as above; only the user's own are other ones.
        """
        src = make_file(nobody_path / "src", MIB + 3, seed=7)
        src.chmod(0o644)
        nobody = as_nobody(8 * MIB)
        theirs, ours = make_pair(nobody_path, kind, nobody["user"])
        inode = (ours / "dst").stat().st_ino
        subprocess.run(["cp", src, theirs / "dst"], check=True, **nobody)
        result = svart_copy.run("--quiet", src, ours / "dst", **nobody)
        verify((result.status, result.err) == (0, ""), result)
        replaced = (ours / "dst").stat().st_ino != inode
        verify(replaced == (kind in REPLACED), f"it was{' ' if replaced else ' not '}replaced")
        differs = difference(properties(theirs), properties(ours))
        verify(differs == "", differs)

    @pytest.mark.parametrize("kind", [plain, in_listed_folder, in_group_folder])
    def test_new_file_as_cp(self, svart_copy, place, kind) -> None:
        """A new file is as cp makes it.

        Steps:
            Copy a file of mode 04757 to a new name, under umask 027, in a folder of this kind.

        Verify:
            Owner, permissions and attributes are those of cp's copy.
        """
        need_root()
        src = make_file(place / "src", 5000)
        src.chmod(0o4757)
        theirs, ours = make_pair(place, kind)
        subprocess.run(["cp", src, theirs / "new"], check=True, umask=0o027)
        result = svart_copy.run("--quiet", src, ours / "new", umask=0o027)
        verify(result.status == 0, result)
        differs = difference(properties(theirs), properties(ours))
        verify(differs == "", differs)

    @pytest.mark.parametrize("named", [False, True])
    def test_never_wider(self, svart_copy, place, named) -> None:
        """While it is made, a copy lets nobody in whom the old file keeps out.

        Steps:
            Copy slowly over an old file whose ACL lets one user in and its group not; also where
            there are no files without a name. Meanwhile, and afterwards, read the copy as that
            user and as a member of the group.

        Verify:
            The member never may. The user may in the end.
        """
        need_root()
        src = make_file(place / "src", SLOW_BYTES)
        place.chmod(0o755)
        make_file(place / "dst", 100)
        listed(place)
        refused = refusing(NO_TMPFILE) if named else {}
        process = svart_copy.start(*SLOW, src, place / "dst", **refused)
        copy = wait_until_copying(place, process)
        verify((copy in unfinished(place)) == named, copy)
        # A link of /proc is of another process; its file is asked for by a descriptor.
        with open(copy, "rb") as file:
            mode, acl = os.fstat(file.fileno()).st_mode, os.getxattr(file.fileno(), ACL)
        verify(not named or not user_reads(copy, USER + 5, GROUP), "a member of its group may")
        verify(acl == os.getxattr(place / "dst", ACL), "the unfinished file has another ACL")
        verify(mode == (place / "dst").stat().st_mode, oct(mode))
        process.send_signal(signal.SIGINT)
        finish(process)
        result = svart_copy.run("--quiet", make_file(place / "src", 5000), place / "dst")
        verify(result.status == 0, result)
        verify(user_reads(place / "dst", OTHER_USER, OTHER_USER), "the ACL's user may not")
        verify(not user_reads(place / "dst", USER + 5, GROUP), "a member of its group may")

    # --- what is written in place -----------------------------------------------------------

    def test_bind_mount(self, svart_copy, place) -> None:
        """A file that is a mount of its own is written, as cp does.

        Steps:
            Mount a file on itself, as containers do with single files, and copy over it.

        Verify:
            It is the same file, with the source's contents.
        """
        src, dst = make_file(place / "src", MIB + 3), make_file(place / "dst", 2 * MIB)
        inode = dst.stat().st_ino
        inside = Inside(svart_copy)
        result = inside.run(f"mount --bind {dst} {dst}", "--verify", "--quiet", src, dst)
        verify((result.status, result.err) == (0, ""), result)
        verify(same_contents(src, dst), "the copy differs")
        verify(dst.stat().st_ino == inode, "it is another file")

    def test_file_of_a_read_only_folder(self, svart_copy, place) -> None:
        """A file that may be written in a file system that may not, too.

        Steps:
            Mount a file on one of a folder that is mounted read-only; copy over it.

        Verify:
            It has the source's contents.
        """
        src, dst = make_file(place / "src", MIB + 3), make_file(place / "dst", 100)
        (place / "ro").mkdir()
        make_file(place / "ro" / "dst", 0)
        mounts = (
            f"mount --bind {place}/ro {place}/ro && mount --bind {dst} {place}/ro/dst"
            f" && mount -o remount,bind,ro {place}/ro"
        )
        result = Inside(svart_copy).run(mounts, "--quiet", src, place / "ro" / "dst")
        verify((result.status, result.err) == (0, ""), result)
        verify(same_contents(src, dst), "the copy differs")

    def test_in_place_untouched(self, svart_copy, place) -> None:
        """A file that would be written in place is not before all else is known to do.

        Steps:
            Copy over a file with two names: by a device that does not exist; beyond
            RLIMIT_FSIZE.

        Verify:
            Status 1; what is said of the file is true: it is as it was.
        """
        src, dst = make_file(place / "src", MIB), make_file(place / "dst", 100)
        os.link(dst, place / "second")
        result = svart_copy.run("--device", "model:nothing0", src, dst)
        verify(result.status == 1 and "left empty" not in result.err, result)
        verify(dst.read_bytes() == pattern(100), "the old file was changed")
        limit = {
            "preexec_fn": lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (64 * KIB, 64 * KIB)
            )
        }
        result = svart_copy.run(src, dst, **limit)
        verify(result.status == 1 and "RLIMIT_FSIZE" in result.err, result)
        verify("is as it was before" in result.err, result)
        verify(dst.read_bytes() == pattern(100), "the old file was changed")

    def test_in_place_interrupted(self, svart_copy, place) -> None:
        """What was written in place and is given up is left empty, never half full.

        Steps:
            Start a slow copy over a file with two names; when data has arrived, interrupt it.

        Verify:
            Status 1; the message says that it is empty; it is, and nothing else is left.
        """
        src, dst = make_file(place / "src", SLOW_BYTES), make_file(place / "dst", 100)
        os.link(dst, place / "second")
        process = svart_copy.start(*SLOW, src, dst)
        deadline = time.monotonic() + 20 * SLOWNESS
        while dst.stat().st_size != SLOW_BYTES or dst.stat().st_blocks == 0:
            verify(process.poll() is None and time.monotonic() < deadline, "it did not copy")
        process.send_signal(signal.SIGINT)
        result = finish(process)
        verify(result.status == 1 and f"'{dst}' is left empty" in result.err, result)
        verify(dst.stat().st_size == 0 and dst.stat().st_nlink == 2, result)
        verify(sorted(os.listdir(place)) == ["dst", "second", "src"], os.listdir(place))

    def test_write_only(self, svart_copy, nobody_path) -> None:
        """What may not be read cannot be verified, which is said before it is written.

        Steps:
            As the user nobody, copy with --verify over a file that he may write and not read.

        Verify:
            Status 1; the message names --verify; the file is as it was.
        """
        src, dst = make_file(nobody_path / "src", 5000), make_file(nobody_path / "dst", 100)
        src.chmod(0o644)
        dst.chmod(0o222)
        result = svart_copy.run("--verify", src, dst, **as_nobody(8 * MIB))
        verify(result.status == 1 and "--verify" in result.err, result)
        verify(dst.read_bytes() == pattern(100), "the old file was changed")

    # --- what is refused --------------------------------------------------------------------

    @pytest.mark.parametrize("flag,text", [(IMMUTABLE, "chattr -i"), (APPEND, "chattr -a")])
    def test_locked(self, svart_copy, place, flag, text) -> None:
        """A file that even root cannot write is refused with what helps.

        Steps:
            As root, copy over a file that is immutable, or can only be appended to.

        Verify:
            Status 1 at once; the message names chattr; the file is as it was.
        """
        need_root()
        src, dst = make_file(place / "src", 5000), make_file(place / "dst", 100)
        set_flags(dst, flag)
        try:
            result = svart_copy.run("--device", "model:nothing0", src, dst)
        finally:
            set_flags(dst, 0)
        verify(result.status == 1 and text in result.err, result)
        verify("nothing0" not in result.err, f"it was not refused at once\n{result}")
        verify(dst.read_bytes() == pattern(100), "the old file was changed")

    @pytest.mark.parametrize("seal", SEALS)
    def test_sealed(self, svart_copy, tmp_path, seal) -> None:
        """A memfd that is sealed is refused before anything is done to it.

        Steps:
            Make a memfd with contents, seal it, and copy to it.

        Verify:
            Status 1 at once; the message names the seal, and does not say that the memfd is
            empty; it has its contents.
        """
        src = make_file(tmp_path / "src", 5000)
        fd = os.memfd_create("svart-test", os.MFD_ALLOW_SEALING)
        try:
            os.write(fd, pattern(100))
            fcntl.fcntl(fd, F_ADD_SEALS, SEALS[seal])
            result = svart_copy.run(
                "--device", "model:nothing0", src, f"/proc/self/fd/{fd}", pass_fds=[fd]
            )
            verify(result.status == 1 and f"is sealed with {seal}" in result.err, result)
            verify("empty" not in result.err and "nothing0" not in result.err, result)
            verify(os.pread(fd, 200, 0) == pattern(100), "the memfd was changed")
        finally:
            os.close(fd)

    def test_sealed_meanwhile(self, svart_copy, tmp_path) -> None:
        """A memfd that is sealed while it is written is told as what it is left as.

        Steps:
            Start a slow copy to a memfd; when data has arrived, seal it against shrinking, and
            interrupt the copy.

        Verify:
            Status 1; the messages say that it cannot be emptied and is incomplete.
        """
        src = make_file(tmp_path / "src", SLOW_BYTES)
        fd = os.memfd_create("svart-test", os.MFD_ALLOW_SEALING)
        try:
            process = svart_copy.start(*SLOW, src, f"/proc/self/fd/{fd}", pass_fds=[fd])
            while process.poll() is None and os.fstat(fd).st_blocks == 0:
                pass
            fcntl.fcntl(fd, F_ADD_SEALS, SEALS["F_SEAL_SHRINK"])
            process.send_signal(signal.SIGINT)
            result = finish(process)
            verify(result.status == 1 and "is left incomplete" in result.err, result)
            verify(result.err.count("cannot empty") == 1, result)
            verify("left empty" not in result.err, result)
        finally:
            os.close(fd)

    # --- programs ---------------------------------------------------------------------------

    def test_running_program(self, svart_copy, place) -> None:
        """A program that is being run is replaced; where it cannot be, that is refused.

        Steps:
            Copy over a program that is being run; then give it a second name, and copy again.

        Verify:
            The first is replaced, and the one that runs goes on. The second is refused at once, by
            what it is; it has its contents.
        """
        src, program = make_file(place / "src", 5000), place / "program"
        shutil.copy(shutil.which("sleep"), program)
        process = subprocess.Popen([program, "60"])
        try:
            result = svart_copy.run("--quiet", src, program)
            verify(result.status == 0, result)
            verify(same_contents(src, program), "the copy differs")
            verify(process.poll() is None, "the program has ended")
        finally:
            process.kill()
            process.wait()
        shutil.copy(shutil.which("sleep"), program)
        program.chmod(0o755)
        os.link(program, place / "second")
        process = subprocess.Popen([program, "60"])
        try:
            result = svart_copy.run("--device", "model:nothing0", src, program)
        finally:
            process.kill()
            process.wait()
        verify(result.status == 1 and "is being run" in result.err, result)
        verify("nothing0" not in result.err, f"it was not refused at once\n{result}")
        verify(same_contents(shutil.which("sleep"), program), "the program was changed")

    def test_program_meanwhile(self, svart_copy, disk_path) -> None:
        """A program that will be replaced can be run until then.

        Steps:
            Start a slow copy over a program; when data has arrived, run the program.

        Verify:
            It runs.
        """
        src, program = make_file(disk_path / "src", SLOW_BYTES), disk_path / "program"
        shutil.copy(shutil.which("true"), program)
        process = svart_copy.start(*SLOW, src, program)
        wait_until_copying(disk_path, process)
        try:
            subprocess.run([program], check=True)
        finally:
            process.kill()
            process.communicate()

    # --- what happens meanwhile -------------------------------------------------------------

    def test_permissions_change(self, svart_copy, place) -> None:
        """What the old file is at the end is what the copy becomes.

        Steps:
            Start a copy over an old file of mode 0644; when data has arrived, take everybody's
            permission to read it, and tag it.

        Verify:
            The copy has the new mode and the tag.
        """
        self.change_permissions(svart_copy, place, {})

    def test_permissions_change_of_a_user(self, svart_copy, nobody_path) -> None:
        """The same for an ordinary user, whom permissions bind.

        Steps:
            As above, by the user nobody.

        Verify:
            As above.
        """
        self.change_permissions(svart_copy, nobody_path, as_nobody(8 * MIB))

    @staticmethod
    def change_permissions(svart_copy, place: pathlib.Path, options: dict) -> None:
        """Copies as a user over his own file, and changes that meanwhile."""
        src, dst = make_file(place / "src", 4 * MIB), make_file(place / "dst", 100)
        src.chmod(0o644)
        dst.chmod(0o644)
        if options:
            os.chown(dst, options["user"], options["group"])
        process = svart_copy.start("--quiet", *SLOW, src, dst, **options)
        wait_until_copying(place, process)
        set_xattr(dst, "user.tag", b"value")
        dst.chmod(0o600)
        result = finish(process, 120)
        verify(result.status == 0, result)
        verify(same_contents(src, dst), "the copy differs")
        verify(stat.S_IMODE(dst.stat().st_mode) == 0o600, oct(dst.stat().st_mode))
        verify(os.getxattr(dst, "user.tag") == b"value", "the tag is lost")

    @pytest.mark.parametrize("event", ["label", "link", "rename", "remove", "create"])
    def test_name_changes(self, svart_copy, place, event) -> None:
        """What others do to the name meanwhile is not undone.

        Steps:
            Start a copy; when data has arrived, give the old file a security label, or a second
            name, or put another file in its place, or remove it; or, without an old file, make
            one.

        Verify:
            Removed, it is made anew. Else status 1, a message that says what has happened, and the
            file that is there is as it is.
        """
        need_root()
        src, dst, other = make_file(place / "src", 4 * MIB), place / "dst", place / "other"
        if event != "create":
            make_file(dst, 100)
        process = svart_copy.start("--quiet", *SLOW, src, dst)
        wait_until_copying(place, process)
        if event == "label":
            set_xattr(dst, "security.tag", b"value")
        elif event == "link":
            os.link(dst, other)
        elif event == "remove":
            dst.unlink()
        else:
            make_file(other, 100).rename(dst)
        result = finish(process, 120)
        if event == "remove":
            verify(result.status == 0 and same_contents(src, dst), result)
            return
        texts = {
            "label": "were changed while it was copied",
            "link": "has got a second name",
            "rename": "has become another file",
            "create": "was made by somebody",
        }
        verify(result.status == 1 and texts[event] in result.err, result)
        verify(dst.read_bytes() == pattern(100), "the other's file was changed")
        verify(sorted(set(os.listdir(place)) - {"other"}) == ["dst", "src"], os.listdir(place))

    # --- what is left -----------------------------------------------------------------------

    @pytest.mark.parametrize("old", [False, True])
    def test_kill(self, svart_copy, place, old) -> None:
        """Nothing is left of a copy whose program is killed.

        Steps:
            Start a slow copy, to a new name and over an old file; when data has arrived, kill it
            by SIGKILL.

        Verify:
            The folder has what it had before. Skips where the file system knows no files without
            a name.
        """
        try:
            os.close(os.open(place, os.O_TMPFILE | os.O_RDWR))
        except OSError as error:
            pytest.skip(f"{place} has no files without a name: {error.strerror}")
        src, dst = make_file(place / "src", SLOW_BYTES), place / "dst"
        if old:
            make_file(dst, 100)
        process = svart_copy.start(*SLOW, src, dst)
        wait_until_copying(place, process)
        process.kill()
        finish(process)
        left = {path.name for path in place.iterdir()}
        verify(left == {"src", *(["dst"] if old else [])}, left)
        verify(not old or dst.read_bytes() == pattern(100), "the old file was changed")

    @pytest.mark.parametrize("old", [False, True])
    def test_named(self, svart_copy, place, old) -> None:
        """A file system without nameless files is copied to all the same.

        Steps:
            With O_TMPFILE refused, copy to a new name or over an old file; then start a slow copy
            and interrupt it.

        Verify:
            The copy is equal and has its mode; nothing is left of the second.
        """
        refused = refusing(NO_TMPFILE)
        src, dst = make_file(place / "src", MIB + 3), place / "dst"
        src.chmod(0o640)
        if old:
            make_file(dst, 100).chmod(0o604)
        result = svart_copy.run("--verify", "--quiet", src, dst, **refused)
        verify((result.status, result.err) == (0, ""), result)
        verify(same_contents(src, dst), "the copy differs")
        verify(stat.S_IMODE(dst.stat().st_mode) == (0o604 if old else 0o640), dst.stat())
        make_file(src, SLOW_BYTES)
        process = svart_copy.start(*SLOW, src, dst, **refused)
        verify(wait_until_copying(place, process) in unfinished(place), "it had no name")
        process.send_signal(signal.SIGTERM)
        result = finish(process)
        verify(result.status == 1 and "is as it was before" in result.err, result)
        verify(sorted(os.listdir(place)) == ["dst", "src"], os.listdir(place))

    @pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOSYS])
    def test_named_taken(self, svart_copy, place, error) -> None:
        """Nor does a file without O_TMPFILE and RENAME_NOREPLACE take another's name.

        Steps:
            With renameat2() refused, copy to a new name that cannot have nameless files; then
            start a copy, and make a file of its name meanwhile.

        Verify:
            The first is equal. The second fails and says why; the file that was made is there.
        """
        src, dst = make_file(place / "src", 4 * MIB), place / "dst"
        refused = refusing(NO_TMPFILE, ("renameat2", error))
        result = svart_copy.run("--quiet", src, dst, **refused)
        verify(result.status == 0 and same_contents(src, dst), result)
        dst.unlink()
        process = svart_copy.start("--quiet", *SLOW, src, dst, **refused)
        wait_until_copying(place, process)
        make_file(dst, 100)
        result = finish(process, 120)
        verify(result.status == 1 and "was made by somebody" in result.err, result)
        verify(dst.read_bytes() == pattern(100), "the other's file was changed")
        verify(unfinished(place) == [], "an unfinished copy was left")
