"""The Merkle root over a journal."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.merkle import compute_merkle_root

leaves = st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=40)


def split_root(entries: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: split at the largest power of two below the count."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return sha256(b"\x01" + split_root(entries[:split]) + split_root(entries[split:])).digest()


@given(leaves)
def test_the_root_is_that_of_rfc_6962(digests: list[str]) -> None:
    assert compute_merkle_root(digests) == split_root([bytes.fromhex(digest) for digest in digests]).hex()


def test_no_events_have_the_digest_of_nothing() -> None:
    assert compute_merkle_root([]) == sha256(b"").hexdigest()


@given(leaves.filter(lambda digests: len(digests) > 1), st.data())
def test_every_change_of_the_leaves_changes_the_root(digests: list[str], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(digests) - 1))
    other = data.draw(st.binary(min_size=32, max_size=32).map(bytes.hex).filter(lambda leaf: leaf != digests[position]))
    changed = [*digests[:position], other, *digests[position + 1 :]]
    dropped = [*digests[:position], *digests[position + 1 :]]
    doubled = [*digests, digests[-1]]
    assert compute_merkle_root(digests) not in {compute_merkle_root(each) for each in (changed, dropped, doubled)}


def test_a_node_cannot_pass_for_a_leaf() -> None:
    pair = ["00" * 32, "11" * 32]
    assert compute_merkle_root([compute_merkle_root(pair)]) != compute_merkle_root(pair)


@pytest.mark.parametrize("leaf", ["", "00", "AB" * 32, "ab " * 32, "zz" * 32, " " + "ab" * 32])
def test_a_leaf_that_is_no_digest_is_refused(leaf: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        compute_merkle_root([leaf])
