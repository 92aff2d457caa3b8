"""Changing one thing in a package, and reading where a report says that something is wrong."""

from copy import deepcopy
from typing import Any

from compliance.package import VerificationReport

Path = tuple[str | int, ...]


def places(report: VerificationReport) -> set[str]:
    """Where the report says that something is wrong; it must say so at all."""
    assert not report.ok
    assert report.failures
    assert all(failure.where and failure.detail for failure in report.failures)
    return {failure.where for failure in report.failures}


def changed(package: dict[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    """Return a copy of the package with one member replaced; a function is applied to what is there."""
    package = deepcopy(package)
    target: Any = package
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = to(target[path[-1]]) if callable(to) else to
    return package


def iterate_paths(value: Any, path: Path = ()) -> list[Path]:
    """Every place in a JSON value, the whole excepted."""
    if isinstance(value, dict):
        steps: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        steps = []
    return [each for step, member in steps for each in ((*path, step), *iterate_paths(member, (*path, step)))]
