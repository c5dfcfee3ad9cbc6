# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""svart's devices as DPDK dmadevs, under DPDK's own test program."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from conftest import BUILD, SLOWNESS, Result
from framework import verify

DRIVER = BUILD / "pmd/dmadev/librte_dma_svart.so"

# What dmadev_autotest does with a dmadev that handles errors, fills, copies to and from lists and
# knows SVA; by the version that it is so from on.
AUTOTEST_PARTS = {
    (22, 11): ("copy", "burst capacity", "error handling", "fill"),
    (25, 11): ("sg copy", "sva copy", "stop start"),
}

# How an API test of the suite ends that found nothing completed, and how often such a run is tried:
# it gives the device 50 ms, which a software machine may not keep while the CPUs are busy.
ASKED_TOO_EARLY = r"Test assert {} line \d+ failed: Failed to get completed"
ATTEMPTS = 3

# From this version on it runs DPDK's API tests on each dmadev, not on DPDK's own skeleton only. They
# submit, sleep, and ask for completions once. What goes on only when the program calls is not complete
# then (doc/guides/dmadev.rst). Those after test_dma_completed fail as it leaves the dmadev started.
API_TESTS = (25, 11)
ASKED_ONCE = {
    "depth=1": ["test_dma_sg"],
    "depth=8,max_xfer_shift=12": ["test_dma_sg"],
    "fault_service=inline": ["test_dma_completed", "test_dma_completed_status", "test_dma_sg"],
}


def sanitizer_of(library) -> str:
    """The sanitizer runtime that a library was built with, "" if none. A program that was built
    without one must load it first."""
    needed = subprocess.run(["ldd", library], capture_output=True, text=True, check=True).stdout
    found = re.search(r"=> (\S*/lib[at]san\.so\S*)", needed)
    return found.group(1) if found else ""


class DpdkTest:
    """Debian's dpdk-test with the driver, without hugepages, PCI or root."""

    def __init__(self, program: list[str]):
        self.program = program
        self.preload = sanitizer_of(DRIVER)

    def run(
        self,
        *vdevs,
        suite="dmadev_autotest",
        eal=("-l", "0"),
        memory=("--no-huge", "--no-shconf"),
        timeout=90,
    ) -> Result:
        """Runs a suite on vdevs."""
        command = [*self.program, "-v", *memory, "-m", "64", "--no-pci"]
        command += [*eal, "-d", DRIVER.name]
        for vdev in vdevs:
            command += ["--vdev", vdev]
        # EAL refuses to load what lies below a folder that anybody may write to, like /tmp. A name
        # without a folder is the dynamic loader's to find, unless it is in the current folder.
        env = dict(os.environ, DPDK_TEST=suite, LD_LIBRARY_PATH=f"{BUILD}:{DRIVER.parent}")
        if self.preload:
            env["LD_PRELOAD"] = self.preload
            # DPDK itself leaves memory behind.
            env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        done = subprocess.run(
            command,
            cwd="/",
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout * SLOWNESS,
            check=False,
        )
        lines = [
            line
            for line in re.split("[\r\n]+", done.stdout)
            if not line.startswith("Ops submitted")
        ]
        return Result(command, done.returncode, "\n".join(lines), "")

    def autotest(self, *vdevs, failing=(), **options) -> Result:
        """Runs dmadev_autotest, of which these tests are to fail; again where others found nothing
        completed."""
        for _ in range(ATTEMPTS):
            result = self.run(*vdevs, **options)
            if failed_in(result) == list(failing):
                break
            if not re.search(ASKED_TOO_EARLY.format(r"\w+"), result.out):
                break
        return result


def failed_in(result: Result) -> list[str]:
    """The names of the suite's tests that failed."""
    return re.findall(r"TestCase \[ *\d+\] : (\w+) failed", result.out)


@pytest.fixture(scope="module")
def dpdk_test() -> DpdkTest:
    """dpdk-test, where it and the driver are there. SVART_DPDK_TEST is the command of another one
    than the system's, of the DPDK that SVART_BUILD was built with (tests/dpdk/run)."""
    program = shlex.split(os.environ.get("SVART_DPDK_TEST", "")) or [shutil.which("dpdk-test")]
    if program == [None]:
        pytest.skip("dpdk-test is not installed (package dpdk-dev)")
    if not DRIVER.is_file():
        pytest.skip("svart was built without the dmadev driver; ./dev build says why")
    runner = DpdkTest(program)
    if "libtsan" in runner.preload:
        pytest.skip("ThreadSanitizer must be in the program itself, and dpdk-test is Debian's")
    return runner


def free_hugepages() -> int:
    """How many there are, of any size."""
    files = pathlib.Path("/sys/kernel/mm/hugepages").glob("*/free_hugepages")
    return sum(int(file.read_text()) for file in files)


def version_of(result: Result) -> tuple[int, int]:
    """The DPDK that ran, as it said itself."""
    found = re.search(r"RTE Version: 'DPDK (\d+)\.(\d+)", result.out)
    verify(found, f"dpdk-test does not say its version: {result}")
    return int(found.group(1)), int(found.group(2))


def verify_autotest(result: Result, *names) -> None:
    """The suite succeeded, and ran every part on these dmadevs."""
    verify(result.status == 0, result)
    verify("Test OK" in result.out, result)
    verify("Test Failed" not in result.out, result)
    version = version_of(result)
    parts = [part for since, more in AUTOTEST_PARTS.items() if version >= since for part in more]
    sections = re.split(r"### Test dmadev instance \d+ ", result.out)[1:]
    for name in names:
        section = next((text for text in sections if text.startswith(f"[{name}]")), "")
        verify(section, f"{name} was not tested: {result}")
        for part in parts:
            words = section.replace("_", " ")
            verify(f"Running {part} Tests" in words, f"{name}: no {part} tests: {result}")


def verify_asked_once(result: Result, names) -> None:
    """These API tests failed, and nothing else; the first because it found nothing completed."""
    verify(failed_in(result) == names, result)
    verify(re.search(ASKED_TOO_EARLY.format(names[0]), result.out), result)
    verify("Test Failed" in result.out, result)


class TestDmadev:
    """Test plan of the dmadev driver under dmadev_autotest, DPDK's suite for any dmadev."""

    def test_autotest(self, dpdk_test) -> None:
        """DPDK's suite passes on a device of the software machine.

        Steps:
            Run dmadev_autotest with one vdev of model:dsa0.

        Verify:
            All parts ran on it, none failed; the driver said what device it is.
        """
        result = dpdk_test.autotest("dma_svart0,device=model:dsa0")
        verify_autotest(result, "dma_svart0")
        verify("dma_svart0: model:dsa0, 1 queues of depth 128" in result.out, result)

    def test_autotest_several_vdevs(self, dpdk_test) -> None:
        """Several vdevs, of one device and of several.

        Steps:
            Run dmadev_autotest with two vdevs of model:dsa0, which has four queues, and one of
            model:dsa1. Only the first says the options of the device that two share.

        Verify:
            All parts ran on each, none failed.
        """
        result = dpdk_test.autotest(
            "dma_svart0,device=model:dsa0,queues=4",
            "dma_svart1,device=model:dsa0,vchans=2",
            "dma_svart2,device=model:dsa1",
        )
        verify_autotest(result, "dma_svart0", "dma_svart1", "dma_svart2")

    def test_autotest_machine(self, dpdk_test) -> None:
        """A device that is named by its bus and machine, shared by two vdevs that say the same.

        Steps:
            Run dmadev_autotest with two vdevs of pci:dsa0,machine=model, which has two queues; only the
            first says so.

        Verify:
            All parts ran on each, none failed; the driver called it model:dsa0.
        """
        result = dpdk_test.autotest(
            "dma_svart0,device=pci:dsa0,machine=model,queues=2",
            "dma_svart1,device=pci:dsa0,machine=model,vchans=1",
        )
        verify_autotest(result, "dma_svart0", "dma_svart1")
        verify("dma_svart0: model:dsa0, 2 queues" in result.out, result)

    @pytest.mark.parametrize(
        "options",
        ["pasid=1", "faults=off", "depth=63", "iommu=smmu"],
    )
    def test_autotest_options(self, dpdk_test, options) -> None:
        """The options of the driver and of the device.

        Steps:
            Run dmadev_autotest with one vdev of model:dsa0 with an option: attached by PASID,
            without page requests, with queues shallower than the suite's ring that just hold any
            scattered copy, behind an SMMU.

        Verify:
            All parts ran on it, none failed.
        """
        result = dpdk_test.autotest(f"dma_svart0,device=model:dsa0,{options}")
        verify_autotest(result, "dma_svart0")

    @pytest.mark.parametrize("options", ASKED_ONCE)
    def test_autotest_asked_once(self, dpdk_test, options) -> None:
        """The options with which work goes on only when the program calls.

        Steps:
            Run dmadev_autotest with one vdev of model:dsa0, whose queue is shallower than a
            scattered copy has pieces, or whose page requests the program answers.

        Verify:
            All parts ran on it, none failed. Where the suite has API tests that ask once, those
            fail that the guide says must fail, and nothing else does; the suite then ends.
        """
        failing = ASKED_ONCE[options]
        result = dpdk_test.autotest(f"dma_svart0,device=model:dsa0,{options}", failing=failing)
        if version_of(result) >= API_TESTS:
            verify_asked_once(result, failing)
        else:
            verify_autotest(result, "dma_svart0")

    def test_autotest_service_core(self, dpdk_test) -> None:
        """The fault service runs on a service core.

        Steps:
            Run dmadev_autotest with fault_service=service, with EAL's second lcore as service
            core.

        Verify:
            All parts ran on it, none failed; no service core is missed.
        """
        if len(os.sched_getaffinity(0)) < 2:
            pytest.skip("one CPU: none is left for a service core")
        result = dpdk_test.autotest(
            "dma_svart0,device=model:dsa0,fault_service=service",
            eal=("--lcores", "0,1", "-S", "1"),
        )
        verify_autotest(result, "dma_svart0")
        verify("no service core" not in result.out, result)

    def test_physical_addresses(self, dpdk_test) -> None:
        """Where the program insists on physical addresses, the vdev is left out, in words.

        Steps:
            Start dpdk-test with --iova-mode=pa, which takes hugepages and root.

        Verify:
            A line says what mode the driver requires; the vdev is not initialised.
        """
        if os.geteuid() != 0 or free_hugepages() < 64:
            pytest.skip("physical addresses need root and 64 free hugepages (vm.nr_hugepages)")
        result = dpdk_test.run(
            "dma_svart0,device=model:dsa0",
            suite="version_autotest",
            eal=("-l", "0", "--iova-mode=pa"),
            memory=("--in-memory",),
        )
        verify("dma_svart0 requires VA IOVA mode but current mode is PA" in result.out, result)
        verify("failed to initialize dma_svart0 device" in result.out, result)
        verify("Test OK" in result.out, result)

    @pytest.mark.parametrize(
        "vdevs, text",
        [
            (["dma_svart0"], "no device: write --vdev dma_svart0,device=model:dsa0"),
            (["dma_svart0,device=model:dsa99"], "dsa99"),
            (["dma_svart0,device=model:dsa0,nonsense=1"], "nonsense"),
            (["dma_svart0,device=model:dsa0,depth=500"], "have 1 to 128"),
            (["dma_svart0,device=model:dsa0,depth=0"], "depth=0: it takes 1 to 32768"),
            (["dma_svart0,device=model:dsa0,depth=0x8"], "depth=0x8: it takes 1 to 32768"),
            (["dma_svart0,device=model:dsa0,depth=1,depth=2"], "depth= is there twice: say it once"),
            (["dma_svart0,device=model:dsa0,vchans=2"], "vchans=2: model:dsa0 has 1 queues"),
            (["dma_svart0,device=model:dsa0,=5"], "'=5' has no KEY before the ="),
            (["dma_svart0,device=model:dsa0" + 32 * ",a=1"], "more than 32 arguments"),
            (["dma_svart0,device=model:" + 300 * "a"], "it takes BUS:NAME of at most 255 characters"),
            (["dma_svart0,device=model:dsa0,seed=" + 300 * "1"], "take more than 255 characters"),
            (["dma_svart0,device=model:dsa0,vchans=65"], "it takes 1 to 64"),
            (["dma_svart0,device=model:dsa0,fault_service=x"], "thread, service or inline"),
            (["dma_svart0,device=model:dsa0,device=model:dsa1"], "device= is there twice"),
            (["dma_svart0,device="], "no device: write --vdev dma_svart0,device=model:dsa0"),
            (
                ["dma_svart0,device=model:dsa0", "dma_svart1,device=model:dsa0,queues=2"],
                "is open with the options '', not 'queues=2'",
            ),
            (
                [
                    "dma_svart0,device=model:dsa0",
                    "dma_svart1,device=model:dsa1,fault_service=inline",
                ],
                "model is in use with fault_service=thread",
            ),
        ],
    )
    def test_refused_arguments(self, dpdk_test, vdevs, text) -> None:
        """Arguments that cannot be are refused, in words.

        Steps:
            Start dpdk-test, with a suite that takes no time, with vdevs whose last one is wrong.

        Verify:
            The wrong vdev is not initialised, and a line says why; the program goes on.
        """
        result = dpdk_test.run(*vdevs, suite="version_autotest")
        name = vdevs[-1].split(",", maxsplit=1)[0]
        verify(text in result.out, result)
        verify(f"failed to initialize {name} device" in result.out, result)
        verify("Test OK" in result.out, result)
