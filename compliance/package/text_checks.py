"""Checks of the texts in a package against the digests that certificates give them."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance.package.layout import TEXT_MEMBERS
from compliance.package.report import Problem

PREVIEW_CHARACTERS = 500

_MASK = re.compile(r"\[[A-Z][A-Z0-9_]*\]")


@dataclass
class TextCount:
    """How many texts were held against their digests, and where those stand that could not be."""

    proven: int = 0
    redacted: list[str] = field(default_factory=list)


def find_text_problems(stages: Sequence[Mapping[str, Any]], may_redact: bool, count: TextCount) -> Iterator[Problem]:
    """Hold every whole text against its digest, and every redacted one against what redaction may do.

    `may_redact` says whether a policy of the workflow redacts at all: where none does, a text is whole or withheld.
    """
    for where, entry in iterate_texts(stages, "stages"):
        shown = entry["text"]
        if not entry["redacted"]:
            if shown is None or compute_text_digest(shown) != entry["sha256"]:
                yield Problem(where, "the text does not match its digest")
            else:
                count.proven += 1
            continue
        count.redacted.append(where)
        if shown is None:
            continue
        if not may_redact:
            yield Problem(where, "it is marked as redacted, but no policy of this workflow redacts")
        elif not _MASK.search(shown):
            yield Problem(where, "it is marked as redacted, but nothing in it is masked")
        elif compute_text_digest(shown) == entry["sha256"]:
            yield Problem(where, "it is marked as redacted, but it is whole")


def iterate_texts(value: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each `{"text", "sha256", "redacted"}` below a value, with its place."""
    if isinstance(value, Mapping):
        if value.keys() >= TEXT_MEMBERS:
            yield where, value
            return
        for name, member in value.items():
            yield from iterate_texts(member, f"{where}.{name}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from iterate_texts(entry, f"{where}[{index}]")


def drop_texts(value: Any) -> Any:
    """Return a value with each text reduced to its digest, as the certificates name it."""
    if isinstance(value, Mapping):
        dropped = {"text", "redacted"} if value.keys() >= TEXT_MEMBERS else set()
        return {name: drop_texts(member) for name, member in value.items() if name not in dropped}
    if isinstance(value, list):
        return [drop_texts(entry) for entry in value]
    return value


def find_preview_problem(preview: str | None, artifact: Mapping[str, Any] | None) -> str | None:
    """A preview is the start of the artifact, as the package shows it."""
    shown = artifact["text"] if artifact else None
    if preview == (None if shown is None else shown[:PREVIEW_CHARACTERS]):
        return None
    return "it is not the start of the artifact"


def compute_text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
