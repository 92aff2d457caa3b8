"""A JSON parser that refuses what two readers could understand differently, and what a database cannot
store."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from compliance.api.errors import BodyTooLarge

MAX_DEPTH = 32
# Possessive quantifiers: a string is passed over in one step, without memory that grows with it.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_UNSTORABLE_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class StrictJSONParser(BaseParser):
    """Parses UTF-8 JSON (RFC 8259), strictly.

    400 for what is not UTF-8 or not JSON, for a member named twice, for NaN and numbers out of range, for
    nesting deeper than MAX_DEPTH, and for strings with NUL or a lone surrogate, which PostgreSQL and UTF-8
    cannot hold. 413 for more than MAX_BODY_BYTES.
    """

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(raw) > settings.MAX_BODY_BYTES:
            raise BodyTooLarge()
        return parse_json(raw)


def parse_json(raw: bytes) -> Any:
    """The value that `raw` holds. Raises ParseError, which names what is wrong but never quotes the text."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8 (byte {error.start}).") from None
    _refuse_deep_nesting(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
    except ValueError:  # more digits than Python converts
        raise ParseError("The body holds a number that is too large.") from None
    if _UNSTORABLE_ESCAPE.search(text):
        _refuse_unstorable_text(value)
    return value


def _refuse_deep_nesting(text: str) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(text):
        character = match[0][0]
        if character == '"':
            continue
        depth += 1 if character in "[{" else -1
        if depth > MAX_DEPTH:
            raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ParseError("An object of the body names one member twice.")
    return members


def _refuse_constant(name: str) -> Any:
    raise ParseError(f"The body is not JSON: {name} is no JSON number.")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ParseError("The body holds a number that is too large.")
    return number


def _refuse_unstorable_text(value: Any) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in item):
            raise ParseError("The body holds a string with a NUL character or a lone surrogate.")
