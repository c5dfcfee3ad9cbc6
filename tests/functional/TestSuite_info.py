# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""svart-info, the doctor: on the software machine, and on the machine that the tests run on."""

import os
import pathlib
import pwd
import subprocess

import pytest

from conftest import BUILD
from framework import shape, verify

PATH_KEYS = {"path", "ready", "code", "missing", "fix", "note", "spec"}
DEVICE_KEYS = {
    "name",
    "address",
    "model",
    "kernel_driver",
    "software",
    "numa_node",
    "paths",
}
SYSTEM_SHAPE = {
    "kernel": str,
    "sysfs": bool,
    "telemetry": {"folder": str, "missing": type(None)},
    "cpu": {"movdir64b": bool},
    "iommufd": {"present": bool, "permitted": bool},
    "iommus": int,
    "pin_limit_bytes": int,
    "unreadable": int,
    "left_out": int,
    "devices": list,
}
PROBE_SHAPE = {
    "device": str,
    "ok": bool,
    "arrived": bool,
    "answered": bool,
    "page_requests": int,
    "seconds": float,
    "answer_seconds": float,
    "result": str,
}


def paths_of(report: dict) -> list:
    """Every way to bind every device, as (device, path)."""
    return [(device, path) for device in report["devices"] for path in device["paths"]]


def silicon_is_ready(report: dict) -> bool:
    """Whether an accelerator other than the model's is ready."""
    return any(path["ready"] and not device["software"] for device, path in paths_of(report))


def need_no_silicon(report: dict) -> None:
    """Skips where the machine has accelerators: then other things are right."""
    if any(not device["software"] for device in report["devices"]):
        pytest.skip("this machine has accelerators")


class TestInfo:
    """Test plan of svart-info."""

    # --- the list ---------------------------------------------------------------------------

    def test_json(self, svart_info) -> None:
        """--json prints one object of the documented form.

        Steps:
            Run with --json.

        Verify:
            Standard output is one line, one object with exactly the documented keys; standard error
            is empty; a path that is ready has a spec and lacks nothing, one that is not says what;
            kernel is this machine's; the exit status says whether an accelerator is ready.
        """
        result = svart_info.run("--json")
        report = result.json
        verify(result.err == "", result)
        verify(result.out.count("\n") == 1, result)
        verify(shape(report) == SYSTEM_SHAPE, result)
        verify(report["kernel"] == os.uname().release, result)
        for device, path in paths_of(report):
            verify(set(device) == DEVICE_KEYS and set(path) == PATH_KEYS, result)
            verify(path["ready"] == (path["code"] == "ready"), result)
            verify(path["ready"] == (path["missing"] is None), result)
            verify(path["ready"] == (path["spec"] is not None), result)
        verify(result.status == (0 if silicon_is_ready(report) else 1), result)

    def test_model_is_listed(self, svart_info) -> None:
        """The software machine is always ready, and does not count as an accelerator.

        Steps:
            Run with --json and without.

        Verify:
            model:dsa0 comes first, is ready by path model and can be opened as that; the text has it
            in a block of its own.
        """
        result = svart_info.run("--json")
        device = result.json["devices"][0]
        verify(device["name"] == "model:dsa0" and device["software"], result)
        verify(device["paths"][0]["path"] == "model", result)
        verify(device["paths"][0]["spec"] == "model:dsa0", result)
        text = svart_info.run().out
        verify("\n\nmodel:dsa0\n  is        Intel DSA" in text, text)

    def test_bare_machine(self, svart_info) -> None:
        """A machine without accelerators is told so.

        Steps:
            Run without options on a machine that has none.

        Verify:
            Exit status 1; the text says that there is none, and what of the kernel is there: iommufd
            as /dev has it, IOMMUs as /sys/class/iommu has them.
        """
        report = svart_info.run("--json").json
        need_no_silicon(report)
        result = svart_info.run()
        verify(result.status == 1, result)
        verify("no accelerator that svart knows is in this system" in result.out, result)
        verify(report["iommufd"]["present"] == os.path.exists("/dev/iommu"), result)
        verify(("no /dev/iommu" in result.out) == (not os.path.exists("/dev/iommu")), result)
        iommus = pathlib.Path("/sys/class/iommu")
        verify(report["iommus"] == len(list(iommus.iterdir()) if iommus.is_dir() else []), result)

    def test_text_fits_a_terminal(self, svart_info) -> None:
        """The text is plain and not wider than 100 columns.

        Steps:
            Run without options.

        Verify:
            No line is longer than 100 characters, has blanks at its end, or holds anything but ASCII.
        """
        result = svart_info.run()
        for line in result.out.splitlines():
            verify(len(line) <= 100 and line == line.rstrip() and line.isascii(), repr(line))

    def test_ordinary_user(self, svart_info) -> None:
        """A user without privilege gets a report too.

        Steps:
            As the user nobody, run with --json.

        Verify:
            It ends with a report; what this user may pin is told.
        """
        if os.geteuid() != 0:
            pytest.skip("needs root to become another user")
        user = pwd.getpwnam("nobody")
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if subprocess.run(["test", "-x", svart_info.path], check=False, **options).returncode != 0:
            pytest.skip(f"the user nobody cannot reach {BUILD}")
        result = svart_info.run("--json", **options)
        verify(shape(result.json) == SYSTEM_SHAPE, result)
        verify(result.err == "", result)

    # --- the trial --------------------------------------------------------------------------

    @pytest.mark.parametrize("args", [["--probe", "model:dsa0"], ["--probe=model:dsa0"]])
    def test_probe_model(self, svart_info, args) -> None:
        """A page request of the model arrives and is answered.

        Steps:
            Run with --json and --probe model:dsa0, in both ways to write it.

        Verify:
            Exit status 0; probe has the documented keys; the request arrived, was answered, and the
            times make sense.
        """
        result = svart_info.run("--json", *args)
        verify(result.status == 0, result)
        probe = result.json["probe"]
        verify(shape(probe) == PROBE_SHAPE, result)
        verify(probe["device"] == "model:dsa0", result)
        verify(probe["ok"] and probe["arrived"] and probe["answered"], result)
        verify(probe["page_requests"] > 0, result)
        verify(0 < probe["seconds"] < 2, result)
        verify(0 < probe["answer_seconds"] <= probe["seconds"], result)

    @pytest.mark.parametrize("inject", ["gone", "no_master", "enodev", "halt_flr"])
    def test_probe_device_lost(self, svart_info, inject) -> None:
        """A device that is lost while it is tried is told with the cause.

        Steps:
            Run with --json and --probe on a software machine that loses its device with the first
            page request.

        Verify:
            The exit status of a probe that failed, within the timeout; the result has svart's own
            words, and what to do.
        """
        spec = f"model:dsa0,inject={inject}:1000"
        result = svart_info.run("--json", f"--probe={spec}", "--timeout=60000", timeout=20)
        verify(result.status == 1, result)
        probe = result.json["probe"]
        verify(not probe["ok"], result)
        verify("failed with its queue: " in probe["result"], result)
        verify("open it again" in probe["result"], result)

    def test_probe_pasid(self, svart_info) -> None:
        """Options of a spec are the device's.

        Steps:
            Run with --probe model:dsa0,pasid=5.

        Verify:
            Exit status 0; the text says that the probe succeeded, and in what time.
        """
        result = svart_info.run("--probe", "model:dsa0,pasid=5")
        verify(result.status == 0, result)
        verify("probe of model:dsa0,pasid=5: succeeded" in result.out, result)
        verify(" us for the operation; " in result.out, result)

    def test_probe_chooses(self, svart_info) -> None:
        """Without a SPEC the first accelerator that is ready is tried, else the model.

        Steps:
            Run with --json --probe on a machine without accelerators.

        Verify:
            model:dsa0 was tried.
        """
        need_no_silicon(svart_info.run("--json").json)
        result = svart_info.run("--json", "--probe")
        verify(result.status == 0, result)
        verify(result.json["probe"]["device"] == "model:dsa0", result)

    @pytest.mark.parametrize(
        "spec,text",
        [
            ("model:nothing0", "nothing0"),
            ("nowhere:dsa0", "nowhere"),
            ("model:dsa0,colour=red", "colour"),
            ("", "device spec"),
        ],
    )
    def test_probe_what_cannot_be_opened(self, svart_info, spec, text) -> None:
        """A device that cannot be opened fails the probe, with the reason; the list is there.

        Steps:
            Run with --json and --probe of such a spec.

        Verify:
            Exit status 1; nothing arrived; the result names what is wrong.
        """
        result = svart_info.run("--json", f"--probe={spec}")
        verify(result.status == 1, result)
        probe = result.json["probe"]
        verify(not probe["ok"] and not probe["arrived"], result)
        verify(text in probe["result"], result)
        verify(len(result.json["devices"]) > 0, result)

    def test_probe_without_page_requests(self, svart_info) -> None:
        """A device that sends no page requests works by mapping on submit, and is told so.

        Steps:
            Run with --probe of the model's edu with an address mask that covers the process.

        Verify:
            Exit status 0; no page request arrived; the result says why that is right.
        """
        result = svart_info.run("--json", "--probe", "model:edu0,dma_mask_bits=64")
        verify(result.status == 0, result)
        probe = result.json["probe"]
        verify(probe["ok"] and not probe["arrived"], result)
        verify("sends no page requests" in probe["result"], result)

    def test_probe_out_of_reach(self, svart_info) -> None:
        """A device that cannot reach the process's memory fails the probe.

        Steps:
            Run with --probe of the model's edu with an address mask of 46 bits.

        Verify:
            Exit status 1; the result says that the device cannot reach the address.
        """
        if "TSAN_OPTIONS" in os.environ:
            pytest.skip("ThreadSanitizer keeps the addresses below the mask for itself")
        result = svart_info.run("--json", "--probe", "model:edu0,dma_mask_bits=46")
        verify(result.status == 1, result)
        verify("cannot reach 0x" in result.json["probe"]["result"], result)

    @pytest.mark.parametrize(
        "options,texts,absent",
        [
            (
                ["--probe=model:edu0,dma_mask_bits=28"],
                ["too few address bits", "dma_mask_bits"],
                ["page request was", "answered within"],
            ),
            (
                ["--probe=model:dsa0,inject=lose_last:1000"],
                ["lost or refused on its way"],
                ["too few", "MEMLOCK", "too narrow"],
            ),
            (["--probe=model:dsa0,inject=reset:1000"], ["failed with its queue", "was reset"], ["requests to"]),
        ],
    )
    def test_probe_tells_what_is_known(self, svart_info, options, texts, absent) -> None:
        """A trial that failed claims no cause that is not the only one.

        Steps:
            Try a device with too few address bits, one whose page requests are lost, and one that
            is reset.

        Verify:
            Status 1; the result has what can have caused it and what helps, and nothing that cannot.
        """
        result = svart_info.run(*options)
        verify(result.status == 1, result)
        probe = " ".join(result.out[result.out.index("\nprobe of ") :].split())
        for text in texts:
            verify(text in probe, f"{text!r} is not told\n{result}")
        for text in absent:
            verify(text not in probe, f"{text!r} is told\n{result}")

    def test_probe_times_out(self, svart_info) -> None:
        """A trial that ran out of time is not told as a broken IOMMU.

        Steps:
            Try a device whose time is its own and whose page requests find every queue full, so
            that it still asks again when a millisecond of its time is over, however fast this
            machine is.

        Verify:
            Status 1; the result says in what time, that --timeout waits longer, and that the
            operation was given up.
        """
        spec = "model:dsa0,step=manual,inject=overflow:1000"
        result = svart_info.run("--timeout=1", f"--probe={spec}")
        verify(result.status == 1, result)
        probe = " ".join(result.out[result.out.index("\nprobe of ") :].split())
        for text in ("--timeout waits longer", "until it was given up"):
            verify(text in probe, f"{text!r} is not told\n{result}")
        verify(" 0 ms" not in probe, result)

    # --- the command line -------------------------------------------------------------------

    @pytest.mark.parametrize(
        "args",
        [
            ["model:dsa0"],
            ["--probe", "model:dsa0", "model:dsa1"],
            ["--timeout", "0"],
            ["--timeout", "1s"],
            ["--timeout", "-1"],
            ["--timeout", "600001"],
            ["--colour"],
        ],
    )
    def test_wrong_command_line(self, svart_info, args) -> None:
        """A wrong command line does nothing.

        Steps:
            Run with arguments that make no sense.

        Verify:
            Exit status 2; a message on standard error that points to --help; nothing on standard
            output.
        """
        result = svart_info.run(*args)
        verify(result.status == 2, result)
        verify(result.out == "" and "Try 'svart-info --help'." in result.err, result)

    def test_help_and_version(self, svart_info) -> None:
        """--help is the manual, --version the version.

        Steps:
            Run with each.

        Verify:
            Status 0; the help has every option and the exit statuses; the version is VERSION's.
        """
        result = svart_info.run("--help")
        verify(result.status == 0, result)
        for text in ("--probe", "--timeout", "--json", "--version", "Exit status:", "Examples:"):
            verify(text in result.out, text)
        verify(max(map(len, result.out.splitlines())) <= 100, result)
        result = svart_info.run("--version")
        version = (pathlib.Path(__file__).parents[2] / "VERSION").read_text().strip()
        verify(result.out == f"svart-info {version}\n", result)

    def test_full_disk(self, svart_info) -> None:
        """A report that cannot be written is an error.

        Steps:
            Run with --probe model:dsa0 and standard output on /dev/full.

        Verify:
            Status 1 and a message.
        """
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [svart_info.path, "--probe", "model:dsa0"],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        verify(done.returncode == 1, done)
        verify("cannot print to standard output" in done.stderr, done)
