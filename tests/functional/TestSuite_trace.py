# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Trace points: a copy is recorded, read with babeltrace2, and every page request followed."""

import collections
import pathlib

import pytest

from ctf import parse_line, read_declarations, read_events
from framework import KIB, MIB, make_file, same_contents, verify

# Buffers that hold all: an event that does not fit would be lost.
EAL = (
    "--no-huge -m 16 --no-pci --no-shconf --iova-mode=va --no-telemetry -l 0 "
    "--trace-bufsz=16M --trace-mode=discard"
)
EVERY_POINT = ["--trace=svart.fault.*", "--trace=svart.queue.*"]

# doc/guides/tracing.rst: what those who read traces rely on.
IDENTITY = [("uint32_t", "device"), ("uint32_t", "pasid"), ("uint32_t", "group_id"),
            ("uint64_t", "token")]  # fmt: skip
FIELDS = {
    "svart.fault.page_request": IDENTITY
    + [("uint64_t", "addr"), ("uint32_t", "access"), ("uint32_t", "flags")],
    "svart.fault.group_ready": IDENTITY + [("uint32_t", "nr")],
    "svart.fault.resolve": [
        ("uint64_t", "start"),
        ("uint64_t", "end"),
        ("uint32_t", "access"),
        ("uint64_t", "ns"),
        ("int32_t", "result"),
    ],
    "svart.fault.page_response": IDENTITY
    + [("uint32_t", "flags"), ("uint32_t", "code"), ("uint8_t", "gone"), ("uint64_t", "ns")],
    "svart.fault.overflow": [("uint32_t", "device"), ("uint64_t", "nr")],
    "svart.fault.deadline": IDENTITY + [("uint64_t", "ns")],
    "svart.queue.submit": [
        ("uint32_t", "device"),
        ("uint32_t", "queue"),
        ("uint32_t", "nr"),
        ("uint64_t", "cookie"),
    ],
    "svart.queue.complete": [
        ("uint32_t", "device"),
        ("uint32_t", "queue"),
        ("uint64_t", "cookie"),
        ("uint8_t", "status"),
        ("uint64_t", "bytes"),
    ],
}

LAST = 1 << 1
NEEDS_RESPONSE = 1 << 2
PAGE = 4096


class Recording:
    """A recorded copy: what svart-copy said of it, and its trace."""

    def __init__(self, program, folder: pathlib.Path, *options):
        source, self.folder = make_file(folder / "source", 8 * MIB), folder / "traces"
        eal = " ".join([EAL, *EVERY_POINT, f"--trace-dir={self.folder}"])
        args = ["--eal", eal, "--json", "--chunk", 64 * KIB, *options]
        self.result = program.run(*args, source, folder / "copy")
        verify(self.result.status == 0, self.result)
        verify(same_contents(source, folder / "copy"), self.result)
        self.copy = self.result.json
        self.session = self._only_session()
        self.events = read_events(self.session)

    def _only_session(self) -> pathlib.Path:
        """DPDK names the folder of a run by its time."""
        sessions = list(self.folder.iterdir())
        verify(len(sessions) == 1, f"{sessions}\n{self.result}")
        return sessions[0]

    def named(self, name: str) -> list:
        """The events of a point."""
        return [event for event in self.events if event.name == name]


@pytest.fixture(params=["thread", "inline"])
def recording(request, svart_copy, tmp_path) -> Recording:
    """A recorded copy, page requests answered on a thread of their own and in the copying one."""
    return Recording(svart_copy, tmp_path, "--faults", request.param)


def identity(event) -> tuple:
    """Whose group an event is about."""
    return event["device"], event["pasid"], event["group_id"], event["token"]


def follow_groups(events: list) -> int:
    """Follows every group from its requests to its answer; returns how many answers there were.

    A token may be used again once it was answered, so the order counts.
    """
    waiting = collections.defaultdict(list)
    answers = 0
    for event in events:
        if event.name == "svart.fault.page_request":
            waiting[identity(event)].append(event)
        elif event.name == "svart.fault.group_ready":
            group = waiting[identity(event)]
            verify(len(group) == event["nr"], f"{event} has {len(group)} requests")
            verify(group[-1]["flags"] & LAST, f"{event} without a LAST")
        elif event.name == "svart.fault.page_response":
            answers += 1
            group = waiting[identity(event)]
            verify(group, f"nobody waits for {event}")
            if event["flags"] & LAST:
                del waiting[identity(event)]
            else:
                verify(any(r["flags"] & NEEDS_RESPONSE for r in group), f"not owed: {event}")
    left = [request for group in waiting.values() for request in group]
    verify(left == [], f"without an answer: {left}")
    return answers


def line(name: str, **fields) -> str:
    """A line as babeltrace2 prints it."""
    text = ", ".join(f"{field} = {value:#x}" for field, value in fields.items())
    return f'[18:49:59.906567318] (+0.000000096) {name}: {{ cpu_id = 0x0, name = "x" }}, {{ {text} }}'


def fault(point: str, token: int, **fields):
    """An event of the group with this token."""
    name = f"svart.fault.{point}"
    return parse_line(line(name, device=0, pasid=5, group_id=1, token=token, **fields))


class TestTrace:
    """Test plan of trace points."""

    def test_every_point_is_declared(self, recording) -> None:
        """A trace declares every point, with the documented fields.

        Steps:
            Record a copy with every point on.
            Read the trace's metadata.

        Verify:
            Exactly the documented points are there, with these fields, types and this order; every
            event has the fields of its point; every point that a good copy passes has events.
        """
        verify(read_declarations(recording.session) == FIELDS, recording.session)
        for event in recording.events:
            verify(list(event.fields) == [field for _, field in FIELDS[event.name]], event)
        rare = {"svart.fault.overflow", "svart.fault.deadline"}
        seen = {event.name for event in recording.events}
        verify(seen == FIELDS.keys() - rare, f"events of {seen}")

    def test_every_page_request_is_answered_once(self, recording) -> None:
        """Every page request has exactly one answer, after it.

        Steps:
            Record a copy with every point on.
            Follow each group, by device, PASID, group id and token, through the trace.

        Verify:
            Each group has its LAST and says its number of requests; one answer follows; none comes
            without a request; what svart-copy counted agrees.
        """
        answers = follow_groups(recording.events)
        copy = recording.copy
        verify(len(recording.named("svart.fault.page_request")) == copy["page_requests"], copy)
        verify(len(recording.named("svart.fault.group_ready")) == copy["groups"], copy)
        verify(answers == sum(copy["answers"].values()) > 0, copy)
        for answer in recording.named("svart.fault.page_response"):
            verify(answer["code"] == 0 and answer["gone"] == 0 and answer["ns"] > 0, answer)

    def test_requested_pages_were_resolved(self, recording) -> None:
        """What was asked for is what was mapped.

        Steps:
            Record a copy with every point on.
            Look for the page of each request among the resolved ranges.

        Verify:
            Every range is of whole pages, has a time, and its result is success; every requested
            page is in one.
        """
        pages = set()
        for event in recording.named("svart.fault.resolve"):
            start, end = event["start"], event["end"]
            verify(start < end and start % PAGE == end % PAGE == 0, event)
            verify(event["result"] == 0 and event["ns"] > 0, event)
            pages.update(range(start, end, PAGE))
        for request in recording.named("svart.fault.page_request"):
            verify(request["addr"] // PAGE * PAGE in pages, request)

    def test_operations_are_submitted_and_complete(self, recording) -> None:
        """Every operation is in a submit, and has one complete.

        Steps:
            Record a copy with every point on.
            Count operations by submits and by completes.

        Verify:
            Both are the number that svart-copy counted; at no time have more completed than were
            submitted; all succeeded, and the bytes are those of the file.
        """
        in_flight = 0
        for event in recording.events:
            if event.name == "svart.queue.submit":
                in_flight += event["nr"]
            elif event.name == "svart.queue.complete":
                in_flight -= 1
            verify(in_flight >= 0, event)
        completes = recording.named("svart.queue.complete")
        verify(in_flight == 0, f"{in_flight} operations without a complete")
        verify(len(completes) == recording.copy["ops"], recording.copy)
        verify(all(event["status"] == 0 for event in completes), recording.session)
        verify(sum(event["bytes"] for event in completes) == recording.copy["bytes"], completes)

    def test_without_trace_nothing_is_written(self, svart_copy, tmp_path) -> None:
        """No point is on by default.

        Steps:
            Copy a file with HOME set to an empty folder, where DPDK would write traces.

        Verify:
            The folder stays empty.
        """
        home = tmp_path / "home"
        home.mkdir()
        source = make_file(tmp_path / "source", MIB)
        result = svart_copy.run(source, tmp_path / "copy", env={"HOME": str(home)})
        verify(result.status == 0, result)
        verify(list(home.iterdir()) == [], result)

    @pytest.mark.parametrize(
        "events",
        [
            [fault("page_request", 1, flags=LAST)],
            [fault("page_response", 1, flags=LAST)],
            [
                fault("page_request", 1, flags=LAST),
                fault("page_response", 1, flags=LAST),
                fault("page_response", 1, flags=LAST),
            ],
            [fault("page_request", 1, flags=LAST), fault("page_response", 2, flags=LAST)],
            [fault("page_response", 1, flags=LAST), fault("page_request", 1, flags=LAST)],
            [
                fault("page_request", 1, flags=LAST),
                fault("group_ready", 1, nr=2),
                fault("page_response", 1, flags=LAST),
            ],
            [
                fault("page_request", 1, flags=LAST),
                fault("page_response", 1, flags=0),
                fault("page_response", 1, flags=LAST),
            ],
        ],
        ids=["none", "unasked", "two", "other", "early", "count", "own"],
    )
    def test_following_finds_a_wrong_answer(self, events) -> None:
        """What this suite follows traces by can fail.

        Steps:
            Follow the groups of a trace with a missing, unasked, second, wrong, early or unowed
            answer, or a wrong count.

        Verify:
            It is found.
        """
        with pytest.raises(AssertionError):
            follow_groups(events)
