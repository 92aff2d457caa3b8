"""Operating-system details of worker processes. Linux only where it says so."""

import ctypes
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent dies (Linux, prctl(2)); elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number)
