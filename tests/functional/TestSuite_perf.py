# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""svart-perf: that it measures what it says and prints it so. No test looks at speed."""

import math

import pytest

from framework import shape, verify

MACHINE_SHAPE = {
    "cpu": str,
    "cores": int,
    "kernel": str,
    "huge_pages": str,
    "version": str,
    "build": str,
    "sanitizers": str,
    "load": float,
    "rounds": int,
}
OPS = [
    "memmove",
    "fill",
    "compare",
    "compval",
    "cr_delta",
    "ap_delta",
    "dualcast",
    "crcgen",
    "copy_crc",
    "dif_check",
    "dif_insert",
    "dif_strip",
    "dif_update",
    "cache_flush",
]
GROUP_SHAPE = {
    "stream": str,
    "group_size": int,
    "outstanding": int,
    "svart_ns": float,
    "list_ns": float,
    "ratio": float,
}
COPY_SHAPE = {
    "device": str,
    "bytes": int,
    "op_bytes": int,
    "depth": int,
    "svart_s": float,
    "svart_cpu_s": float,
    "memcpy_s": float,
    "memcpy_cpu_s": float,
    "populate_memcpy_s": float,
    "populate_memcpy_cpu_s": float,
    "ratio": float,
    "ratio_to_memcpy": float,
}
SERVICE_SHAPE = {
    "group_size": int,
    "devices": int,
    "resident": bool,
    "resolvers": int,
    "in_flight": int,
    "requests_per_s": int,
    "p50_ns": int,
    "p99_ns": int,
    "max_ns": int,
    "own_p50_ns": int,
    "own_p99_ns": int,
    "maps_per_group": float,
}
ENGINE_SHAPE = {
    "engine": str,
    "size": int,
    "burst": int,
    "depth": int,
    "in_flight": int,
    "ops_per_s": int,
    "bytes_per_s": int,
    "submit_ns_per_op": float,
    "p50_ns": int,
    "p99_ns": int,
    "ratio_to_skeleton": float,
    "ratio_to_memcpy": float,
}
DRIVER_SHAPE = {
    "burst": int,
    "prep_ns": float,
    "submit_ns": float,
    "portal_ns": float,
    "poll_ns": float,
}
ENGINES = ["svart", "svart-dmadev", "dma_skeleton", "memcpy", "svart-null"]
BAD_LISTS = ["", "0", "-1", "32,", ",32", "32 128", "65537", "1e3", "0x20", ",".join(["8"] * 17)]


def measure(program, *args) -> dict:
    """Runs a command with --quick --json; returns what it printed."""
    result = program.run(*args, "--quick", "--json", timeout=120)
    verify(result.status == 0, result)
    verify(result.err == "", result)
    verify(shape(result.json["machine"]) == MACHINE_SHAPE, result)
    return result.json


def is_ratio(ratio: float, over: float, under: float) -> bool:
    """Whether a ratio is that of two figures, all of them rounded."""
    return math.isclose(ratio, over / under, rel_tol=0.02, abs_tol=0.02)


class TestPerf:
    """svart-perf on the software machine."""

    def test_copy_measures_each_engine_in_each_cell(self, svart_perf) -> None:
        """Copies are measured engine beside engine.

        Steps:
            Run copy with two sizes, two bursts and two depths.
        Verify:
            Each engine that is not left out is there in each cell, with the members that the manual
            names; rates, times and ratios are those of each other; only dmadevs may be left out.
        """
        args = ["--sizes", "64,4096", "--bursts", "1,8", "--depths", "16,256", "--rounds", "1"]
        result = svart_perf.run("copy", *args, "--quick", "--json", timeout=120)
        verify(result.status == 0, result)
        report = result.json
        verify(shape(report["machine"]) == MACHINE_SHAPE, result)
        verify(set(report["left_out"]) <= {"svart-dmadev", "dma_skeleton"}, report)
        there = [name for name in ENGINES if name not in report["left_out"]]
        cells = {}
        for row in report["results"]:
            if "dma_skeleton" not in there:
                verify(row["ratio_to_skeleton"] is None, row)
                row["ratio_to_skeleton"] = 1.0
            verify(shape(row) == ENGINE_SHAPE, row)
            verify(row["ops_per_s"] > 0 and row["submit_ns_per_op"] > 0, row)
            verify(math.isclose(row["bytes_per_s"], row["ops_per_s"] * row["size"], rel_tol=0.01), row)
            verify(0 < row["p50_ns"] <= row["p99_ns"], row)
            verify(row["burst"] <= row["in_flight"] <= row["depth"], row)
            cells.setdefault((row["size"], row["burst"], row["depth"]), {})[row["engine"]] = row
        wanted = {(size, burst, depth) for size in (64, 4096) for burst in (1, 8) for depth in (16, 256)}
        verify(set(cells) == wanted, cells)
        for cell in cells.values():
            verify(list(cell) == there, cell)
            for row in cell.values():
                memcpy = cell["memcpy"]["ops_per_s"]
                verify(is_ratio(row["ratio_to_memcpy"], row["ops_per_s"], memcpy), row)
        verify([row["burst"] for row in report["driver"]] == [1, 8], report)
        verify(all(shape(row) == DRIVER_SHAPE for row in report["driver"]), report)

    def test_copy_measures_only_the_engines_asked_for(self, svart_perf) -> None:
        """--engines selects; the others are named as left out.

        Steps:
            Run copy with two engines, and with one and without --json.
        Verify:
            There are rows of these only; svart holds no more than its work queue under way.
        """
        report = measure(svart_perf, "copy", "--engines", "memcpy,svart", "--depths", "1024")
        verify({row["engine"] for row in report["results"]} == {"memcpy", "svart"}, report)
        verify(report["left_out"] == ["svart-dmadev", "dma_skeleton", "svart-null"], report)
        verify(report["driver"] == [], report)
        for row in report["results"]:
            verify(row["in_flight"] == (1024 if row["engine"] == "memcpy" else 128), row)
        result = svart_perf.run("copy", "--quick", "--engines", "svart-null")
        verify(result.status == 0 and "portal only" in result.out, result)

    def test_ops_measures_each_operation_in_each_way(self, svart_perf) -> None:
        """Every operation of the model is there, with whole words and blocks.

        Steps:
            Run ops --quick --json with sizes of a byte, of a page and of the largest; as a table.

        Verify:
            Each operation has a row for each size; rates are above 0, but for what only the model
            does; ratios are those of the rates; the table has the same operations.
        """
        result = svart_perf.run("ops", "--quick", "--rounds=1", "--json", "--sizes=1,4096,1048576")
        verify(result.status == 0, result)
        report = result.json
        verify(shape(report["machine"]) == MACHINE_SHAPE, report)
        rows = {}
        for row in report["results"]:
            rows.setdefault(row["op"], []).append(row)
        verify(list(rows) == OPS, list(rows))
        for name, sizes in rows.items():
            block = 520 if name in ("dif_check", "dif_strip", "dif_update") else 512
            verify(len(sizes) == 3, sizes)
            for row in sizes:
                if name.startswith("dif"):
                    verify(row["size"] > 0 and row["size"] % block == 0, row)
                rates = [row[f"{way}_bytes_per_s"] for way in ("model", "cpu", "library")]
                if name == "cache_flush":
                    verify(rates[1:] == [None, None] and row["ratio_cpu_to_library"] is None, row)
                elif row["size"] != 0:
                    verify(min(rates) > 0, row)
                    verify(is_ratio(row["ratio_model_to_cpu"], rates[0], rates[1]), row)
        result = svart_perf.run("ops", "--quick", "--rounds=1", "--sizes=4096")
        verify(result.status == 0, result)
        verify([line.split()[0] for line in result.out.splitlines()[-len(OPS) :]] == OPS, result)

    def test_group_measures_each_stream_at_each_number(self, svart_perf) -> None:
        """Grouping is measured beside a list.

        Steps:
            Run group with two numbers of outstanding requests and three rounds.
        Verify:
            Each stream is there for each number, with the members that the manual names; figures
            are positive, and the ratio is that of the two.
        """
        report = measure(svart_perf, "group", "--outstanding", "32,256", "--rounds", "3")
        verify(report["machine"]["rounds"] == 3, report)
        streams = set()
        for row in report["results"]:
            verify(shape(row) == GROUP_SHAPE, row)
            verify(row["svart_ns"] > 0 and row["list_ns"] > 0, row)
            verify(is_ratio(row["ratio"], row["list_ns"], row["svart_ns"]), row)
            streams.add((row["stream"], row["group_size"], row["outstanding"]))
        wanted = {("interleaved", 1), ("interleaved", 8), ("interleaved", 64), ("random", 8)}
        verify(streams == {(*stream, nr) for stream in wanted for nr in (32, 256)}, streams)

    def test_fault_measures_a_copy_the_service_and_its_growth(self, svart_perf) -> None:
        """Faults are measured in three parts.

        Steps:
            Run fault.
        Verify:
            All members are there; figures are positive; percentiles are in order; resident pages
            need no IOAS_MAP, and cold ones are not served without; what is the service's own is no
            more than all.
        """
        report = measure(svart_perf, "fault")
        copy = report["cold_copy"]
        verify(shape(copy) == COPY_SHAPE, copy)
        verify(min(value for value in copy.values() if not isinstance(value, str)) > 0, copy)
        verify(is_ratio(copy["ratio"], copy["svart_s"], copy["populate_memcpy_s"]), copy)
        verify(is_ratio(copy["ratio_to_memcpy"], copy["svart_s"], copy["memcpy_s"]), copy)
        loads = set()
        for row in report["service"]:
            verify(shape(row) == SERVICE_SHAPE, row)
            verify(row["requests_per_s"] > 0, row)
            verify(0 < row["p50_ns"] <= row["p99_ns"] <= row["max_ns"], row)
            verify(0 < row["own_p50_ns"] <= row["p50_ns"], row)
            verify(row["own_p50_ns"] <= row["own_p99_ns"] <= row["p99_ns"], row)
            verify((row["maps_per_group"] == 0) == row["resident"], row)
            loads.add((row["group_size"], row["devices"], row["resident"], row["resolvers"]))
        verify(len(loads) == 3 * 4 * 2 * 3, loads)
        growth = report["growth"]
        verify([row["devices"] for row in growth["devices"]] == [1, 2, 4], growth)
        verify([row["chunks"] for row in growth["chunks"]] == [1000, 10000], growth)
        for row in growth["devices"] + growth["chunks"]:
            verify(all(value > 0 for value in row.values()), row)

    def test_tables_name_the_machine(self, svart_perf) -> None:
        """Without --json there is a table.

        Steps:
            Run group without --json.
        Verify:
            The first line names the machine and the rounds; a line follows for each stream.
        """
        result = svart_perf.run("group", "--quick", "--outstanding", "32")
        verify(result.status == 0, result)
        lines = result.out.splitlines()
        verify("cores" in lines[0] and "medians of 3 rounds" in lines[0], result)
        verify(sum(line.startswith(("interleaved", "random")) for line in lines) == 4, result)

    def test_tables_have_numbers_only(self, svart_perf) -> None:
        """What is not known, as the ratio to an engine that was left out, is a dash.

        Steps:
            Run `svart-perf copy --quick` with each engine alone, on one small cell.

        Verify:
            The line of the engine has numbers and dashes, and dashes for what was left out.
        """
        for engine, dashes in (("memcpy", 1), ("svart", 2), ("svart-null", 2)):
            cell = [f"--engines={engine}", "--sizes=64", "--bursts=8", "--depths=32"]
            result = svart_perf.run("copy", "--quick", "--rounds=1", *cell)
            verify(result.status == 0, result)
            (line,) = [line for line in result.out.splitlines() if line.startswith(engine + " ")]
            verify(line.split().count("-") == dashes, result)
            for word in line.split()[1:]:
                verify(word == "-" or math.isfinite(float(word)), result)

    def test_seed_repeats_the_groups(self, svart_perf) -> None:
        """Any seed of 64 bits is taken.

        Steps:
            Run group with the largest seed.
        Verify:
            It measures; the table and the list agree about every group.
        """
        result = svart_perf.run("group", "--quick", "--outstanding", "64", "--seed", 2**64 - 1)
        verify(result.status == 0, result)

    @pytest.mark.parametrize("text", BAD_LISTS)
    def test_bad_list_is_refused(self, svart_perf, text) -> None:
        """What is no list of numbers is refused.

        Steps:
            Run group with a bad --outstanding.
        Verify:
            Exit status 2, a message that names the option, nothing printed.
        """
        result = svart_perf.run("group", f"--outstanding={text}")
        verify(result.status == 2, result)
        verify("--outstanding" in result.err and result.out == "", result)

    @pytest.mark.parametrize(
        "args",
        [
            [],
            ["groups"],
            ["group", "fault"],
            ["group", "--rounds=0"],
            ["group", "--rounds=102"],
            ["group", "--rounds=x"],
            ["fault", "--seed=-1"],
            ["fault", f"--seed={2**64}"],
            ["fault", "--nothing"],
            ["copy", "--engines="],
            ["copy", "--engines=svart,dsa"],
            ["copy", "--engines=memcpy,"],
            ["copy", "--sizes=0"],
            ["copy", "--sizes=1048577"],
            ["copy", "--bursts=65"],
            ["copy", "--depths=1025"],
        ],
    )
    def test_bad_command_line_is_refused(self, svart_perf, args) -> None:
        """Bad command lines are refused.

        Steps:
            Run with no command, an unknown one, two, and bad options.
        Verify:
            Exit status 2, a message, nothing printed.
        """
        result = svart_perf.run(*args)
        verify(result.status == 2, result)
        verify(result.err != "" and result.out == "", result)

    def test_help_names_every_command(self, svart_perf) -> None:
        """--help is a manual page.

        Steps:
            Run with --help and with --version.
        Verify:
            Both end with success; the help has the commands, options and exit statuses.
        """
        result = svart_perf.run("--help")
        verify(result.status == 0, result)
        for word in ("copy", "group", "fault", "--engines", "--outstanding", "--quick", "--json", "Exit status"):
            verify(word in result.out, f"--help lacks {word}")
        verify(svart_perf.run("--version").out.startswith("svart-perf "), "no version")
