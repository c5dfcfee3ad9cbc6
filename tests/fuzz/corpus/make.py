#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Writes the seed corpus: one file for each case that has a name, in the folder of its target.

The format of a target's input is told at the head of its C file. Run it after a change:
tests/fuzz/corpus/make.py. Files that it does not know are left alone: findings are kept as files.
"""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent


def u8(*values):
    return bytes(values)


def u16(value):
    return struct.pack("<H", value)


def u64(value):
    return struct.pack("<Q", value)


# --- group -------------------------------------------------------------------------------------

PASID, LAST = 1, 2


def add(table, key, flags):
    return b"a" + u8(table, key, flags)


def release(n):
    return b"r" + u8(n)


def drop(table):
    return b"d" + u8(table)


GROUP = {
    "interleaved": b"".join(add(0, key, PASID) for _ in range(3) for key in (4, 8, 12))
    + b"".join(add(0, key, PASID | LAST) for key in (4, 8, 12)),
    "no_node": b"".join(add(0, 4, PASID) for _ in range(17)) + add(0, 4, PASID | LAST) + add(0, 4, 3),
    "no_place": b"".join(add(0, 4 * n, PASID) for n in range(8))
    + b"".join(add(0, 4 * n, PASID | LAST) for n in range(8)),
    "poisoned_then_dropped": b"".join(add(0, 4, PASID) for _ in range(17)) + drop(0) + add(0, 4, 3),
    "two_tables": add(0, 4, 1) + add(1, 4, 1) + add(0, 4, 3) + drop(1) + release(0),
    "without_pasid": add(0, 4, 0) + add(0, 5, LAST) + drop(0) + release(0),
}


# --- iommufd -----------------------------------------------------------------------------------

FIELDS = ("flags", "dev_id", "pasid", "grpid", "perm", "reserved", "addr", "length", "cookie")
ERRORS = ("EINTR", "EAGAIN", "ENOMEM", "EFAULT", "EIO", "EINVAL", "ENODEV", "EBADF")
DETACH, PUMP = b"d", b"."


def group(cookie, nr):
    return b"g" + u8(cookie, nr)


def large(cookie, nr):
    return b"b" + u8(cookie, nr // 16)


def spoil(field, index, value):
    return b"s" + u8(FIELDS.index(field), index) + u64(value)


def raw(*records):
    return b"r" + u8(len(records)) + b"".join(struct.pack("<6IQII", *r) for r in records)


def read_error(name, times):
    return b"e" + u8(ERRORS.index(name), times)


def read_short(nr):
    return b"t" + u16(nr)


def write_error(name, times):
    return b"w" + u8(ERRORS.index(name), times)


def write_limit(nr):
    return b"w" + u8(len(ERRORS) + 1, nr)


WRITE_NONSENSE = b"w" + u8(len(ERRORS), 1)

IOMMUFD = {
    "sound": group(1, 1) + group(2, 8) + PUMP + group(1, 3) + PUMP,
    "unknown_flags": group(1, 3) + spoil("flags", 1, 0xFFFFFFFD) + PUMP,
    "unknown_permission": group(1, 3) + spoil("perm", 1, 0x10) + PUMP,
    "reserved_field": group(1, 3) + spoil("reserved", 1, 1) + PUMP,
    "unaligned_address": group(1, 2) + spoil("addr", 0, 0x7F0000000FFF) + PUMP,
    "last_page_of_all": group(1, 2) + spoil("addr", 0, 0xFFFFFFFFFFFFFFFF) + PUMP,
    "length_wraps": group(1, 2)
    + spoil("addr", 0, 0xFFFFFFFFFFFFF000)
    + spoil("length", 0, 0x2000)
    + PUMP,
    "pasid_out_of_range": group(1, 1) + spoil("pasid", 0, 1 << 20) + PUMP,
    "two_pasids": group(1, 3) + spoil("pasid", 1, 6) + PUMP,
    "two_group_ids": group(1, 3) + spoil("grpid", 1, 0x200) + PUMP,
    "other_device": group(1, 2) + spoil("dev_id", 0, 4) + PUMP,
    "cookie_zero": group(0, 2) + PUMP,
    "cookie_twice": group(7, 2) + group(7, 3) + PUMP,
    "cookie_changes": group(7, 4) + spoil("cookie", 2, 8) + PUMP,
    "last_in_the_middle": group(7, 4) + spoil("flags", 1, 3) + PUMP,
    "no_last": group(7, 4) + spoil("flags", 3, 1) + PUMP,
    "page_cannot_be_had": group(1, 16) + group(2, 16) + PUMP,
    "no_node": group(1, 63) + group(2, 66) + group(3, 255) + PUMP + PUMP,
    "larger_than_the_buffer": large(1, 1024) + PUMP + group(2, 1) + PUMP,
    "larger_than_any_buffer": group(1, 1) + b"x\x02" + group(3, 1) + PUMP + PUMP,
    "raw_records": raw((1, 3, 5, 9, 1, 0, 0, 0, 9), (3, 3, 5, 9, 2, 0, 0, 0, 9)) + PUMP,
    "short_read": group(1, 2) + read_short(39) + PUMP + group(2, 2) + read_short(80) + PUMP,
    "lost_device": group(1, 1) + PUMP + read_error("ENODEV", 1) + group(2, 1) + PUMP,
    "read_errors_pass": read_error("EINTR", 1)
    + PUMP
    + read_error("ENOMEM", 2)
    + PUMP
    + read_error("EFAULT", 1)
    + PUMP
    + group(1, 1)
    + PUMP,
    "einval_without_end": read_error("EINVAL", 60) + group(1, 1) + PUMP + PUMP + PUMP,
    "write_errors_pass": group(1, 1) + write_error("EINTR", 15) + PUMP + group(2, 1) + PUMP,
    "write_takes_some": b"".join(group(n, 1) for n in range(1, 9)) + write_limit(3) + PUMP,
    "write_says_more": group(1, 1) + WRITE_NONSENSE + PUMP,
    "write_lost_device": group(1, 1) + group(2, 1) + write_error("ENODEV", 1) + PUMP,
    "detach_answers": large(1, 512) + group(2, 1) + PUMP + DETACH + PUMP + group(2, 1) + PUMP,
}


# --- vtd, smmu ---------------------------------------------------------------------------------

RAW_LAST, READ, WRITE, PRIVATE, EXEC, PRIVILEGED, STRANGER, PRI = (1 << n for n in range(8))


def request(pasid, group_id, flags, page):
    return b"q" + u8(pasid, group_id, flags, page)


def groups(pasid, nr, flags):
    return b"g" + u8(pasid, nr // 16, flags)


def raw_record(ring, *words):
    return b"r" + ring + b"".join(u64(word) for word in words)


def again(nr):
    return b"f" + u8(nr // 16)


def source(n):
    return b"d" + u8(n)


def hand(n):
    return b"h" + u8(n)


def take(n, nr):
    return b"t" + u8(n, nr)


def answer(n, which, invalid=False):
    return b"a" + u8(n, which * 2 + invalid)


def late(n, nr, skip=0):
    return b"y" + u8(n + 16 * skip, nr // 16)


def late_at_drain(nr):
    return b"l" + u8(nr // 16)


def slow(pauses):
    return b"s" + u8(pauses // 16)


def mode(n, eager):
    return b"m" + u8(n, eager)


def register(n, value):
    return b"x" + u8(n) + u64(value)


# The first source is served by hand from now on.
BY_HAND = hand(0) + hand(0)
END = b"e"


def raw_cases(ring):
    """What VT-d's queue and an SMMU's PRI queue have in common."""
    part, last = ring | READ, ring | READ | RAW_LAST
    return {
        "sound": request(1, 7, part, 1) + request(1, 7, last, 2) + PUMP,
        "interleaved": b"".join(request(1, g, part, g) for g in (1, 2, 3))
        + b"".join(request(1, g, last, g) for g in (2, 1, 3))
        + PUMP,
        "eager": mode(0, 1) + request(1, 7, part, 15) + PUMP + request(1, 7, last, 2) + PUMP,
        "stop_marker": request(1, 7, ring | RAW_LAST, 0) + PUMP,
        "without_pasid": request(0, 7, last, 1) + PUMP,
        "without_pasid_and_owner": source(2) + request(0, 7, part, 1) + request(0, 7, last, 1) + PUMP,
        "groups_of_nobody_fill_the_memory": (groups(20, 2032, part) + PUMP) * 5
        + request(1, 7, part, 1)
        + PUMP
        + source(0)
        + source(0)
        + request(1, 7, last, 1)
        + PUMP,
        "groups_of_all_ids": (groups(1, 1024, part) + PUMP) * 2 + groups(1, 512, last) + PUMP,
        "pasid_of_nobody": request(5, 7, part, 1) + request(5, 7, last, 1) + PUMP,
        "stranger": request(1, 7, last | STRANGER, 1) + PUMP,
        "privileged": request(1, 7, part | PRIVILEGED, 1) + request(1, 7, last, 1) + PUMP,
        "group_id_used_again": request(1, 7, last, 1) * 3 + PUMP,
        "overflow": request(1, 7, part, 1) + again(2064) + request(1, 7, last, 1) + PUMP,
        "no_node": request(1, 7, part, 1) + again(80) + PUMP + request(1, 7, last, 1) + PUMP,
        "detach_mid_group": request(1, 7, part, 1)
        + PUMP
        + source(0)
        + request(1, 7, last, 1)
        + PUMP
        + source(0)
        + request(1, 7, last, 1)
        + PUMP,
        "slow_answers": slow(256) + request(1, 7, last, 1) + again(1024) + PUMP,
        "answers_late_and_out_of_order": BY_HAND
        + b"".join(request(1, g, last, g) for g in range(4))
        + take(0, 4)
        + answer(0, 2)
        + answer(0, 0, invalid=True)
        + hand(0),
        "group_id_used_again_is_flushed": BY_HAND
        + request(1, 7, last, 1)
        + take(0, 4)
        + request(1, 7, part, 2)
        + PUMP
        + hand(0),
        "stop_marker_is_flushed": BY_HAND
        + request(1, 0, last, 1)
        + take(0, 4)
        + request(1, 0, ring | RAW_LAST, 0)
        + PUMP
        + hand(0),
        "overflow_that_nobody_tells": BY_HAND + request(2, 7, last, 1) + again(2064) + PUMP * 9,
        "overflow_while_it_is_found": request(1, 7, part, 1) + late(1, 4080) + PUMP * 3,
        "requests_at_a_drain": request(1, 7, last, 1) + PUMP + late_at_drain(32) + source(0),
        "overflow_at_a_drain": request(1, 7, last, 1) + PUMP + late_at_drain(4080) + source(0),
        "end_with_all_queued": request(1, 7, part, 1) + request(1, 7, last, 2) + again(512) + END,
        "end_with_an_overflow": request(1, 7, part, 1) + again(2064) + request(1, 7, last, 2) + END,
        "end_with_a_slow_unit": request(9, 7, last, 1) + again(16) + slow(4080) + END,
        # Before the last look of the last flush at a register.
        "end_with_late_requests": request(9, 7, last, 1) + PUMP + late(1, 48, 7 if ring else 3) + END,
        "tail_out_of_range": register(0, 0xFFFFFFFFFFFFFFFF) + PUMP,
        "tail_unaligned": register(0, 0x21) + PUMP,
        "head_out_of_range": register(1, 0xFFFFFFFF) + request(1, 7, last, 1) + PUMP,
    }


VTD = raw_cases(0) | {
    "private_data": request(1, 7, READ | PRIVATE, 1)
    + request(1, 7, WRITE | PRIVATE | RAW_LAST, 2)
    + PUMP,
    "exec": request(1, 7, READ | EXEC | RAW_LAST, 1) + request(1, 8, EXEC, 1) + PUMP,
    "unknown_type": raw_record(b"", 0x02, 0, 0, 0) + raw_record(b"", *[2**64 - 1] * 4) + PUMP,
    "reserved_bits": raw_record(b"", 0x6A08FF01 | 1 << 32 | 0xFF << 54, 0xFFF, 0, 0) + PUMP,
    "not_canonical": raw_record(b"", 0x6A080101 | 1 << 32, 0x7F << 56 | 5, 0, 0) + PUMP,
}
SMMU = raw_cases(PRI) | {
    "stall": request(1, 7, READ | RAW_LAST, 1) + request(2, 8, RAW_LAST, 2) + PUMP,
    "no_stall": request(1, 7, READ, 1) + PUMP,
    "stall_of_stranger": request(1, 7, READ | RAW_LAST | STRANGER, 1) + PUMP,
    "stall_without_pasid": request(0, 7, READ | RAW_LAST, 1) + PUMP,
    "unknown_event": raw_record(b"\0", 0x6A08 << 32 | 1 << 12 | 0x8FF, 1 << 31 | 7, 0, 0) + PUMP,
    "event_overflow": request(1, 7, READ | RAW_LAST, 1) + again(2064) + PUMP,
    "all_ones": raw_record(b"\0", *[2**64 - 1] * 4) + raw_record(b"\1", *[2**64 - 1] * 2) + PUMP,
    "command_error": register(3, 1) + request(1, 7, READ | RAW_LAST, 1) + PUMP,
}

# --- dsa ---------------------------------------------------------------------------------------

BOF, CRAV, RCR = 2, 4, 8
NO_ATS, NO_BOF, SHARED = 1, 4, 8


def desc(opcode, src=0x2000, dst=0x42000, size=9000, flags=BOF | CRAV | RCR, record=0, words=(0, 0, 0)):
    """A descriptor; addresses are of the rig's memory."""
    return struct.pack("<IIQQQIHHQQQ", 0, flags | opcode << 24, record, src, dst, size, 0, 0, *words)


def descriptor(*args, **fields):
    return b"d" + desc(*args, **fields)


def write(page, off, data):
    return b"w" + u8(page, off // 16, len(data)) + data


def entry(word, value):
    return u16(word) + u64(value)


AWAY = b"m" + u8(0, 127, 0)
WORK = b"s"
# Opcode -> what it needs beside a source and a destination.
OPERATIONS = {
    "noop": descriptor(0, src=0, dst=0, size=0),
    "memmove": descriptor(3),
    "fill": descriptor(4),
    "compare": descriptor(5),
    "compare_pattern": descriptor(6),
    "create_delta": descriptor(7, size=8192, words=(0x60000, 4000, 7)),
    "apply_delta": write(2, 0, entry(3, 1) + entry(9, 2)) + descriptor(8, size=4096, words=(20, 0, 0)),
    "dualcast": descriptor(9, words=(0x60000, 0, 0)),
    "crc": descriptor(0x10, dst=0, flags=BOF | CRAV | RCR | 1 << 16, words=(1, 0x60000, 0)),
    "copy_crc": descriptor(0x11),
    "dif_check": descriptor(0x12, dst=0, size=5200),
    "dif_insert": descriptor(0x13, size=5120, words=(3 << 16, 0, 7)),
    "dif_strip": descriptor(0x14, size=5200, words=(0x40, 0, 0)),
    "dif_update": descriptor(0x15, size=5200, words=(0x840, 0, 0)),
    "cache_flush": descriptor(0x20, src=0),
}
LIST = [desc(3, record=1), desc(0x10, dst=0, record=2), desc(9, record=3, words=(0x60000, 0, 0))]
DSA = {name: u8(0) + AWAY + step + WORK for name, step in OPERATIONS.items()}
DSA |= {
    "partial": u8(NO_BOF) + b"m" + u8(3, 2, 0) + descriptor(0x11, flags=CRAV | RCR) + WORK,
    "untranslated": u8(NO_ATS) + descriptor(0x11) + descriptor(7, size=4096, words=(0x60000, 80, 0)) + WORK,
    "refused": u8(0) + AWAY + b"a" + u8(0x42, 3, 1) + descriptor(0x13, size=5120) + WORK,
    "shared": u8(SHARED) + b"".join(descriptor(n) for n in (3, 5, 0x10)) + WORK,
    "batch": u8(0)
    + b"".join(write(0x60, 64 * n, member) for n, member in enumerate(LIST))
    + AWAY
    + descriptor(1, src=0x60000, dst=0, size=3)
    + WORK,
    "aborted": u8(0) + AWAY + descriptor(0x11) + b"c" + u8(4) + bytes(4) + WORK + descriptor(3) + WORK,
}


# --- records -----------------------------------------------------------------------------------

BATCHES, UNORDERED, DEPTH_16 = 1, 2, 0xF0
FENCE, CHECK_RESULT = 2, 4
SUBMIT, POLL = b"s", b"l"


def operation(opcode, flags=0, length=4098, z=0x0102030405060708):
    blocks = u64(z) + u8(0, 4) + u8(0x10) * (2 if opcode == 13 else 1)
    step = b"p" + u8(opcode, flags) + u16(length) + u16(1) + u16(2) + u16(3) + u16(4) + u64(z)
    return step + (blocks if 10 <= opcode <= 14 else b"")


def near(status, slot=0, result=0, done=512, kind=0, word=100):
    return b"f" + u8(slot, status, result) + u16(done) + u8(kind) + u16(word)


def record(status, slot=0, letter=b"w", fill=0xFF):
    return letter + u8(slot, status) + u8(fill) * 31


EVERY = range(18)
RECORDS = {
    "done": u8(DEPTH_16) + b"".join(operation(n) + SUBMIT + near(1) + POLL for n in EVERY),
    "faults": u8(DEPTH_16) + b"".join(operation(n) + SUBMIT + near(3 + 0x80 * (n & 1), kind=n) + POLL for n in EVERY),
    "refused": u8(DEPTH_16) + b"".join(operation(n) + SUBMIT + near(4, done=0, kind=n & 3) + POLL for n in EVERY),
    "wrong_blocks": u8(DEPTH_16) + b"".join(operation(n) + SUBMIT + near(9, result=5) + POLL for n in EVERY),
    "wrong_entries": u8(DEPTH_16) + b"".join(operation(6, z=n) + SUBMIT + near(7 + n, done=10) + POLL for n in (0, 1)),
    "predicates": u8(DEPTH_16)
    + b"".join(operation(n, CHECK_RESULT) + SUBMIT + near(2, result=r) + POLL for n in (3, 4, 5) for r in range(4)),
    "all_ones": u8(DEPTH_16) + b"".join(operation(n) + SUBMIT + record(s) + POLL for n in EVERY for s in (1, 3, 255)),
    "fences": u8(DEPTH_16) + operation(1) + operation(2, FENCE) + operation(8) + SUBMIT + POLL + near(1) + SUBMIT + POLL,
    "unordered": u8(DEPTH_16 | UNORDERED) + operation(1) * 4 + SUBMIT + near(1, 2) + POLL + near(1, 1) + near(3, 0) + POLL,
    "batch": u8(DEPTH_16 | BATCHES) + operation(3) * 3 + SUBMIT + near(1, 0) + near(1, 1) + near(1, 2) + POLL
    + record(1, 2, b"b", 0) + POLL,
    "batch_failed": u8(DEPTH_16 | BATCHES | UNORDERED) + operation(7) + operation(8, FENCE) + SUBMIT + near(3, 0)
    + record(5, 1, b"b", 0) + POLL,
    "raw": u8(DEPTH_16) + b"r" + u8(1) + bytes(63) + b"r" + u8(255) * 64 + SUBMIT + POLL,
}


TARGETS = {"dsa": DSA, "records": RECORDS, "group": GROUP, "iommufd": IOMMUFD, "vtd": VTD, "smmu": SMMU}


def main():
    for target, cases in TARGETS.items():
        folder = HERE / target
        folder.mkdir(exist_ok=True)
        for name, data in cases.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
