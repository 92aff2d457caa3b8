"""Events of a journal, as they stand in a package."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import rfc8785

WRITTEN_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def describe_event(entry: Mapping[str, Any], payload: str | None) -> dict[str, Any]:
    """Return an event of a journal as it stands in a package; a payload of None was withheld."""
    text = rfc8785.dumps(dict(entry)).decode()
    return {
        "sequence": entry["sequence"],
        "kind": entry["kind"],
        "entry": text,
        "digest": digest_of(text),
        "payload": payload,
        "redacted": payload is None,
    }
