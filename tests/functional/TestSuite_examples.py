# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""The example programs run as they are printed in the documentation."""

from framework import verify


class TestExamples:
    """Test plan of apps/examples."""

    def test_copy(self, example_copy) -> None:
        """The smallest program copies between two buffers by the accelerator.

        Steps:
            Run the example without arguments, and with the name of the same device.

        Verify:
            Both end with status 0 and say that the copy is correct; the device asked for pages.
        """
        for args in ([], ["model:dsa0"]):
            result = example_copy.run(*args)
            verify(result.status == 0, result)
            verify("model:dsa0 copied 8388608 bytes: correct" in result.out, result)
            verify(" 0 page requests" not in result.out, result)

    def test_copy_unknown_device(self, example_copy) -> None:
        """An example says what went wrong.

        Steps:
            Run the example with a device that does not exist.

        Verify:
            It ends with status 1 and one line that names the device.
        """
        result = example_copy.run("model:nothing0")
        verify(result.status == 1, result)
        verify("nothing0" in result.err, result)
