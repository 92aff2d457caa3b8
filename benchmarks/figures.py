"""Timing, and the lines that the benchmark prints."""

import statistics
import time
from collections.abc import Callable, Sequence


def time_calls(call: Callable[[], object], count: int) -> list[float]:
    """Return the wall-clock milliseconds of `count` calls, one after the other."""
    durations = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        durations.append((time.perf_counter() - started) * 1000)
    return durations


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not exceeded by `share` (0 to 1) of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def describe_latency(name: str, milliseconds: Sequence[float]) -> str:
    """Return one line: name, median, 95th percentile and the number of samples."""
    median, high = statistics.median(milliseconds), percentile(milliseconds, 0.95)
    return f"  {name:<52}{median:>8.1f} ms   p95 {high:>7.1f} ms   n={len(milliseconds)}"


def describe_rate(name: str, per_second: Sequence[float]) -> str:
    """Return one line: name, median rate, and lowest and highest of the runs."""
    low, high = min(per_second), max(per_second)
    spread = f"{low:.1f} to {high:.1f} over {len(per_second)} runs"
    return f"  {name:<52}{statistics.median(per_second):>8.1f} /s   {spread}"
