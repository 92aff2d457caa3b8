"""Shapes of JSON values: what a statement or a package must look like before anything reads it.

A shape is a function from a value and its place to the first problem found, or None. Every check that comes after
may then index, compare and encode without guarding itself. Standard library only.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

Shape = Callable[[Any, str], str | None]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_INTEGER = 2**53  # beyond it RFC 8785 numbers lose digits
_MAX_DEPTH = 8


def text(value: Any, where: str) -> str | None:
    """A string that has a UTF-8 form; a lone surrogate has none, and could not be digested."""
    if not isinstance(value, str):
        return f"{where}: is not a string"
    try:
        value.encode()
    except UnicodeEncodeError:
        return f"{where}: holds a lone surrogate, which UTF-8 cannot express"
    return None


def identifier(value: Any, where: str) -> str | None:
    """A string that names something; the empty one names nothing."""
    return text(value, where) or (None if value else f"{where}: is empty")


def sha256(value: Any, where: str) -> str | None:
    """A SHA-256 in lower-case hex."""
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        return f"{where}: is not a SHA-256 in hex"
    return None


def integer(value: Any, where: str) -> str | None:
    """A whole number from 0 to 2^53; true and 1.0 are none."""
    if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
        return f"{where}: is not a whole number"
    return None


def boolean(value: Any, where: str) -> str | None:
    return None if isinstance(value, bool) else f"{where}: is not true or false"


def scalar(value: Any, where: str) -> str | None:
    """A string, a number, a truth value or null."""
    if isinstance(value, str):
        return text(value, where)
    if value is None or isinstance(value, bool | int | float):
        return None
    return f"{where}: is not a single value"


def anything(value: Any, where: str) -> str | None:
    """Whatever stands there is compared as a whole, or not read at all."""
    return None


def one_of(allowed: Collection[str]) -> Shape:
    def check(value: Any, where: str) -> str | None:
        if isinstance(value, str) and value in allowed:
            return None
        return f"{where}: is none of {', '.join(sorted(allowed))}"

    return check


def optional(shape: Shape) -> Shape:
    """The shape, or null."""

    def check(value: Any, where: str) -> str | None:
        return None if value is None else shape(value, where)

    return check


def each(shape: Shape) -> Shape:
    """A list whose entries all have the shape."""

    def check(value: Any, where: str) -> str | None:
        if not isinstance(value, list):
            return f"{where}: is not a list"
        for index, entry in enumerate(value):
            problem = shape(entry, f"{where}[{index}]")
            if problem is not None:
                return problem
        return None

    return check


def mapping(values: Shape) -> Shape:
    """An object of any members, whose values all have the shape."""

    def check(value: Any, where: str) -> str | None:
        if not isinstance(value, Mapping):
            return f"{where}: is not an object"
        for name, member in value.items():
            problem = text(name, where) or values(member, f"{where}.{name}")
            if problem is not None:
                return problem
        return None

    return check


def at_least(**shapes: Shape) -> Shape:
    """An object that has these members; what else it has is for other readers."""

    def check(value: Any, where: str) -> str | None:
        if not isinstance(value, Mapping):
            return f"{where}: is not an object"
        for name, shape in shapes.items():
            if name not in value:
                return f"{where}: {name} is missing"
            problem = shape(value[name], f"{where}.{name}")
            if problem is not None:
                return problem
        return None

    return check


def members(**shapes: Shape) -> Shape:
    """An object of exactly these members: an unknown one could claim what nobody checks, so it is refused."""
    return members_and_later(shapes)


def members_and_later(required: Mapping[str, Shape], **later: Shape) -> Shape:
    """An object of exactly these members, of which the later ones may be missing: earlier versions wrote none."""
    demanded = at_least(**required)

    def check(value: Any, where: str) -> str | None:
        problem = demanded(value, where)
        if problem is not None:
            return problem
        for name in value:
            if name not in required and name not in later:
                return f"{where}: {str(name)[:60]!r} is not a member that this version knows"
        present = {name: shape for name, shape in later.items() if name in value}
        return at_least(**present)(value, where)

    return check


def json_object(value: Any, where: str) -> str | None:
    """An object of any JSON values, nested a few levels deep; its numbers are those that RFC 8785 keeps exact."""
    if not isinstance(value, Mapping):
        return f"{where}: is not an object"
    return _find_json_problem(value, where, _MAX_DEPTH)


def _find_json_problem(value: Any, where: str, depth: int) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return text(value, where)
    if isinstance(value, int | float):
        exact = math.isfinite(value) and abs(value) <= _MAX_INTEGER
        return None if exact else f"{where}: is not a number of at most 2^53"
    if not isinstance(value, Mapping | list):
        return f"{where}: is not a JSON value"
    if depth == 0:
        return f"{where}: is nested too deeply"
    entries = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, entry in entries:
        problem = text(name, where) if isinstance(value, Mapping) else None
        problem = problem or _find_json_problem(entry, f"{where}.{str(name)[:60]}", depth - 1)
        if problem is not None:
            return problem
    return None


def is_same(left: Any, right: Any) -> bool:
    """Compare two JSON values by type as well: 1, 1.0 and true are three things here. Lists and tuples are alike."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(is_same(left[name], right[name]) for name in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(is_same, left, right))
    return type(left) is type(right) and bool(left == right)
