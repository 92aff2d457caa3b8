"""YAML narrowed to what a policy document needs: mappings, lists, strings, whole numbers, true and false.

No anchors, no aliases, no tags, no merge keys, no duplicate keys and no implicit dates or fractions: a document
says one thing, to whoever reads it and to every parser. Nothing is constructed out of a tag.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NoReturn, TypeAlias

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | bool | None"
Location: TypeAlias = tuple[str | int, ...]

# libyaml's own scanner where PyYAML was built with it: the same nodes, some ten times faster.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


class StrictYamlError(ValueError):
    """What is wrong with the text. `line` counts from 1, and is None where the whole text is meant."""

    def __init__(self, problem: str, line: int | None, location: Location = ()) -> None:
        self.problem = problem
        self.line = line
        self.location = location
        super().__init__(problem if line is None else f"line {line}: {problem}")


def load_strict_yaml(text: str) -> tuple[Plain, dict[Location, int]]:
    """Return the document, and for each value in it (by its path of keys and indexes) the line that it starts on.

    Raises StrictYamlError. Texts over MAX_BYTES are refused unread; nesting over MAX_DEPTH as soon as it is met.
    """
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise StrictYamlError("the text holds half of a surrogate pair, which no encoding carries", None) from error
    if len(encoded) > MAX_BYTES:
        _refuse_oversize(encoded[:MAX_BYTES])
    try:
        _refuse_what_expands(text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
        raise StrictYamlError(f"not YAML: {problem}", mark.line + 1 if mark else None) from error
    if root is None:
        raise StrictYamlError("the text is empty", None)
    lines: dict[Location, int] = {}
    return _plain(root, (), lines), lines


def _refuse_oversize(start: bytes) -> NoReturn:
    """Raise for a text that is too long; for what is wrong with its start, if that is something worse."""
    with suppress(yaml.YAMLError):
        _refuse_what_expands(start.decode("utf-8", "ignore"))
    line = start.count(b"\n") + 1
    raise StrictYamlError(f"the text is over {MAX_BYTES} bytes, which it passes in this line; shorten it", line)


def _refuse_what_expands(text: str) -> None:
    """Read the events only, one by one, before anything is built out of them."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise StrictYamlError("anchors and aliases are not allowed; write the value out", line)
        # "!" alone is what a quoted scalar carries.
        if getattr(event, "tag", None) not in (None, "!"):
            raise StrictYamlError("tags are not allowed; leave the tag out", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise StrictYamlError(f"nested more than {MAX_DEPTH} deep", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(node: yaml.Node, location: Location, lines: dict[Location, int]) -> Plain:
    line = node.start_mark.line + 1
    lines[location] = line
    if isinstance(node, yaml.MappingNode):
        return _plain_mapping(node, location, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(entry, (*location, index), lines) for index, entry in enumerate(node.value)]
    return _plain_scalar(node, location, line)


def _plain_mapping(node: yaml.MappingNode, location: Location, lines: dict[Location, int]) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.tag != _TAG + "str":
            raise StrictYamlError("a key must be a plain string", line, location)
        if key.value in found:
            raise StrictYamlError(f"the key {key.value[:60]!r} occurs twice", line, (*location, key.value))
        found[key.value] = _plain(value, (*location, key.value), lines)
    return found


def _plain_scalar(node: yaml.Node, location: Location, line: int) -> Plain:
    value: str = node.value
    if node.tag == _TAG + "str":
        return value
    if node.tag == _TAG + "null":
        return None
    if node.tag == _TAG + "bool":
        # YAML 1.1 also reads yes, no, on and off as these; whoever wrote them may have meant words.
        if value in ("true", "false"):
            return value == "true"
        raise StrictYamlError(f"write {value!r} as true or false, or in quotes", line, location)
    if node.tag == _TAG + "int":
        # YAML 1.1 also has octal, hexadecimal, binary and base-60 numbers.
        if value.isascii() and value.isdecimal() and len(value) <= 15 and (value == "0" or value[0] != "0"):
            return int(value)
        raise StrictYamlError(f"write {value[:40]!r} as a plain decimal number, or in quotes", line, location)
    raise StrictYamlError(f"{value[:40]!r} is neither a string nor a whole number; put it in quotes", line, location)
