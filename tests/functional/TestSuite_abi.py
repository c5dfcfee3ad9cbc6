# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""What programs and bindings of other languages are built with: symbols, structures, and how they are watched."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from conftest import BUILD, ROOT, SLOWNESS
from framework import need_no_sanitizer, verify

LIBRARY = BUILD / "libsvart.so"

# The inline calls of queue.h, which the library has too.
TWINS = {"svart_queue_" + verb for verb in ("prep", "prep_copy", "prep_fill", "submit", "poll")}

# A binding: it knows no header, only names, and reads what fails from svart_error_text().
BINDING = """
import ctypes as c, sys

svart = c.CDLL(sys.argv[1])
svart.svart_error_text.restype = c.c_char_p
rt, space, faults, dev, q = (c.c_void_p() for _ in range(5))


def must(rc):
    assert rc == 0, svart.svart_error_text().decode()


init = (c.c_uint32 * 4)(c.sizeof(c.c_uint32 * 4), 1)  # size, flags: SVART_INIT_NO_EAL
must(svart.svart_init(init, c.byref(rt)))
must(svart.svart_space_create(rt, None, c.byref(space)))
must(svart.svart_fault_service_create(rt, None, c.byref(faults)))
must(svart.svart_device_open(rt, b"model:dsa0", space, faults, c.byref(dev)))
must(svart.svart_queue_create(dev, None, c.byref(q)))

info = (c.c_uint32 * 1024)(4096)  # As of a much newer header.
must(svart.svart_device_info_get(dev, info))
assert bytes(info)[8:].startswith(b"model:dsa0\\0"), bytes(info)[:72]
assert svart.svart_device_info_get(dev, (c.c_uint32 * 1024)()) == -22
assert b"SVART_DEVICE_INFO_INIT" in svart.svart_error_text()

size = 100000
src, dst, zero = c.create_string_buffer(bytes(range(250)) * 400), (c.c_char * size)(), c.c_uint64(0)
filled, done = (c.c_char * size)(), c.create_string_buffer(4096)
noop = c.create_string_buffer(4096)
length, pattern = c.c_uint64(size), c.c_uint64(0x0101010101010101 * 0x5a)
assert svart.svart_queue_prep_copy(q, dst, src, length, 0, zero) == 1
assert svart.svart_queue_prep_fill(q, filled, pattern, length, 0, zero) == 1
assert svart.svart_queue_prep(q, noop, 1) == 1
assert svart.svart_queue_submit(q) == 3
left = 3
while left:
    left -= svart.svart_queue_poll(q, done, left)
assert bytes(dst) == src.raw[:size] and bytes(filled) == b"\\x5a" * size

must(svart.svart_queue_destroy(q))
must(svart.svart_device_close(dev))
must(svart.svart_fault_service_destroy(faults))
must(svart.svart_space_destroy(space))
must(svart.svart_fini(rt))
print("copied")
"""


def output(*command) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=60 * SLOWNESS
    )
    verify(done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout


def public_functions() -> set:
    """The functions that the public headers declare."""
    text = output("cc", "-E", "-P", "-x", "c", f"-I{ROOT / 'include'}", ROOT / "include/svart/svart.h")
    declared = [part for part in re.split("[;{}]", text) if 'visibility("default")' in part]
    return {re.search(r"\b(svart_\w+)\s*\(", part)[1] for part in declared}


def exported() -> dict:
    """The symbols that libsvart.so exports, and the version of each."""
    rows = [line.split() for line in output("readelf", "--dyn-syms", "-W", LIBRARY).splitlines()]
    names = [row[7] for row in rows if len(row) > 7 and row[5] == "DEFAULT" and row[6].isdigit()]
    return {name.split("@")[0]: name.partition("@@")[2] for name in names}


class TestAbi:
    """Test plan of the library's binary interface."""

    def test_public_functions_are_exported_and_nothing_else(self) -> None:
        """What a header declares can be linked to, what no header declares cannot.

        Steps:
            List what the public headers declare, and the dynamic symbols of libsvart.so.

        Verify:
            They are the same, but for the inline calls of queue.h, which are exported too. Each has a
            version.
        """
        symbols = exported()
        public = public_functions()
        verify(len(public) > 30, public)
        verify(public | TWINS == set(symbols), (public | TWINS) ^ set(symbols))
        verify(all(re.fullmatch(r"SVART_\d+\.\d+", v) for v in symbols.values()), symbols)

    def test_inline_calls_have_twins(self) -> None:
        """No inline call is without its out-of-line twin.

        Steps:
            List the inline functions of queue.h.

        Verify:
            They are the twins that the test above looks for.
        """
        text = (ROOT / "include/svart/queue.h").read_text()
        inline = set(re.findall(r"^static inline \w+ (svart_\w+)\(", text, re.M))
        verify(inline == TWINS, inline ^ TWINS)

    def test_binding_copies(self) -> None:
        """Another language needs nothing but the library.

        Steps:
            From Python, by ctypes: open model:dsa0, ask what it is, copy, fill and do nothing by prep,
            submit and poll; close it.

        Verify:
            The bytes are copied and filled. What is asked without a size is refused in words.
        """
        need_no_sanitizer(LIBRARY, "a Python without it cannot load")
        result = output(sys.executable, "-c", BINDING, LIBRARY)
        verify(result == "copied\n", result)


# A library of some of svart's calls, whose bodies do not matter.
CALLS = """
#include <svart/svart.h>
int svart_queue_create(struct svart_device *d, const struct svart_queue_params *p, struct svart_queue **q)
{ return d && p && q; }
int (svart_device_info_get)(const struct svart_device *d, struct svart_device_info *i) { return d && i; }
uint16_t svart_queue_wait(struct svart_queue *q, struct svart_completion *c, uint16_t nr, uint64_t t)
{ return q && c && nr && t; }
enum svart_fault_mode svart_device_fault_mode_get(const struct svart_device *d) { return !!d; }
#ifdef MORE
SVART_API void svart_more(void);
void svart_more(void) {}
#endif
"""

SAME, BREAKS, GROWS = 0, 1, 2
SPACE = "\tstruct svart_space *space;\n"
PRIORITY = "\tuint32_t priority;\n"  # The last member of svart_queue_params.

# What becomes of programs when a header changes: the header, what in it is replaced, and how dumps compare.
CHANGES = {
    "nothing": ("queue.h", "", "", SAME),
    "params get a member at their end": ("queue.h", PRIORITY, PRIORITY + "\tuint64_t more;\n", GROWS),
    "params get a member before their end": ("queue.h", SPACE, "\tuint64_t more;\n" + SPACE, BREAKS),
    "a member gets another type": ("queue.h", "\tuint32_t depth;\n", "\tuint64_t depth;\n", BREAKS),
    "info loses a member": ("device.h", "\tuint64_t ops;", "\t", BREAKS),
    "a text gets longer": ("device.h", "char driver[16]", "char driver[24]", BREAKS),
    "a completion grows": ("op.h", "\tuint64_t bytes_done;", "\tuint64_t bytes_done, more;", BREAKS),
    "an enum gets a value": ("fault.h", "SVART_FAULT_EAGER = 1,", "SVART_FAULT_EAGER = 1, MORE = 2,", GROWS),
    "a value changes": ("fault.h", "SVART_FAULT_EAGER = 1,", "SVART_FAULT_EAGER = 2,", BREAKS),
}  # fmt: skip


def dump(folder: pathlib.Path, headers: pathlib.Path, *flags) -> pathlib.Path:
    """A dump of the library of some calls, built with these headers."""
    folder.mkdir()
    source, library = folder / "calls.c", folder / "libcalls.so"
    source.write_text(CALLS)
    output("cc", "-g", "-shared", "-fPIC", *flags, f"-I{headers}", source, "-o", library)
    output(ROOT / "tests/abi/dump", library, headers / "svart", folder / "calls.abi")
    return folder / "calls.abi"


def compare(old: pathlib.Path, new: pathlib.Path) -> int:
    """How two dumps compare."""
    done = subprocess.run([ROOT / "tests/abi/compare", old, new], capture_output=True, text=True, check=False)
    verify(done.stderr == "", done.stderr)
    verify((done.returncode == SAME) == (done.stdout == ""), done.stdout)
    return done.returncode


@pytest.mark.skipif(shutil.which("abidw") is None, reason="no abidw (abigail-tools)")
class TestWatch:
    """Test plan of what ./dev check abi sees."""

    @pytest.mark.parametrize("name", CHANGES)
    def test_change_of_a_header(self, tmp_path, name) -> None:
        """What breaks programs is told from what only adds to the ABI.

        Steps:
            Change a copy of a public header. Compare the dump of a library built with it with the dump of
            one that is built with the header as it is.

        Verify:
            The dumps compare as the table says.
        """
        header, old, new, expected = CHANGES[name]
        shutil.copytree(ROOT / "include", tmp_path / "include")
        path = tmp_path / "include/svart" / header
        verify(path.read_text().count(old) == 1 or not old, f"{header} has not one {old!r}")
        path.write_text(path.read_text().replace(old, new) if old else path.read_text())
        before = dump(tmp_path / "before", ROOT / "include")
        got = compare(before, dump(tmp_path / "after", tmp_path / "include"))
        verify(got == expected, f"{name}: {got}")

    def test_functions_that_come_and_go(self, tmp_path) -> None:
        """A function more is no harm, a function less is.

        Steps:
            Compare two libraries, of which one has a function that the other lacks, in both directions.

        Verify:
            It grows in the one direction, and breaks in the other.
        """
        less = dump(tmp_path / "less", ROOT / "include")
        more = dump(tmp_path / "more", ROOT / "include", "-DMORE")
        verify(compare(less, more) == GROWS, "a function more")
        verify(compare(more, less) == BREAKS, "a function less")

    def test_every_public_type_is_watched(self) -> None:
        """No type of a public header is missing from the committed dumps.

        Steps:
            List the structures and enums that the public headers define.

        Verify:
            Each is in a dump of tests/abi/. What no call of the library names is in tests/abi/values.c.
        """
        headers = "".join(path.read_text() for path in (ROOT / "include/svart").glob("*.h"))
        types = set(re.findall(r"^(?:struct|enum) (svart_\w+) \{", headers, re.M))
        dumps = "".join(path.read_text() for path in (ROOT / "tests/abi").glob("*.abi"))
        watched = set(re.findall(r"<(?:class|enum)-decl name='(\w+)' (?!is-struct='yes' visibility='default' is-decl)", dumps))
        verify(len(types) > 20 and types <= watched, types - watched)
