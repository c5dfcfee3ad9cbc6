#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Runs the conformance suites over a device that fails some of them, each test in its own process.

    run.py [--section NAME] [--caught] PROGRAM... -- SPEC [OPTION...]

What fails is compared with the section of expected.ini: a test that fails and is not listed is an
error, and so is one that is listed and does not fail. With --caught only the listed tests are run:
a device with a defect must fail them, and that is all that is asked of it.
"""

import argparse
import configparser
import os
import pathlib
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

EXPECTED = pathlib.Path(__file__).with_name("expected.ini")
SKIPPED = 77  # Exit status of a program, and of this one, without the device.
TIMEOUT_S = 60 * float(os.environ.get("SVART_SLOWNESS", "1"))

PASS, FAIL, SKIP = "pass", "fail", "skip"


@dataclass(frozen=True)
class Outcome:
    """How a test ended."""

    kind: str  # PASS, FAIL or SKIP.
    why: str = ""
    output: str = ""


def list_tests(program: str) -> list:
    """The names of a program's tests."""
    done = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def first_line(pattern: str, output: str) -> str:
    """What the first line that matches says."""
    match = re.search(pattern, output, re.MULTILINE)
    return match[1].strip() if match else ""


def judge(test: str, status: int, output: str) -> Outcome:
    """Reads cmocka's report."""
    if status == SKIPPED:
        return Outcome(SKIP, first_line(r"^skipped: (.*)", output), output)
    if status < 0:
        return Outcome(FAIL, f"dies of {signal.Signals(-status).name}", output)
    if status != 0:
        why = first_line(r"^(?:ERROR:|\[  ERROR   \] ---) (?!\[)(.*)", output)
        return Outcome(FAIL, why, output)
    if f"[  SKIPPED ] {test}" in output:
        return Outcome(SKIP, first_line(r"^skipped: (.*)", output), output)
    if f"[       OK ] {test}" in output:
        return Outcome(PASS)
    return Outcome(FAIL, "did not run", output)


def run_test(program: str, test: str, args: list) -> Outcome:
    """Runs one test in a process of its own."""
    try:
        done = subprocess.run(
            [program, *args],
            env={**os.environ, "SVART_TEST_FILTER": test},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        return Outcome(FAIL, "hangs", (expired.stdout or b"").decode(errors="replace"))
    return judge(test, done.returncode, done.stdout)


def read_section(name: str) -> dict:
    """Tests that must fail, and why."""
    if not name:
        return {}
    file = configparser.ConfigParser(delimiters="=", interpolation=None)
    with open(EXPECTED, encoding="ascii") as text:
        file.read_file(text)
    return dict(file[name])


def check(test: str, outcome: Outcome, expected: dict) -> bool:
    """Tells the outcome, and whether it is as expected."""
    listed = test in expected
    good = listed == (outcome.kind == FAIL)
    print(f"{outcome.kind}  {test}{': ' if outcome.why else ''}{outcome.why}")
    if not good and listed:
        print(f"      expected.ini says that it fails: {expected[test]}")
    elif not good:
        print(outcome.output)
    return good


def parse() -> argparse.Namespace:
    """The command line; everything after -- is the programs'."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--section", default="", help="of expected.ini; none: no test may fail")
    parser.add_argument("--caught", action="store_true", help="run the listed tests only")
    parser.add_argument("programs", nargs="+", metavar="PROGRAM")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:at])
    options.device = sys.argv[at + 1 :]
    return options


def main() -> int:
    """Runs the tests. Returns the exit status."""
    options = parse()
    expected = read_section(options.section)
    tests = {test: program for program in options.programs for test in list_tests(program)}
    wrong = [test for test in expected if test not in tests]
    for test in wrong:
        print(f"expected.ini [{options.section}]: there is no test {test}")
    chosen = [test for test in tests if test in expected or not options.caught]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = pool.map(lambda test: run_test(tests[test], test, options.device), chosen)
        done = list(zip(chosen, outcomes))
    wrong += [test for test, outcome in done if not check(test, outcome, expected)]
    if wrong:
        print(f"not as expected: {', '.join(wrong)}")
        return 1
    return SKIPPED if all(outcome.kind == SKIP for _, outcome in done) else 0


if __name__ == "__main__":
    sys.exit(main())
