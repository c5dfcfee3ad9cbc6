# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""dpdk-pktcopy, a DPDK program that knows nothing of svart, on DPDK's dmadev and on svart's."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from conftest import BUILD, SLOWNESS, Program, Result
from framework import finish, shape, verify

DRIVER = BUILD / "pmd/dmadev/librte_dma_svart.so"

# A program on a machine of any size, without hugepages, PCI or root.
EAL = ["--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry", "--iova-mode=va"]

VDEVS = {
    "skeleton": "dma_skeleton0",
    "svart": "dma_svart0,device=model:dsa0",
    "svart-no-faults": "dma_svart0,device=model:dsa0,faults=off",
    "svart-edu": "dma_svart0,device=model:edu0,dma_mask_bits=64",
}

JSON_SHAPE = {
    "dma": str,
    "lcores": int,
    "received": int,
    "transmitted": int,
    "dropped": int,
    "wrong": int,
    "bytes": int,
    "ring_full": int,
    "seconds": float,
    "packets_per_s": int,
    "dma_submitted": int,
    "dma_completed": int,
    "dma_errors": int,
}


def lcores_on_all_cpus(number: int) -> str:
    """EAL's option for lcores that are on no CPU in particular."""
    cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    return "--lcores=" + ",".join(f"{lcore}@({cpus})" for lcore in range(number))


class Telemetry:
    """DPDK's telemetry of a program that was started with RUNTIME_DIRECTORY=folder."""

    def __init__(self, folder: str):
        self.path = pathlib.Path(folder, "dpdk/rte/dpdk_telemetry.v2")

    def ask(self, command: str):
        """The answer, or None while there is none."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            try:
                client.connect(str(self.path))
                client.recv(16384)  # Its greeting.
                client.send(command.encode())
                return json.loads(client.recv(16384))[command.split(",", maxsplit=1)[0]]
            except (FileNotFoundError, ConnectionError):
                return None

    def wait_until_completed(self, process, timeout: float = 20) -> dict:
        """The dmadev's statistics, as soon as it has done something."""
        deadline = time.monotonic() + timeout * SLOWNESS
        while time.monotonic() < deadline:
            stats = self.ask("/dmadev/stats,0,0")
            if stats and stats["completed"] > 0:
                return stats
            verify(process.poll() is None, "the program ended before it copied")
            time.sleep(0.01)
        process.kill()
        raise AssertionError("the program did not begin to copy")


class PktCopy:
    """dpdk-pktcopy with a device of its EAL's --vdev."""

    def __init__(self, program: Program, vdev: str):
        self.program = program
        self.eal = [*EAL, f"--vdev={vdev}"]
        # A driver that is loaded by its name is found below /tmp too, where EAL takes no path.
        self.env = {**os.environ, "LD_LIBRARY_PATH": str(DRIVER.parent)}
        if "svart" in vdev:
            self.eal += ["-d", DRIVER.name]

    def is_for_tsan(self) -> bool:
        """Whether it was built for ThreadSanitizer."""
        done = subprocess.run(["ldd", self.program.path], capture_output=True, text=True, check=True)
        return "libtsan" in done.stdout

    def args(self, *options, lcores=1) -> list:
        """The arguments."""
        return [*self.eal, lcores_on_all_cpus(lcores), "--", *options]

    def run(self, *options, lcores=1) -> Result:
        """Runs it to its end."""
        return self.program.run(
            *self.args("--json", *options, lcores=lcores), env=self.env, cwd="/", timeout=120
        )


@pytest.fixture(params=VDEVS)
def pktcopy(request, dpdk_pktcopy) -> PktCopy:
    """The program, with each device."""
    if "svart" in request.param and not DRIVER.is_file():
        pytest.skip("svart was built without the dmadev driver; ./dev build says why")
    return PktCopy(dpdk_pktcopy, VDEVS[request.param])


def verify_copied(result: Result, packets: int) -> None:
    """All packets went through the device, whole."""
    verify(result.status == 0, result)
    verify(shape(result.json) == JSON_SHAPE, result)
    for member in ("received", "transmitted", "dma_submitted", "dma_completed"):
        verify(result.json[member] == packets, f"{member} is not {packets}\n{result}")
    for member in ("dropped", "wrong", "dma_errors"):
        verify(result.json[member] == 0, f"{member} is not 0\n{result}")


class TestPktcopy:
    """Test plan of dpdk-pktcopy."""

    def test_knows_nothing_of_svart(self, dpdk_pktcopy) -> None:
        """The program is linked with DPDK only.

        Steps:
            List the libraries that the program needs.

        Verify:
            DPDK's dmadev library is one, svart's is none.
        """
        done = subprocess.run(
            ["readelf", "-d", dpdk_pktcopy.path], capture_output=True, text=True, check=True
        )
        verify("librte_dmadev" in done.stdout, done.stdout)
        verify("svart" not in done.stdout, done.stdout)

    @pytest.mark.parametrize("lcores", [1, 2, 3, 4])
    def test_packets(self, pktcopy, lcores) -> None:
        """Packets of all sizes are copied, by one lcore or several.

        Steps:
            Copy 5000 packets of 64 to 1500 bytes with so many lcores.

        Verify:
            Each was received, copied by the device, found whole and in order.
        """
        if lcores > 1 and pktcopy.is_for_tsan():
            pytest.skip("rte_ring orders by barriers that ThreadSanitizer does not know")
        verify_copied(pktcopy.run("--packets=5000", lcores=lcores), 5000)

    @pytest.mark.parametrize(
        "options",
        [
            ["--size=32"],
            ["--size=9000", "--packets=1000"],
            ["--size=33-8999", "--packets=1000"],
            ["--burst=1", "--packets=2000"],
            ["--burst=256"],
            ["--ring=32", "--burst=64"],
            ["--packets=1"],
        ],
    )
    def test_options(self, pktcopy, options) -> None:
        """Sizes, bursts and rings at their limits.

        Steps:
            Copy packets with these options.

        Verify:
            Each was copied whole; their bytes add up where they have one size.
        """
        packets = next((int(o[10:]) for o in options if o.startswith("--packets=")), 4000)
        result = pktcopy.run(f"--packets={packets}", *options)
        verify_copied(result, packets)
        if options[0] in ("--size=32", "--size=9000"):
            verify(result.json["bytes"] == packets * int(options[0][7:]), result)

    def test_signal(self, pktcopy) -> None:
        """A signal ends it after the packets that are under way.

        Steps:
            Start a copy of very many packets; when the dmadev's telemetry says that some are
            copied, ask for its dump, and send SIGINT.

        Verify:
            The dump is of a started dmadev. Status 0; what was received was transmitted, and is
            less than was asked for.
        """
        with tempfile.TemporaryDirectory() as folder:
            args = pktcopy.args("--json", "--packets=1000000000")
            args.remove("--no-telemetry")
            process = pktcopy.program.start(
                *args, env={**pktcopy.env, "RUNTIME_DIRECTORY": folder}, cwd="/"
            )
            telemetry = Telemetry(folder)
            stats = telemetry.wait_until_completed(process)
            dump = telemetry.ask("/dmadev/dump,0")
            process.send_signal(signal.SIGINT)
            result = finish(process)
        verify(stats["errors"] == 0, stats)
        verify("[started]" in dump, dump)
        verify(result.status == 0, result)
        verify(0 < result.json["received"] < 1000000000, result)
        verify(result.json["transmitted"] == result.json["received"], result)

    @pytest.mark.parametrize("service", ["thread", "inline"])
    @pytest.mark.parametrize(
        "inject, text",
        [
            ("reset", "the device was reset"),
            ("gone", "the device is gone|the device is unplugged or off"),
            ("no_master", "bus mastering"),
            ("enodev", "page requests are lost"),
        ],
    )
    def test_device_lost(self, dpdk_pktcopy, inject, text, service) -> None:
        """A device that is lost under its work fails what it has, and the program goes on.

        Steps:
            Copy one burst on a software machine whose device is reset, pulled out, kept from
            memory, or not served any more, at its first page request.

        Verify:
            Status 1; all packets are dropped, as errors of the dmadev; none is lost or wrong. The
            log says what happened.
        """
        if not DRIVER.is_file():
            pytest.skip("svart was built without the dmadev driver; ./dev build says why")
        vdev = f"dma_svart0,device=model:dsa0,fault_service={service},inject={inject}:1000"
        pktcopy = PktCopy(dpdk_pktcopy, vdev)
        result = pktcopy.run("--packets=32")
        verify(result.status == 1, result)
        verify(re.search(f"the queue has failed: .*({text})", result.err), result)
        for member in ("received", "dropped", "dma_submitted", "dma_completed", "dma_errors"):
            verify(result.json[member] == 32, f"{member} is not 32\n{result}")
        verify(result.json["transmitted"] == result.json["wrong"] == 0, result)

    def test_device_lost_is_not_full(self, dpdk_pktcopy) -> None:
        """A device that takes nothing any more is not told as one whose ring is full.

        Steps:
            Copy more packets than a ring holds, on a software machine whose device is reset at its
            first page request.

        Verify:
            Status 1 when the program has given up; the message says that the device has failed;
            the ring was full only as often as packets waited while the device had others.
        """
        if not DRIVER.is_file():
            pytest.skip("svart was built without the dmadev driver; ./dev build says why")
        pktcopy = PktCopy(dpdk_pktcopy, "dma_svart0,device=model:dsa0,inject=reset:1000")
        result = pktcopy.run("--packets=3000")
        verify(result.status == 1, result)
        verify("has failed or was reset" in result.err, result)
        verify(result.json["dma_completed"] == result.json["dma_submitted"] > 0, result)
        # It was at its first page when it was reset: the ring was full for a moment, if at all.
        verify(result.json["ring_full"] < 1000000, result)

    def test_nothing_to_copy_is_not_full(self, dpdk_pktcopy) -> None:
        """A ring that is full of all there is to copy keeps nobody waiting.

        Steps:
            Copy 31 packets, which a ring of 32 holds, all at once, by one lcore.

        Verify:
            Status 0; the ring was never full.
        """
        pktcopy = PktCopy(dpdk_pktcopy, "dma_skeleton0")
        result = pktcopy.run("--packets=31", "--burst=31", "--ring=32")
        verify_copied(result, 31)
        verify(result.json["ring_full"] == 0, result)

    def test_no_service_core(self, dpdk_pktcopy) -> None:
        """A fault service that no service core runs is told, before anybody waits for it.

        Steps:
            Start it on svart's dmadev with fault_service=service, without service cores; read
            standard error until the warning is there; kill it.

        Verify:
            The warning names the vdev, the service and what to do.
        """
        if not DRIVER.is_file():
            pytest.skip("svart was built without the dmadev driver; ./dev build says why")
        pktcopy = PktCopy(dpdk_pktcopy, "dma_svart0,device=model:dsa0,fault_service=service")
        process = pktcopy.program.start(*pktcopy.args("--packets=1"), env=pktcopy.env, cwd="/")
        try:
            lines = iter(process.stderr.readline, "")
            told = next((line for line in lines if "no service core runs svart_fault" in line), "")
        finally:
            process.kill()
            process.communicate()
        verify("dma_svart0" in told, "there was no warning")
        verify("-s" in told and "rte_service_map_lcore_set()" in told, told)

    def test_help(self, pktcopy) -> None:
        """Help is on standard output.

        Steps:
            Ask for the program's help, and for EAL's.

        Verify:
            Status 0; the options are there.
        """
        for args in ([*pktcopy.eal, "--", "--help"], ["--help"]):
            result = pktcopy.program.run(*args, env=pktcopy.env, cwd="/")
            verify(result.status == 0, result)
            verify("--packets=N" in result.out, result)

    @pytest.mark.parametrize(
        "option",
        ["--packets=0", "--size=31", "--size=9001", "--size=100-99", "--burst=257", "--ring=0x", "x"],
    )
    def test_wrong_option(self, pktcopy, option) -> None:
        """What is not an option's value is refused.

        Steps:
            Start it with this option.

        Verify:
            Status 1; the message has the value; nothing was copied.
        """
        result = pktcopy.run(option)
        verify(result.status == 1, result)
        verify(f"'{option.split('=')[-1]}'" in result.err, result)
        verify(result.out == "", result)

    def test_no_device(self, dpdk_pktcopy) -> None:
        """Without a dmadev it says what is missing.

        Steps:
            Start it without --vdev, and with --dma=nothing.

        Verify:
            Status 1; the message says --vdev, and the name.
        """
        for option, text in (("--json", "--vdev"), ("--dma=nothing", "no dmadev nothing")):
            result = dpdk_pktcopy.run(*EAL, lcores_on_all_cpus(1), "--", option)
            verify(result.status == 1, result)
            verify(text in result.err, result)
