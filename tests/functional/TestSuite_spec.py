# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Device specs: what names a device, and the machine that it is on."""

import os

import pytest

from framework import MIB, make_file, same_contents, verify


def run_with(svart_copy, variable, *args):
    """Runs svart-copy with SVART_MACHINE, or without it (None)."""
    env = {key: value for key, value in os.environ.items() if key != "SVART_MACHINE"}
    if variable is not None:
        env["SVART_MACHINE"] = variable
    return svart_copy.run(*args, env=env)


class TestSpec:
    """Test plan of device specs."""

    @pytest.mark.parametrize(
        "spec,variable",
        [
            ("model:dsa0", None),
            ("model:dsa0", "linux"),
            ("model:dsa0,machine=model", None),
            ("pci:dsa0,machine=model", None),
            ("pci:dsa0,machine=model", "linux"),
            ("pci:dsa0", "model"),
            ("pci:dsa0,pasid=5", "model"),
        ],
    )
    def test_forms_of_one_device(self, svart_copy, tmp_path, spec, variable) -> None:
        """Every way to write a device of the software machine copies by it, and calls it the same.

        Steps:
            Copy a file with this spec, and SVART_MACHINE as it is here; then in the same form by an edu,
            which has no page requests, with faults=raw.

        Verify:
            Status 0 and an equal copy; then status 1, and the message calls the device model:edu0.
        """
        src, dst = make_file(tmp_path / "src", MIB), tmp_path / "dst"
        result = run_with(svart_copy, variable, "--device", spec, src, dst)
        verify(result.status == 0, result)
        verify(same_contents(src, dst), "the copy differs")
        edu = spec.replace("dsa0", "edu0") + ",faults=raw"
        result = run_with(svart_copy, variable, "--device", edu, src, dst)
        verify(result.status == 1 and "model:edu0 sends no page requests" in result.err, result)

    @pytest.mark.parametrize(
        "spec,variable,text",
        [
            ("pci:dsa0,machine=qemu", None, "machine=qemu: the machines are linux and model"),
            ("pci:dsa0", "qemu", "SVART_MACHINE=qemu: the machines are linux and model"),
            ("model:dsa0,machine=linux", None, "leave machine=linux out"),
            ("pci:dsa0,machine=", None, "machine"),
            ("pci:dsa0,machine=model,machine=model", None, "machine= twice"),
            ("pci:0000:6a:01.0", "model", 'the model has no device "0000:6a:01.0"'),
            ("usb:dsa0,machine=model", None, 'no bus "usb"'),
        ],
    )
    def test_wrong_machine(self, svart_copy, tmp_path, spec, variable, text) -> None:
        """A machine that is none, or not the one that the name is on, is refused in words.

        Steps:
            Copy with this spec, and SVART_MACHINE as it is here.

        Verify:
            Status 1; the message has the reason; there is no copy.
        """
        src = make_file(tmp_path / "src", 5000)
        result = run_with(svart_copy, variable, "--device", spec, src, tmp_path / "dst")
        verify(result.status == 1, result)
        verify(text in result.err, result)
        verify(not (tmp_path / "dst").exists(), "there is a copy")

    @pytest.mark.parametrize(
        "options,text",
        [
            ("iommufd_fd=5", "go together"),
            ("device_fd=5", "go together"),
            ("iommufd_fd=900,device_fd=901", "iommufd_fd=900 is not open"),
            ("iommufd_fd=0,device_fd=901", "device_fd=901 is not open"),
            ("iommufd_fd=0,device_fd=0", "device_fd=0 is no VFIO device file"),
            ("iommufd_fd=x,device_fd=0", "iommufd_fd=x: not a number"),
            ("iommufd_fd=0,device_fd=4294967296", "device_fd=4294967296: not a number"),
        ],
    )
    def test_wrong_descriptors(self, svart_copy, tmp_path, options, text) -> None:
        """Descriptors that are not open, of something else, or half of a pair are refused by name.

        Steps:
            Copy with these options in the device's spec; standard input is open.

        Verify:
            Status 1; the message has the reason; there is no copy.
        """
        src = make_file(tmp_path / "src", 5000)
        result = run_with(
            svart_copy, None, "--device", f"model:dsa0,{options}", src, tmp_path / "dst"
        )
        verify(result.status == 1, result)
        verify(text in result.err, result)
        verify(not (tmp_path / "dst").exists(), "there is a copy")
