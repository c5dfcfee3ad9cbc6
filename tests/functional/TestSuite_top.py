# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""svart-top: a running program's fault service, read from its telemetry socket."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time

import pytest

from conftest import BUILD, SLOWNESS
from framework import shape, verify

GREETING = {"version": "DPDK 22.11.0", "pid": 1, "max_output_len": 16384}

FAULTS_SHAPE = {
    "page_requests": int,
    "groups": int,
    "answers_success": int,
    "answers_invalid": int,
    "answers_own": int,
    "answers_gone": int,
    "dropped": int,
    "eager_pages": int,
    "overflows": int,
    "deadlines": int,
    "sources_lost": int,
    "latency_p50_ns": int,
    "latency_p99_ns": int,
    "latency_max_ns": int,
}
DEVICE_KEYS = {
    "id",
    "name",
    "address",
    "driver",
    "numa_node",
    "queues",
    "queues_free",
    "fault_mode",
    "fault_source",
    "pinned_bytes",
    "pinned_bytes_peak",
    "faults",
    "pasids",
}
SAMPLE_KEYS = {"time", "pid", "program", "version", "socket", "seconds", "devices"}


class Running:
    """fault_loop, a program that faults until it is told to stop."""

    def __init__(self, folder: pathlib.Path, prefix: str, spec: str = "model:dsa0"):
        self.process = subprocess.Popen(
            [BUILD / "tests/support/fault_loop", prefix, spec],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(folder),
            text=True,
        )
        verify(self.process.stdout.readline() == "ready\n", "fault_loop did not begin")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def stop(self) -> None:
        """Ends it, well."""
        self.process.stdin.close()
        status = self.process.wait(timeout=30 * SLOWNESS)
        verify(status == 0, f"fault_loop ended with status {status}")

    def kill(self) -> None:
        """Ends it at once."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def environment(folder: pathlib.Path) -> dict:
    """EAL makes its sockets in the folder, and svart-top looks there."""
    return dict(os.environ, RUNTIME_DIRECTORY=str(folder))


@pytest.fixture
def folder():
    """A runtime folder with a short path: that of a socket has 107 bytes at most."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="svart-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(folder):
    """Starts programs, and ends those that are left."""
    running = []

    def start_one(prefix: str, spec: str = "model:dsa0") -> Running:
        running.append(Running(folder, prefix, spec))
        return running[-1]

    yield start_one
    for program in running:
        program.kill()


@pytest.fixture
def top(svart_top, folder):
    """Runs svart-top in the folder, and leaves slow programs time to answer."""

    def run(*args, **options):
        timeout = f"--timeout={10 * SLOWNESS}"
        return svart_top.run(timeout, *args, env=environment(folder), **options)

    return run


class Server:
    """Somebody else on the socket: answers with what it is given, in order, then does not answer."""

    def __init__(self, path: pathlib.Path, messages: list, then_close: bool):
        self.path = path
        self.messages = messages
        self.then_close = then_close
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(4)
        self.clients = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Serves one client after the other."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
                self.clients.append(client)
                for number, message in enumerate(self.messages):
                    if number > 0 and not client.recv(4096):
                        break
                    client.send(message)
                if self.then_close:
                    client.close()

    def close(self) -> None:
        """Ends it."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in self.clients:
            client.close()


@pytest.fixture
def serve(folder):
    """Starts hostile servers; returns their socket's path."""
    servers = []

    def serve_one(*messages, then_close: bool = False) -> pathlib.Path:
        encoded = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
        path = folder / f"hostile{len(servers)}"
        servers.append(Server(path, encoded, then_close))
        return path

    yield serve_one
    for server in servers:
        server.close()


def verify_sample(sample: dict, result) -> None:
    """A sample has all it should have, and its numbers agree."""
    verify(set(sample) == SAMPLE_KEYS, result)
    for device in sample["devices"]:
        verify(set(device) == DEVICE_KEYS, result)
        for faults in [device["faults"], *(p["faults"] for p in device["pasids"])]:
            counts = {key: value for key, value in faults.items() if not key.endswith("_per_s")}
            verify(shape(counts) == FAULTS_SHAPE, result)
            verify(faults["page_requests"] >= faults["groups"], result)
            verify(faults["latency_p50_ns"] <= faults["latency_max_ns"], result)
            verify(faults["latency_p99_ns"] <= faults["latency_max_ns"], result)
        verify(device["pinned_bytes"] <= device["pinned_bytes_peak"], result)
        sums = sum(p["pinned_bytes"] for p in device["pasids"])
        verify(device["pinned_bytes"] == sums, result)


class TestTop:
    """Test plan of apps/top."""

    def test_once(self, top, start) -> None:
        """A sample as plain text, at once.

        Steps:
            Start a program that faults. Run svart-top --once on it by its file prefix.

        Verify:
            Status 0; a headline with the process id, titles, and one row with the device, its
            source, and no rates.
        """
        running = start("one")
        result = top("--once", "--file-prefix=one")
        verify(result.status == 0 and result.err == "", result)
        lines = result.out.splitlines()
        verify(len(lines) == 3, result)
        verify(f"program {running.pid} (fault_loop)" in lines[0], result)
        verify(lines[1].split()[:4] == ["ID", "DEVICE", "PASID", "REQ/S"], result)
        row = dict(zip(lines[1].split(), lines[2].split()))
        verify(row["DEVICE"] == "model:dsa0" and row["SOURCE"] == "iommufd", result)
        verify(row["REQ/S"] == "-" and int(row["SUCCESS"]) > 0, result)
        verify("\033" not in result.out, result)
        running.stop()

    def test_json_grows(self, top, start) -> None:
        """Numbers of a program that faults grow, and agree with each other.

        Steps:
            Start a program. Run svart-top --once --json, and twice more with --rates.

        Verify:
            Status 0; each is one JSON object with all its keys; the second's counts are larger;
            rates are null without --rates and positive with.
        """
        running = start("one")
        args = ["--once", "--json", "--pid", running.pid]
        results = [top(*args), top(*args, "--rates", "--interval=0.3")]
        results.append(top(*args, "--rates", "--interval=0.3"))
        for result in results:
            verify(result.status == 0 and result.out.count("\n") == 1, result)
            verify_sample(result.json, result)
            verify(result.json["pid"] == running.pid, result)
        faults = [result.json["devices"][0]["faults"] for result in results]
        for key in ("page_requests", "groups", "answers_success"):
            verify(0 < faults[0][key] < faults[1][key] < faults[2][key], results[1])
        verify(faults[0]["page_requests_per_s"] is None, results[0])
        verify(results[0].json["seconds"] is None, results[0])
        verify(faults[2]["page_requests_per_s"] > 0, results[2])
        verify(results[2].json["seconds"] >= 0.3, results[2])
        running.stop()

    def test_lost_device(self, top, start) -> None:
        """A device that was pulled out of a running program is shown as lost, and why.

        Steps:
            Start a program whose device is gone with its first page request. Run svart-top
            --once, as text and as JSON.

        Verify:
            Status 0; the row marks the device; the JSON object has what svart says of it, beside
            all that other devices have.
        """
        running = start("gone", "model:dsa0,inject=gone:1000")
        result = top("--once", f"--pid={running.pid}")
        verify(result.status == 0, result)
        verify("model:dsa0 (lost)" in result.out, result)
        result = top("--once", "--json", f"--pid={running.pid}")
        verify(result.status == 0, result)
        (device,) = result.json["devices"]
        verify(set(device) == DEVICE_KEYS | {"lost"}, result)
        # A register, or the command register of its configuration space.
        verify(re.search("reads (all ones|0xffff)", device["lost"]), result)
        verify("open it again" in device["lost"], result)

    def test_pasids(self, top, start) -> None:
        """A device with several PASIDs: each has its counts, and their sum is the device's.

        Steps:
            Start a program whose device has PASIDs 7 and 8, of which 7 faults. Run svart-top once
            as text, and as JSON.

        Verify:
            PASID 7 has the device's counts, 8 has none; the text has a row for each and one for all.
        """
        running = start("one", "model:dsa0,pasid=7")
        result = top("--once", "--json", "--pid", running.pid)
        verify_sample(result.json, result)
        device = result.json["devices"][0]
        pasids = {p["pasid"]: p["faults"] for p in device["pasids"]}
        verify(set(pasids) == {7, 8}, result)
        verify(pasids[8]["page_requests"] == 0 < pasids[7]["groups"], result)
        # The device's are read before those of its PASIDs.
        verify(pasids[7]["groups"] >= device["faults"]["groups"], result)
        text = top("--once", "--pid", running.pid)
        rows = [line.split()[2] for line in text.out.splitlines()[2:]]
        verify(rows == ["all", "7", "8"], text)
        running.stop()

    def test_count(self, top, start) -> None:
        """Several samples, to a pipe.

        Steps:
            Run with --count=3 --interval=0.1, as JSON and as text.

        Verify:
            Three objects, a line each, whose times rise; three tables without escape sequences.
        """
        running = start("one")
        args = ["--count=3", "--interval=0.1", "--pid", running.pid]
        result = top("--json", *args)
        samples = [json.loads(line) for line in result.out.splitlines()]
        verify(result.status == 0 and len(samples) == 3, result)
        times = [sample["time"] for sample in samples]
        verify(times == sorted(times), result)
        verify(samples[0]["seconds"] is None and samples[1]["seconds"] > 0, result)
        text = top(*args)
        verify(text.out.count("svart-top ") == 3 and "\033" not in text.out, text)
        running.stop()

    def test_several_programs(self, top, start) -> None:
        """With several programs of one file prefix the user chooses.

        Steps:
            Start two programs with one file prefix. Run svart-top with it alone, with --list, and
            with --pid of each.

        Verify:
            Alone: status 1, nothing on standard output, and both process ids and --pid on standard
            error. --list: status 0, both. With --pid: that program.
        """
        pids = [start("both").pid, start("both").pid]
        result = top("--once", "--file-prefix=both")
        verify(result.status == 1 and result.out == "", result)
        verify("--pid" in result.err and all(str(pid) in result.err for pid in pids), result)
        result = top("--list", "--file-prefix=both")
        verify(result.status == 0 and all(str(pid) in result.out for pid in pids), result)
        for pid in pids:
            result = top("--once", "--json", "--pid", pid)
            verify(result.status == 0 and result.json["pid"] == pid, result)

    def test_program_ends(self, svart_top, start, folder) -> None:
        """A program that ends while it is shown is told of.

        Steps:
            Watch a program by JSON; stop the program after the first sample.

        Verify:
            svart-top ends with status 3 and one line that says so; what it printed is whole JSON.
        """
        running = start("one")
        process = svart_top.start(
            "--json", "--interval=0.1", "--pid", running.pid, env=environment(folder)
        )
        first = process.stdout.readline()
        running.stop()
        out, err = process.communicate(timeout=30 * SLOWNESS)
        verify(process.returncode == 3, err)
        verify(f"program {running.pid} (fault_loop)" in err and "has ended" in err, err)
        verify(err.count("\n") == 1, err)
        for line in [first, *out.splitlines()]:
            verify(set(json.loads(line)) == SAMPLE_KEYS, line)

    def test_nobody_there(self, top, folder, start) -> None:
        """What is no running program is told.

        Steps:
            Run on a file prefix that nobody has; on a path that is not there; on a file; on a
            socket whose program was killed; on a path that is too long.

        Verify:
            Status 1, nothing on standard output, a line that says what is wrong.
        """
        running = start("dead")
        running.kill()
        stale = folder / "dpdk/dead/dpdk_telemetry.v2"
        file = folder / "file"
        file.touch()
        cases = [
            (["--file-prefix=nobody"], "was found"),
            (["--socket", folder / "none"], "No such file"),
            (["--socket", file], "nobody answers"),
            (["--socket", stale], "nobody answers"),
            (["--file-prefix=dead"], "was found"),
            (["--socket", "x" * 200], "bytes"),
        ]
        for args, words in cases:
            result = top("--once", *args)
            verify(result.status == 1 and result.out == "", result)
            verify(words in result.err, result)

    def test_hostile_greeting(self, top, serve) -> None:
        """Whoever sits on the socket can only make svart-top say so.

        Steps:
            Connect to servers that greet with nothing, garbage, JSON that is no greeting, deeply
            nested JSON, a good greeting of 300 KiB, or not at all.

        Verify:
            Status 1 and one line each, without escape sequences; silence ends by --timeout.
        """
        none = {"/svart/devices": []}
        paths = [
            serve(then_close=True),
            serve(b"\xff\x00garbage\033[2J", then_close=True),
            serve(b"[]"),
            serve(b"null"),
            serve({"version": 1, "pid": "x"}),
            serve({"version": "v", "pid": -1}),
            serve(b'{"version":"v","pid":1,"pid":2}'),
            serve(b"[" * 100000),
            serve(json.dumps(GREETING).encode() + b" " * (300 << 10), none, none),
            serve(),
        ]
        for path in paths:
            result = top("--once", "--socket", path, "--timeout=0.5", timeout=20)
            verify(result.status == 1 and result.out == "", result)
            verify(result.err.count("\n") == 1 and "\033" not in result.err, result)

    def test_hostile_answers(self, top, serve) -> None:
        """Nor can it by its answers.

        Steps:
            Connect to servers that greet well, then answer with garbage, null, an answer to another
            command, devices that have no numbers or too many, or not at all; or that close.

        Verify:
            Status 1, or 0 where a device is only gone; in time; and no escape sequence anywhere.
        """
        devices = {"/svart/devices": [0]}
        bad = [
            [b"{garbage"],
            [{"/svart/devices": None}],
            [{"/other": []}],
            [devices, devices, {"/svart/devices": ["x"]}],
            [devices, {"/svart/devices": [-1]}],
            [devices, {"/svart/devices": [1 << 40]}],
            [devices, {"/svart/devices": [0] * 2000}],
            [devices, devices] + [{"/svart/device": {"id": 7}}] * 5,
            [devices, devices, {"/svart/device": {"id": 0}}, {"/svart/faults": {"id": 0}}],
            [devices, devices],
            [],
        ]
        for answers in bad:
            path = serve(GREETING, *answers)
            result = top("--once", "--socket", path, "--timeout=0.5", timeout=20)
            verify(result.status == 1 and result.out == "", result)
            verify(result.err.count("\n") == 1 and "\033" not in result.err, result)
        path = serve(GREETING, devices, devices, {"/svart/device": None})
        result = top("--once", "--json", "--socket", path, timeout=20)
        verify(result.status == 0 and result.json["devices"] == [], result)
        path = serve(GREETING, devices, then_close=True)
        result = top("--once", "--socket", path, timeout=20)
        verify(result.status == 3 and "has ended, or its telemetry has" in result.err, result)

    def test_dpdk_program_without_svart(self, top, serve) -> None:
        """A DPDK program that does not use svart is told apart.

        Steps:
            Connect to a server that greets as DPDK, and answers an unknown command as DPDK does.

        Verify:
            Status 1, and the line says that the program does not use svart.
        """
        path = serve(GREETING, {"/svart/devices": None})
        result = top("--once", "--socket", path)
        verify(result.status == 1 and "does not use svart" in result.err, result)

    @pytest.mark.parametrize("end", ["q", "SIGINT", "SIGTERM"])
    def test_terminal(self, svart_top, start, folder, end) -> None:
        """On a terminal it takes the screen, follows its size, and gives it back.

        Steps:
            Run on a pseudo terminal of 20 rows and 60 columns; resize it to 100 columns; end it by
            q, SIGINT or SIGTERM.

        Verify:
            The alternate screen is entered; no line is wider than the terminal; the wider screen
            shows more; status 0; the alternate screen is left, the cursor shown, and the
            terminal's settings are as before.
        """
        try:
            terminal, slave = pty.openpty()
        except OSError as error:
            pytest.skip(f"no terminal here: {error}")
        running = start("one")
        before = termios.tcgetattr(slave)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
        process = svart_top.start(
            "--interval=60",
            "--pid",
            running.pid,
            stdin=slave,
            stdout=slave,
            env=dict(environment(folder), TERM="xterm"),
        )
        try:
            narrow = read_terminal(terminal, "\033[J")
            verify(narrow.startswith("\033[?1049h"), narrow)
            for line in narrow.split("\033[H", 1)[1].split("\033[K"):
                verify(len(line.strip()) <= 60, line)
            verify("SUCCESS" not in narrow or "SOURCE" not in narrow, narrow)
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 200, 0, 0))
            process.send_signal(signal.SIGWINCH)
            wide = read_terminal(terminal, "\033[J")
            verify("SOURCE" in wide and "iommufd" in wide, wide)
            if end == "q":
                os.write(terminal, b"q")
            else:
                process.send_signal(getattr(signal, end))
            rest = read_terminal(terminal, "\033[?1049l")
            verify("\033[?25h" in rest, rest)
            verify(process.wait(timeout=20 * SLOWNESS) == 0, process.stderr.read())
            verify(termios.tcgetattr(slave) == before, "the terminal is not as it was")
        finally:
            process.kill()
            process.communicate()
            os.close(terminal)
            os.close(slave)

    def test_usage(self, svart_top) -> None:
        """The command line.

        Steps:
            Ask for --help and --version; give options that are wrong.

        Verify:
            Help tells of every exit status; wrong ones end with status 2 and one reason.
        """
        result = svart_top.run("--help")
        verify(result.status == 0 and "Exit status" in result.out, result)
        result = svart_top.run("--version")
        verify(result.status == 0 and result.out.startswith("svart-top "), result)
        wrong = [
            ["word"],
            ["--interval=0"],
            ["--interval=nan"],
            ["--interval=1s"],
            ["--timeout=-1"],
            ["--count=0"],
            ["--count=1e3"],
            ["--pid=0"],
            ["--pid=99999999"],
            ["--file-prefix=../x"],
            ["--file-prefix="],
            ["--socket=x", "--pid=1"],
            ["--socket=x", "--list"],
            ["--nonesuch"],
        ]
        for args in wrong:
            result = svart_top.run(*args)
            verify(result.status == 2 and result.out == "", result)
            verify("svart-top" in result.err, result)


def read_terminal(terminal: int, until: str, timeout: float = 20) -> str:
    """What a program draws, until it has drawn this."""
    text = ""
    deadline = time.monotonic() + timeout * SLOWNESS
    while until not in text:
        left = deadline - time.monotonic()
        verify(left > 0, f"no {until!r} in {text!r}")
        if select.select([terminal], [], [], left)[0]:
            text += os.read(terminal, 65536).decode()
    return text
