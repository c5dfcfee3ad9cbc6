# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""./dev: what it says of itself, what its commands need, and what it says when something is left out."""

import contextlib
import functools
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import ROOT, SLOWNESS, Result
from framework import verify
from shell import ShellScript, called_by_python, shell_of

# Whose packages (tests/lib/packages.sh) a script may count on: by the longest beginning of its path that is
# here. Those of check are what any part of ./dev needs.
COMMAND_OF = {
    ".ci/": ["test"],
    "dev": ["check"],
    "doc/": ["check"],
    "pmd/dmadev/": ["demo", "test"],
    "tests/abi/": ["check"],
    "tests/conformance/": ["test"],
    "tests/dpdk/": ["dpdk-test"],
    "tests/fresh/": ["fresh"],
    "tests/functional/": ["test"],
    "tests/fuzz/": ["test"],
    "tests/kernel/": ["kernel-test"],
    "tests/lib/": ["demo", "fresh"],
    "tests/lib/forky.sh": ["dpdk-test", "kernel-test"],
    "tests/perf/plot": ["plot"],
    "tests/sim/everywhere": ["check"],
    "tests/sim/mutants/": ["mutants"],
    "tests/style/": ["check"],
}

# The packages of programs that no package of the smallest Debian has among its files.
PACKAGE_OF = {
    "abidiff": "abigail-tools",
    "abidw": "abigail-tools",
    "awk": "mawk",
    "babeltrace2": "babeltrace2",
    "busybox": "busybox-static",
    "cc": "gcc",
    "clang": "clang",
    "clang++": "clang",
    "clang-format": "clang-format",
    "debootstrap": "debootstrap",
    "doxygen": "doxygen",
    "dpdk-test": "dpdk-dev",
    "g++": "g++",
    "gcc": "gcc",
    "git": "git",
    "gnuplot": "gnuplot-nox",
    "insmod": "kmod",
    "make": "make",
    "meson": "meson",
    "mkfs.ext4": "e2fsprogs",
    "ninja": "ninja-build",
    "pkg-config": "pkg-config",
    "readelf": "binutils",
    "reuse": "reuse",
    "xz": "xz-utils",
}

# A driver that cannot be built is told of by these words.
WITHOUT = "WITHOUT the dmadev driver"
REASON = "fetch-headers: the mirror has gone fishing"


def run(*command, cwd=ROOT, **options) -> Result:
    """Runs a command; both of its outputs are one."""
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=60 * SLOWNESS, check=False, **options,
    )  # fmt: skip
    return Result(list(command), done.returncode, done.stdout, "")


@functools.cache
def sourced(script: str) -> set:
    """What a line of shell prints, with the list of packages at hand."""
    done = run("bash", "-c", f". tests/lib/packages.sh; {script}")
    verify(done.status == 0, done)
    return set(done.out.split())


def packages_of(command: str) -> set:
    """The packages that a command of ./dev installs. The figures of svart-perf are drawn by hand."""
    return {"gnuplot-nox"} if command == "plot" else sourced(f"packages_of {command}")


# What git and Python write into a tree, at any time: a test beside this one may do so while it looks.
NO_SOURCES = {".git", "__pycache__"}


@functools.cache
def scripts() -> dict:
    """Every script of the tree that is no build's: its path -> "sh" or "python"."""
    found = {}
    for folder, folders, names in os.walk(ROOT):
        here = pathlib.Path(folder).relative_to(ROOT)
        folders[:] = [f for f in folders if f not in NO_SOURCES and (here / f).parts[0][:5] != "build"]
        found |= {str(here / name): shell_of(ROOT / here / name) for name in names}
    return {path: kind for path, kind in sorted(found.items()) if kind}


@functools.cache
def smallest_debian() -> tuple:
    """The packages of debootstrap's minbase, and their programs."""
    listed = run("dpkg-query", "-W", "-f", "${Package} ${Essential} ${Priority}\n")
    rows = [line.split() for line in listed.out.splitlines()]
    packages = {"apt"} | {row[0] for row in rows if row[1] == "yes" or row[-1] == "required"}
    files = run("dpkg-query", "-L", *sorted(packages)).out.splitlines()
    return packages, {file.split("/")[-1] for file in files if re.fullmatch(r"(/usr)?/s?bin/[^/]+", file)}


@functools.cache
def functions() -> set:
    """All functions of the tree's shell scripts."""
    found = set()
    for path in (path for path, kind in scripts().items() if kind == "sh"):
        found |= ShellScript((ROOT / path).read_text()).functions
    return found


class TestDev:
    """The commands, as README.md and the help tell them."""

    def test_commands_of_the_documents_are_in_the_help(self) -> None:
        """No document names a command that there is not.

        Steps:
            Run ./dev help; look for "./dev COMMAND" in README.md, CONTRIBUTING.md and doc/.

        Verify:
            Each is in the help. README.md's are demo, test and help, CONTRIBUTING.md's have fresh.
        """
        result = run("./dev", "help")
        verify(result.status == 0, result)
        helped = set(re.findall(r"^  ([a-z-]+)", result.out, re.M))
        named = {}
        for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "doc").rglob("*.rst")]:
            named[path.name] = set(re.findall(r"\./dev ([a-z][a-z-]*)", path.read_text()))
            verify(named[path.name] <= helped, f"{path}: {named[path.name] - helped} not in the help")
        verify({"demo", "test", "help"} <= named["README.md"], named["README.md"])
        verify("fresh" in named["CONTRIBUTING.md"], named["CONTRIBUTING.md"])

    def test_the_table_of_suites_is_complete(self) -> None:
        """doc/guides/tests.rst leads to every suite, and to none that is not there.

        Steps:
            Compare the paths of the table with the folders and files of tests/.

        Verify:
            Each path is there; each folder of unit tests, each conformance and functional suite is named.
        """
        page = (ROOT / "doc/guides/tests.rst").read_text()
        named, folder = [], ""
        for path in re.findall(r"``((?:tests/)?[a-zA-Z_]+[/.][\w/.]+|test_\w+\.c|TestSuite_\w+\.py)``", page):
            # A bare name is a neighbour of the name before it.
            path = path.removeprefix("tests/") if "/" in path else f"{folder}/{path}"
            folder = path.rpartition("/")[0]
            named.append(path)
        for path in named:
            verify((ROOT / "tests" / path).exists(), f"tests/{path} is named and not there")
        tests = ROOT / "tests"
        suites = [*tests.glob("conformance/test_*.c"), *tests.glob("functional/TestSuite_*.py")]
        suites += {path.parent for path in tests.glob("unit/**/test_*.c")}
        for suite in suites:
            path = str(suite.relative_to(tests))
            # A folder is named by a name above it, or by its files.
            shown = any(f"{path}/".startswith(f"{name}/") or name.startswith(f"{path}/") for name in named)
            verify(shown, f"tests/{path} is not in the table")

    def test_fresh_runs_what_the_readme_says(self) -> None:
        """./dev fresh takes its commands and its Debian from README.md.

        Steps:
            Run ./dev fresh --help.

        Verify:
            It names the commands of README.md's block, in its order, and the Debian's code name.
        """
        text = (ROOT / "README.md").read_text()
        commands = re.findall(r"^    \./dev (\S+)  ", text, re.M)
        verify(commands[:2] == ["demo", "test"], commands)
        verify("On a Debian 12" in text, "README.md names another Debian: so must this test")
        result = run("./dev", "fresh", "--help")
        verify(result.status == 0, result)
        verify(f"\ncommands:  {' '.join(commands)}\n" in result.out, result)
        verify("\nrelease:   bookworm\n" in result.out, result)

    def test_fresh_without_root_is_skipped_with_the_reason(self) -> None:
        """./dev fresh says why it cannot, by the status of what is skipped.

        Steps:
            Run ./dev fresh as the user nobody.

        Verify:
            The status is 77, and the reason has the word root.
        """
        options = {} if os.geteuid() != 0 else {"user": "nobody", "group": "nogroup", "extra_groups": []}
        if options and run("test", "-x", "tests/fresh/run", **options).status != 0:
            pytest.skip(f"the user nobody cannot reach {ROOT}")
        result = run("tests/fresh/run", **options)
        verify(result.status == 77, result)
        verify("skipped: " in result.out and "root" in result.out, result)


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="not a Debian: nothing is installed here")
class TestPackages:
    """What the commands call, they install."""

    @pytest.mark.parametrize("path", scripts())
    def test_every_program_is_in_a_list(self, path) -> None:
        """A script calls nothing that its command does not install.

        Steps:
            Read which programs the script calls.

        Verify:
            Each is in the smallest Debian, or in the list of the command that the script belongs to.
        """
        kind = scripts()[path]
        text = (ROOT / path).read_text()
        belongs = [part for part in COMMAND_OF if path.startswith(part)]
        verify(belongs, f"{path}: which command of ./dev is it of? Say so in COMMAND_OF")
        called = called_by_python(text) if kind == "python" else ShellScript(text).called
        called -= sourced("compgen -b; compgen -k") | functions()
        packages, programs = smallest_debian()
        for program in sorted(name for name in called - programs if "/" not in name):
            package = PACKAGE_OF.get(program)
            verify(package, f"{path} calls {program}: say in PACKAGE_OF which package has it")
            for command in COMMAND_OF[max(belongs, key=len)]:
                verify(
                    package in packages | packages_of(command),
                    f"{path} calls {program}, and the packages of {command} lack {package}",
                )

    def test_calls_are_seen(self) -> None:
        """The reader of scripts, which the test above stands on, sees every way to call.

        Steps:
            Read a script that calls a program in each way of the tree's scripts, and names others.

        Verify:
            All that are called are found, and none of those that are only named.
        """
        script = ShellScript(CALLS)
        seen = {name for name in script.called if re.fullmatch(r"x\d+", name)}
        verify(seen == {f"x{number}" for number in range(1, 32)}, sorted(seen))
        verify(script.functions == {"one", "two"}, script.functions)


# x1 to x31 are called; n is not.
CALLS = r"""
# n1 && n2
x1 n3; x2 | x3 && x4 || x5 &
A=1 B=$(x6 "$(x7)" n4) x8 n5 2>n6 >"$(x9)"
one() {
    local a=n7 b=(n8 $(x10) n9 # n10
        n11)
    case $1 in
    n12 | n13) x11 n14 ;;
    "n15 $(x12)") ;; # n16
    *) ! x13 ;;
    esac
}
two() { x14 <<<"n17 $(x15)"; }
if [ "$(x16)" ] && [[ n18 =~ ^(n19|n20)$ ]]; then x17; elif x18; then :; else x19; fi
for n21 in n22 $(x20); do x21; done < <(x22)
for ((n23 = 0; n23 < $(x23); n23++)); do x24; done
cat <<END
n24 $(x25) ' " n25
END
find n26 -exec x26 n27 {} +
nice -n 10 x27; timeout -k 5 "$n28" x28; env -i N=1 "${n29[@]}" x29 'n30 $(n31)'
quietly "n32 n33" x30 # n34
exec x31 "${n35:-"n36"}" $((n37 + 1)) ${#n38} n39
"""


# --- what is left out -------------------------------------------------------------------------

STUBS = {
    "dpkg-query": "echo installed",
    "meson": 'if [ "$1" = setup ]; then mkdir -p "$2/meson-private" && touch "$2/build.ninja"; fi',
    # $2 is the folder, $DRIVER what is built in it.
    "ninja": 'mkdir -p "$2/apps" "$2/pmd/dmadev"; [ -z "$DRIVER" ] || touch "$2/pmd/dmadev/$DRIVER"\n'
    'printf \'#!/bin/sh\\ncp "$2" "$3"\\n\' >"$2/apps/svart-copy"; chmod +x "$2/apps/svart-copy"',
    "pkg-config": "true",
    "gcc": "true",
    "g++": "true",
    "babeltrace2": "true",
}  # fmt: skip


class Tree:
    """A tree with ./dev, whose programs build nothing, on a system that is a Debian or not."""

    def __init__(self, folder: pathlib.Path, debian: bool, headers: bool):
        self.root = folder / "tree"
        self.programs = folder / "programs"
        self.headers = headers
        shutil.copytree(ROOT / "tests/lib", self.root / "tests/lib")
        dev = (ROOT / "dev").read_text()
        verify("DEMO_MIB=256" in dev, "the demo's size is not where it was")
        self._write(self.root / "dev", dev.replace("DEMO_MIB=256", "DEMO_MIB=1"))
        (self.root / "tests/functional").mkdir()
        (self.root / "tests/functional/test_one.py").write_text("def test_one():\n    pass\n")
        fetch = f"echo {self.root}" if headers else f"echo '{REASON}' >&2\nexit 1"
        self._write(self.root / "pmd/dmadev/fetch-headers", f"#!/bin/sh\n{fetch}\n")
        self.programs.mkdir()
        for name, text in STUBS.items():
            if debian or name != "dpkg-query":
                self._write(self.programs / name, f"#!/bin/sh\n{text}\n")
        for path in pathlib.Path("/usr/bin").iterdir():
            if path.name not in STUBS:
                (self.programs / path.name).symlink_to(path)

    @staticmethod
    def _write(path: pathlib.Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def dev(self, *args) -> Result:
        """Runs its ./dev."""
        driver = "librte_dma_svart.so" if self.headers else ""
        return run("./dev", *args, cwd=self.root, env={
            "PATH": str(self.programs), "HOME": str(self.root), "DRIVER": driver,
            "TMPDIR": str(self.root),
        })  # fmt: skip


class TestLeftOut:
    """What README.md promises is not left out in silence."""

    @pytest.mark.parametrize("debian", [True, False], ids=["debian", "elsewhere"])
    @pytest.mark.parametrize("command", ["demo", "test", "build"])
    def test_without_headers(self, tmp_path, command, debian) -> None:
        """Without DPDK's headers for drivers the driver is left out, and the last line says so.

        Steps:
            Run the command in a tree where the headers cannot be had, on a Debian and elsewhere.

        Verify:
            The last line says that the driver was left out; the reason is there. ./dev test fails on a
            Debian, where they should be had; nothing else does. It never says that everything passed.
        """
        result = Tree(tmp_path, debian, headers=False).dev(command)
        verify(WITHOUT in result.out.splitlines()[-1], result)
        verify(f"The reason: {REASON}" in result.out, result)
        verify("everything passed" not in result.out, result)
        verify(result.status == int(debian and command == "test"), result)

    @pytest.mark.parametrize("debian", [True, False], ids=["debian", "elsewhere"])
    @pytest.mark.parametrize("command", ["demo", "test"])
    def test_with_headers(self, tmp_path, command, debian) -> None:
        """With the headers nothing is left out, and nothing is said of it.

        Steps:
            Run the command in a tree where the headers can be had, on a Debian and elsewhere.

        Verify:
            It succeeds; its output says nothing of being without the driver.
        """
        result = Tree(tmp_path, debian, headers=True).dev(command)
        verify(result.status == 0, result)
        verify("WITHOUT" not in result.out, result)
        verify(re.search("everything passed|demo: done", result.out.splitlines()[-1]), result)


# --- the order of the folders -----------------------------------------------------------------

PAGE = "doc/architecture.rst"


class OrderedTree(Tree):
    """A copy of what ./dev check order reads, to spoil."""

    def __init__(self, folder: pathlib.Path):
        super().__init__(folder, debian=True, headers=True)
        for part in ("apps", "include", "pmd", "runtime", "tests/style"):
            shutil.copytree(ROOT / part, self.root / part, dirs_exist_ok=True)
        (self.root / "doc").mkdir()
        shutil.copy(ROOT / PAGE, self.root / PAGE)

    @contextlib.contextmanager
    def spoilt(self, path: str, pattern: str, new: str):
        """Replaces a pattern that a file has once, for a while. A file that is not there yet is empty."""
        file = self.root / path
        old = file.read_text() if file.exists() else None
        text, times = re.subn(pattern, new, old or "", flags=re.M)
        verify(times == 1, f"{path} has {times} times {pattern}")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        try:
            yield
        finally:
            file.write_text(old) if old is not None else file.unlink()


@pytest.fixture(scope="module")
def ordered(tmp_path_factory) -> OrderedTree:
    return OrderedTree(tmp_path_factory.mktemp("order"))


def row(folder: str, uses: str) -> str:
    """A row of the table of folders, as the page has it, or a pattern for it."""
    return f"   \\* - ``{folder}``\n     - {uses}\n"


# What is spoilt: the file, what it has, what it gets; and what is told of it.
SPOILT = {
    "folder_above": (
        "runtime/util/error.c", '^#include "error.h"', r'#include "error.h"\n#include "machine.h"',
        [r'runtime/util/error\.c:\d+: "machine\.h" is of runtime/machine, but runtime/util may include from no '
         r"other folder \(doc/architecture\.rst:\d+\)"],
    ),
    "public_header": (
        "runtime/machine/machine.c", '^#include "machine.h"', r'#include "machine.h"\n#include <svart/op.h>',
        [r"runtime/machine/machine\.c:\d+: <svart/op\.h> is of include/svart, but .* from runtime/util \("],
    ),
    "room_above": (
        "runtime/core/base/process.c", '^#include "process.h"', r'#include "process.h"\n#include "loss.h"',
        [r'runtime/core/base/process\.c:\d+: "loss\.h" is of runtime/core/device, but runtime/core/base may '],
    ),
    "no_such_header": (
        "apps/examples/copy.c", r"^#include <stdio\.h>", r'#include "nowhere.h"',
        [r'apps/examples/copy\.c:\d+: "nowhere\.h" is of no folder, '],
    ),
    "folder_without_row": (
        "runtime/new/new.c", r"\A\Z", "int svart_new;", [r"runtime/new: it has no row "],
    ),
    "row_that_is_gone": (PAGE, row("runtime/util", "nothing"), "", [r"runtime/util: it has no row "]),
    "row_without_folder": (
        PAGE, row("runtime/util", "nothing"), r"\g<0>   * - ``runtime/old``\n     - nothing\n",
        [rf"{PAGE}:\d+: there is no folder runtime/old with sources"],
    ),
    "use_that_is_none": (
        PAGE, r"(?<=^   \* - ``apps/examples``\n     - )``include/svart``$", r"\g<0>, ``pmd``",
        [rf"{PAGE}:\d+: apps/examples includes nothing from pmd: "],
    ),
    "circle": (
        PAGE, row("runtime/util", "nothing"), r"   * - ``runtime/util``\n     - ``runtime/machine``\n",
        [rf"{PAGE}:\d+: runtime/util uses runtime/machine, which does not stand above it",
         rf"{PAGE}: a circle: runtime/util -> runtime/machine -> runtime/util"],
    ),
    "no_table": (PAGE, r"^   \* - folder$", "   * - room", [rf"{PAGE}: no table of folders"]),
}  # fmt: skip


class TestOrder:
    """./dev check order: each folder includes from those that doc/architecture.rst says."""

    def test_tree_is_in_order(self, ordered) -> None:
        """The page's table is what the files include.

        Steps:
            Run ./dev check order in a copy of the tree.

        Verify:
            It succeeds.
        """
        result = ordered.dev("check", "order")
        verify(result.status == 0 and "check: everything passed" in result.out, result)

    @pytest.mark.parametrize("what", SPOILT)
    def test_what_is_out_of_order_is_told(self, ordered, what) -> None:
        """A wrong include and a wrong table fail, and what is wrong is named.

        Steps:
            Run ./dev check order in a copy of the tree where one thing is wrong: an include of what stands above, of
            a public header, of another room, of what is nowhere; a folder without a row, a row without a folder, a
            row that names what nothing includes; rows in a circle; no table.

        Verify:
            It fails, and its output has the file or row with its line, the include, and the rule.
        """
        path, pattern, new, expected = SPOILT[what]
        with ordered.spoilt(path, pattern, new):
            result = ordered.dev("check", "order")
        verify(result.status == 1 and "check: failed: order" in result.out, result)
        for line in expected:
            verify(re.search(line, result.out), f"{line} is not in: {result}")


# --- apt's sources ----------------------------------------------------------------------------

LIST = """# deb [signed-by=/n.gpg] http://n bookworm main
deb http://plain bookworm main
deb [arch=amd64  signed-by=/a.gpg,/b.gpg trusted=yes check-valid-until=no] http://signed bookworm main
"""

STANZAS = """# Signed-By: /n.gpg

Types: deb
URIs: http://plain
Suites: bookworm
Components: main

Types: deb
# Signed-By: /n.gpg
URIs: http://signed
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
# Trusted: no
 .
 AAAA
Trusted: yes
Check-Valid-Until: no
"""


class TestSources:
    """What is asked of the machine's apt: bookworm-backports and ./dev fresh use its mirrors."""

    @pytest.mark.parametrize(
        "source, expected",
        [
            ("one.list:2", []),
            (
                "one.list:3",
                ["Signed-By: /a.gpg,/b.gpg", "Trusted: yes", "Check-Valid-Until: no"],
            ),
            ("one.sources:1", []),
            (
                "one.sources:2",
                ["signed-by:", " -----BEGIN PGP PUBLIC KEY BLOCK-----", " .", " AAAA", "Trusted: yes",
                 "Check-Valid-Until: no"],
            ),
        ],
    )  # fmt: skip
    def test_options_of_a_source(self, tmp_path, source, expected) -> None:
        """Who signed a mirror, and how it is checked, is taken over, in both of apt's formats.

        Steps:
            Ask for the options of a source without any, and of one with some, in a .list and a .sources.

        Verify:
            They are that source's, all of them, as a stanza has them; comments and others' are not.
        """
        (tmp_path / "one.list").write_text(LIST)
        (tmp_path / "one.sources").write_text(STANZAS)
        result = run("bash", "-c", f". tests/lib/packages.sh; source_options {tmp_path}/{source}")
        verify(result.status == 0 and result.out.splitlines() == expected, result)


# Debian as a shell sees it: what it has of QEMU, and whether it answers.
VERSIONS_WORLD = """
set -euo pipefail
COMMAND=kernel-test CANNOT=77 SUITE=forky
. tests/lib/tell.sh
. tests/lib/versions.sh
write_sources() { :; }
apt_update() { [ "$ANSWERS" = yes ] || cannot "no network"; echo looked; }
candidate() { printf '%s' "$THERE"; }
versions_take "$UPDATE" qemu-system-x86
echo "uses $(version_kept qemu-system-x86)"
"""


class TestVersions:
    """tests/lib/versions.sh: which version of a moving distribution a rig uses."""

    @pytest.fixture
    def take(self, tmp_path):
        """Has Debian another QEMU, or none; returns what is said and used."""

        def run_it(there, kept=None, update="no", answers="yes", looked=False) -> Result:
            if kept:
                (tmp_path / "version-qemu-system-x86").write_text(kept + "\n", "utf-8")
            if looked:
                (tmp_path / "looked").touch()
            world = dict(os.environ, APT=str(tmp_path), THERE=there, UPDATE=update, ANSWERS=answers)
            return run("bash", "-c", VERSIONS_WORLD, env=world)

        return run_it

    @pytest.mark.parametrize("there", ["1:11.1.2+ds-3", "11.1", "1:11.1~rc2"])
    def test_tested_version_is_taken_and_kept(self, take, there) -> None:
        """A version that the rig is made for is taken, and is used again without a look.

        Steps:
            Take it with an empty cache; then once more, with Debian out of reach.

        Verify:
            Both times it is used; the second time nothing is looked at.
        """
        first, second = take(there), take("1:99", answers="no")
        verify(first.status == 0 and f"uses {there}" in first.out, first)
        verify(second.status == 0 and second.out == f"uses {there}\n", second)

    @pytest.mark.parametrize("there", ["1:11.2.0+ds-1", "1:11.10.0", "1:12.1", "(none)", ""])
    def test_other_version_is_refused_naming_both(self, take, there) -> None:
        """What the rig is not made for is refused, with what it is made for.

        Steps:
            Take it with an empty cache, and with one that keeps a version nobody is made for any more.

        Verify:
            Status 77; the version there and, if it is one, 11.1 and what to look at.
        """
        for kept in (None, "1:10.0.1"):
            result = take(there, kept)
            verify(result.status == 77 and there in result.out, result)
            verify("uses" not in result.out, result)
            verify(not there[:1].isdigit() or "11.1" in result.out, result)
            verify(not there[:1].isdigit() or "qemu_abi.h" in result.out, result)

    def test_debian_moves_on(self, take) -> None:
        """A cache goes on with its own version, and says that Debian has another one.

        Steps:
            Keep 11.1.2; have Debian 11.2.0, twice: the second time it was looked at already.

        Verify:
            11.2.0 is told, and 11.1.2 is used; the second time nothing is looked at.
        """
        result = take("1:11.2.0", "1:11.1.2")
        verify("MOVED ON" in result.out and "11.2.0" in result.out, result)
        verify(result.status == 0 and "uses 1:11.1.2\n" in result.out, result)
        result = take("1:11.2.0", "1:11.1.2", looked=True)
        verify(result.out == "uses 1:11.1.2\n", result)

    def test_update_takes_a_tested_one_only(self, take) -> None:
        """--update looks, and takes what the rig is made for.

        Steps:
            With 11.1.2 kept and just looked at: --update with 11.2.0 there, and with 11.1.3 there.

        Verify:
            11.1.2 is kept, with the word; then 11.1.3 is used.
        """
        result = take("1:11.2.0", "1:11.1.2", update="yes", looked=True)
        verify(result.status == 0 and "MOVED ON" in result.out, result)
        verify("uses 1:11.1.2\n" in result.out, result)
        result = take("1:11.1.3", "1:11.1.2", update="yes", looked=True)
        verify(result.status == 0 and "uses 1:11.1.3\n" in result.out, result)

    def test_newer_tested_version_is_told(self, take) -> None:
        """A newer version that fits is told, and left.

        Steps:
            Keep 11.1.2; have Debian 11.1.3.

        Verify:
            11.1.3 and --update are told, and 11.1.2 is used.
        """
        result = take("1:11.1.3", "1:11.1.2")
        verify("11.1.3" in result.out and "--update" in result.out, result)
        verify("uses 1:11.1.2\n" in result.out, result)

    def test_out_of_reach(self, take) -> None:
        """Without a network a cache will do; without both the rig is skipped.

        Steps:
            With 11.1.2 kept, and with nothing kept, have Debian not answer.

        Verify:
            11.1.2 is used, and it is said; with nothing: status 77 and the reason.
        """
        result = take("1:11.1.3", "1:11.1.2", answers="no")
        verify(result.status == 0 and "cannot be looked at" in result.out, result)
        verify("uses 1:11.1.2\n" in result.out, result)
        verify(take("1:11.1.3", "1:10.0", answers="no").status == 77, "nothing that fits was kept")
