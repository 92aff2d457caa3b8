"""The Merkle tree over an execution's journal. Standard library only.

Source: RFC 6962, section 2.1 (leaf prefix 0x00, node prefix 0x01). A leaf is the digest of one journal
entry, which names its payload by digest; a payload holds a random salt, so that its digest gives nothing away.
"""

import hashlib
import re
from collections.abc import Sequence

_DIGEST = re.compile(r"[0-9a-f]{64}")


def compute_merkle_root(leaf_digests: Sequence[str]) -> str:
    """Return the root, in hex, over entry digests given in hex and in order; of none, SHA-256 of nothing.

    Raises ValueError for a leaf that is no SHA-256 in lower-case hex: no digest may have two spellings.
    """
    for digest in leaf_digests:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest[:80]!r} is not a SHA-256 in hex")
    if not leaf_digests:
        return hashlib.sha256(b"").hexdigest()
    level = [hashlib.sha256(b"\x00" + bytes.fromhex(digest)).digest() for digest in leaf_digests]
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\x01" + level[index] + level[index + 1]).digest() for index in range(0, len(level) - 1, 2)
        ]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0].hex()
