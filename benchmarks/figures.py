"""Timing, and the lines that the benchmark prints: each figure with its ratio to its floor."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


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


@dataclass(frozen=True)
class Floor:
    """What the same would cost at least, in the figure's own unit, and what that is the cost of."""

    value: float
    what: str


def print_runs(name: str, values: Sequence[float], unit: str, floor: Floor | None = None) -> None:
    """Print the median of several runs, the lowest and the highest, and the ratio to the floor.

    Of a rate (a unit that ends in `/s`) the floor is the higher one, and the ratio says how many times slower.
    """
    spread = f"{min(values):.1f} to {max(values):.1f}, n={len(values)}"
    _print(name, statistics.median(values), unit, spread, floor)


def print_latency(name: str, runs: Sequence[Sequence[float]], floor: Floor | None = None) -> None:
    """Print the medians over the runs of each run's median and 95th percentile, in milliseconds."""
    median = statistics.median(statistics.median(run) for run in runs)
    high = statistics.median(percentile(run, 0.95) for run in runs)
    _print(name, median, "ms", f"p95 {high:.1f}, n={len(runs)} x {len(runs[0])}", floor)


def _print(name: str, value: float, unit: str, spread: str, floor: Floor | None) -> None:
    line = f"  {name:<56}{value:>9.1f} {unit:<4} {spread:<28}"
    if floor is not None and value > 0 and floor.value > 0:
        ratio = floor.value / value if unit.endswith("/s") else value / floor.value
        line += f" {ratio:7.1f} x {floor.value:.2f} {unit} ({floor.what})"
    print(line.rstrip(), flush=True)
