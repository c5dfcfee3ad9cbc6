# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""What a user of the library gets: the installed headers, pkg-config's flags, programs of his own."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT, SLOWNESS
from framework import verify

USER = """
#include <svart/svart.h>

int main(void)
{
	struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct svart *rt;

	return svart_init(&init, &rt) != 0 || svart_fini(rt) != 0;
}
"""
# Memory that the program writes, then a device, then the program again: no race, many times.
COPIES = """
#include <svart/svart.h>

#include <string.h>

#define LEN (256 << 10)

static char from[4 * LEN], to[4 * LEN];

int main(void)
{
	struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct svart_completion done;
	struct svart_fault_service *faults;
	struct svart_space *space;
	struct svart_device *dev;
	struct svart_queue *q;
	struct svart *rt;
	int round, i, n;

	if (svart_init(&init, &rt) || svart_space_create(rt, NULL, &space) ||
	    svart_fault_service_create(rt, NULL, &faults) ||
	    svart_device_open(rt, "model:dsa0", space, faults, &dev) ||
	    svart_queue_create(dev, NULL, &q))
		return 1;
	for (round = 0; round < 50; round++) {
		memset(from, round, sizeof(from));
		memset(to, 255, sizeof(to));
		for (i = 0; i < 4; i++)
			svart_queue_prep_copy(q, to + i * LEN, from + i * LEN, LEN, 0, 0);
		for (n = 0; n < 4;)
			n += svart_queue_wait(q, &done, 1, UINT64_MAX);
		if (memcmp(from, to, sizeof(to)) != 0)
			return 2;
	}
	return svart_queue_destroy(q) || svart_device_close(dev) ||
	       svart_fault_service_destroy(faults) || svart_space_destroy(space) || svart_fini(rt);
}
"""
# The same in C++ before C++20.
OLD_CPP = USER.replace(
    "init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);",
    "init = {};\n\n\tinit.size = sizeof(init);\n\tinit.flags = SVART_INIT_NO_EAL;",
)
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
# g++ warns of every designated initialiser that leaves a member out.
DESIGNATED = "-Wno-missing-field-initializers"


def options() -> dict:
    """How the build was configured."""
    return {
        option["name"]: option["value"]
        for option in json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
    }


def shell(command: list, **env) -> str:
    """Runs it; it must succeed and print no warning. Returns what it printed."""
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    verify(done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout


@pytest.fixture(scope="class")
def prefix(tmp_path_factory) -> pathlib.Path:
    """Where svart was installed."""
    if shutil.which("meson") is None or shutil.which("pkg-config") is None:
        pytest.skip("installing takes meson, asking for flags takes pkg-config")
    root = tmp_path_factory.mktemp("root")
    shell(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root])
    return root / options()["prefix"].lstrip("/")


@pytest.fixture
def pkg_config(prefix):
    """Asks pkg-config about svart. Returns words."""

    def ask(*args) -> list:
        folder = prefix / options()["libdir"] / "pkgconfig"
        command = ["pkg-config", f"--define-variable=prefix={prefix}", *args, "svart"]
        return shlex.split(shell(command, PKG_CONFIG_PATH=str(folder)))

    return ask


class TestInstall:
    """Test plan of an installed svart."""

    def test_compiler_flags_are_only_where_the_headers_are(self, pkg_config, prefix) -> None:
        """DPDK, which the library is built with, is no affair of who includes its headers.

        Steps:
            Ask pkg-config for the compiler's and the linker's flags.

        Verify:
            One -I, of the installed headers; no -march and no -include of DPDK's. One -L and -lsvart.
            DPDK's libraries and ISA-L are named for libsvart.a, with --static, and nowhere else.
        """
        verify(pkg_config("--cflags") == [f"-I{prefix / 'include'}"], pkg_config("--cflags"))
        verify(pkg_config("--cflags", "--static") == pkg_config("--cflags"), "--static adds flags")
        libdir = prefix / options()["libdir"]
        verify(pkg_config("--libs") == [f"-L{libdir}", "-lsvart"], pkg_config("--libs"))
        static = pkg_config("--libs", "--static")
        verify("-lrte_eal" in static and "-lisal" in static, static)

    @pytest.mark.parametrize(
        "compiler, standard, text, more",
        [
            ("cc", "c11", USER, []),
            ("cc", "gnu11", USER, []),
            ("c++", "c++20", USER, [DESIGNATED]),
            ("c++", "c++11", OLD_CPP, []),
        ],
    )
    def test_program_compiles(self, pkg_config, tmp_path, compiler, standard, text, more) -> None:
        """A program needs nothing but these flags, and initialises what it passes by a macro.

        Steps:
            Compile a program that includes svart/svart.h, as C11 and as C++20, with every warning; and as
            C++11, which has no designated initialisers, one that sets the size itself.

        Verify:
            No error and no warning.
        """
        source = tmp_path / "user.c"
        source.write_text(text)
        language = "c++" if standard.startswith("c++") else "c"
        flags = [*STRICT, *more, f"-std={standard}", "-x", language, *pkg_config("--cflags")]
        shell([compiler, *flags, "-c", source, "-o", tmp_path / "user.o"])

    @pytest.mark.parametrize("kind", ["shared", "static"])
    def test_program_runs(self, pkg_config, prefix, tmp_path, kind) -> None:
        """A program links and runs, with the shared library and with the other one.

        Steps:
            Link the program by pkg-config's flags, with --static for libsvart.a. Run it.

        Verify:
            It makes a runtime and ends it. With libsvart.a it does without libsvart.so.
        """
        if options()["b_sanitize"] != "none":
            pytest.skip("the library wants a sanitizer, the program has none")
        source, program = tmp_path / "user.c", tmp_path / "user"
        source.write_text(USER)
        libdir = prefix / options()["libdir"]
        flags = pkg_config("--cflags", "--libs")
        if kind == "static":
            flags = pkg_config("--cflags", "--libs", "--static")
            flags[flags.index("-lsvart")] = "-l:libsvart.a"
        shell(["cc", source, "-o", program, *flags])
        shell([program], LD_LIBRARY_PATH=str(libdir) if kind == "shared" else "")

    @pytest.mark.parametrize("sanitizer", ["thread", "address"])
    def test_program_under_a_sanitizer(self, pkg_config, prefix, tmp_path, sanitizer) -> None:
        """A program can be looked at by a sanitizer that svart was not built for.

        Steps:
            Build a program that writes, has a device copy, and reads, with -fsanitize. Run it.

        Verify:
            It ends well, and nothing is reported: no race with the threads of the software machine.
        """
        if options()["b_sanitize"] != "none":
            pytest.skip("the library has a sanitizer of its own")
        source, program = tmp_path / "copies.c", tmp_path / "copies"
        source.write_text(COPIES)
        flags = pkg_config("--cflags", "--libs")
        command = ["cc", f"-fsanitize={sanitizer}", "-O1", source, "-o", program, *flags]
        if subprocess.run(list(map(str, command)), capture_output=True, check=False).returncode:
            pytest.skip(f"this compiler has no -fsanitize={sanitizer}")
        done = subprocess.run(
            ["setarch", "-R", program],
            env={**os.environ, "LD_LIBRARY_PATH": str(prefix / options()["libdir"])},
            timeout=60 * SLOWNESS,
            capture_output=True,
            text=True,
            check=False,
        )
        verify(done.returncode == 0 and done.stderr == "", f"{done.returncode}\n{done.stderr}")

    def test_example_compiles(self, pkg_config, tmp_path) -> None:
        """The example of the guide is such a program.

        Steps:
            Compile apps/examples/copy.c by pkg-config's flags.

        Verify:
            No error and no warning.
        """
        example = ROOT / "apps/examples/copy.c"
        shell(["cc", *STRICT, *pkg_config("--cflags"), "-c", example, "-o", tmp_path / "copy.o"])
