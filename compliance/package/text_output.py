"""A verification as lines of text, for a terminal."""

from collections.abc import Iterator

from compliance.package.report import VerificationReport


def format_report(report: VerificationReport) -> Iterator[str]:
    """Yield one line for each check, what is redacted, and the result."""
    for check in report.checks:
        yield _printable(f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.where}: {check.detail}")
    for where in report.redacted:
        yield _printable(f"note  redacted or withheld, not proven: {where}")
    failed = len(report.failures)
    if report.ok:
        yield "VERIFIED: every check passed."
    elif report.complete:
        yield f"NOT VERIFIED: {failed} problem{'s' * (failed != 1)} found."
    else:
        yield "NOT VERIFIED: without what failed, the checks that come after it could not be made."


def _printable(line: str) -> str:
    """Escape what could act on a terminal: a package is not trusted before it has been verified."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
