"""What a verification found: a list of named checks, each with what it covered or where it failed."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that does not hold. `where` is a place in the package, such as `stages[1].execution.status`."""

    where: str
    detail: str


@dataclass(frozen=True)
class CheckResult:
    """One named check. A passed one covers all of `where`; a failed one is about that one place."""

    name: str
    passed: bool
    where: str
    detail: str


@dataclass(frozen=True)
class VerificationReport:
    """`complete` is false where a failure kept later checks from being made at all."""

    checks: tuple[CheckResult, ...]
    complete: bool
    redacted: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every check was made and passed."""
        return self.complete and bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if not check.passed)


class Checklist:
    """Collects results while a verification goes on."""

    def __init__(self) -> None:
        self._results: list[CheckResult] = []

    def record(self, name: str, where: str, covered: str, problems: Iterable[Problem]) -> bool:
        """Record a check: once with what it covered if it found no problem, else once for each. Says if it passed."""
        found = [CheckResult(name, False, problem.where, problem.detail) for problem in problems]
        self._results += found or [CheckResult(name, True, where, covered)]
        return not found

    def report(self, *, complete: bool, redacted: Iterable[str] = ()) -> VerificationReport:
        return VerificationReport(tuple(self._results), complete, tuple(redacted))
