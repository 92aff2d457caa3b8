"""Operating-system details of worker processes. Linux only where it says so."""

import ctypes
import os
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent dies (Linux, prctl(2)); elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number)


def is_alive(pid: int) -> bool:
    """Say whether there is a process of that id; one that has ended and was not waited for counts."""
    return send_signal(pid, 0)


def send_signal(pid: int, number: int) -> bool:
    """Send a process a signal, and say whether there was one to send it to."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def end_process_group(leader: "subprocess.Popen[bytes]") -> None:
    """Kill a process, and whatever is left of the group that it leads, and wait for it."""
    try:
        os.killpg(leader.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        leader.wait()
