"""A workflow's chain of certificates: order, links, and what statements may say of one another."""

import contextlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from compliance.chain import ChainError, read_chain
from compliance.envelope import Envelope, parse_envelope
from compliance.gate import Allow, Lineage, Refuse
from compliance.statements import StageFacts
from tests.evidence_builder import EvidenceBuilder, digest_of, sign

Predicate = dict[str, Any]
NO_LINEAGE = Lineage(upstreams=(), policies=("ab" * 32,), subject_digest=None)


def build_chain() -> tuple[EvidenceBuilder, StageFacts, StageFacts]:
    """Admission and end of a review, a sign-off, admission and end of a release, the closing certificate."""
    builder = EvidenceBuilder()
    policy = builder.add_policy(sign_offs=1)
    review = builder.add_stage("review", "reviewer", policy=policy, document="A notice.")
    release = builder.add_stage("release", "release", policy=policy, upstreams=["review"])
    builder.run(review)
    builder.sign_off(release, "A notice.")
    builder.run(release)
    builder.close()
    return builder, review, release


BUILDER, REVIEW, RELEASE = build_chain()
LENGTH = len(BUILDER.envelopes)


def read(envelopes: Sequence[Envelope]) -> Any:
    return read_chain(BUILDER.workflow_id, envelopes, BUILDER.keys)


def link_again(change: Callable[[Predicate], object], at: int) -> list[Envelope]:
    """The chain with one predicate changed, linked and signed anew with the same key from there on.

    Mentions of a digest that changed follow, so that nothing but the change itself is wrong.
    """
    envelopes: list[Envelope] = []
    renamed: dict[str, str] = {}
    for index, envelope in enumerate(BUILDER.envelopes):
        payload = envelope.payload.decode()
        for before, after in renamed.items():
            payload = payload.replace(before, after)
        statement = json.loads(payload)
        if index == at:
            change(statement["predicate"])
        encoded = rfc8785.dumps(statement)
        renamed[envelope.digest] = digest_of(encoded.decode())
        envelopes.append(parse_envelope(sign(BUILDER.key, encoded)))
    return envelopes


def test_a_whole_chain_reads_in_order() -> None:
    chain = read(BUILDER.envelopes)
    assert [entry.kind for entry in chain] == [
        "admission",
        "execution",
        "sign_off",
        "admission",
        "execution",
        "closing",
    ]
    assert [entry.sequence for entry in chain] == list(range(LENGTH))
    assert [entry.stage_id for entry in chain] == ["review", "review", "release", "release", "release", ""]


def test_relinking_alone_breaks_nothing() -> None:
    assert len(read(link_again(lambda predicate: None, 0))) == LENGTH


@given(st.permutations(range(LENGTH)).filter(lambda order: list(order) != list(range(LENGTH))))
def test_no_other_order_reads(order: list[int]) -> None:
    with pytest.raises(ChainError):
        read([BUILDER.envelopes[index] for index in order])


@given(st.integers(0, LENGTH - 2))
def test_none_but_the_last_can_be_dropped(index: int) -> None:
    with pytest.raises(ChainError) as caught:
        read([envelope for position, envelope in enumerate(BUILDER.envelopes) if position != index])
    assert caught.value.sequence == index


@given(st.integers(0, LENGTH - 1))
def test_none_can_be_doubled(index: int) -> None:
    with pytest.raises(ChainError) as caught:
        read([*BUILDER.envelopes[: index + 1], *BUILDER.envelopes[index:]])
    assert caught.value.sequence == index + 1


@given(st.integers(0, LENGTH - 1))
def test_none_can_come_from_another_workflow_of_the_same_key(index: int) -> None:
    other = EvidenceBuilder(key=BUILDER.key)
    policy = other.add_policy(sign_offs=1)
    for _ in range(LENGTH):
        other.admit(other.add_stage(f"s{_}", policy=policy), Allow(NO_LINEAGE))
    envelopes = [*BUILDER.envelopes]
    envelopes[index] = other.envelopes[index]
    with pytest.raises(ChainError, match="belongs to workflow") as caught:
        read(envelopes)
    assert caught.value.sequence == index


def test_a_chain_does_not_read_as_another_workflows() -> None:
    with pytest.raises(ChainError, match="belongs to workflow"):
        read_chain("another", BUILDER.envelopes, BUILDER.keys)


@pytest.mark.parametrize(
    ("at", "change", "message"),
    [
        (0, lambda p: p.update(extra=1), "not a member"),
        (0, lambda p: p.pop("grant"), "grant is missing"),
        (0, lambda p: p["stage"].update(role="Release"), "is none of"),
        (0, lambda p: p["stage"].update(position=True), "not a whole number"),
        (0, lambda p: p["stage"].update(name=None), "not a string"),
        (0, lambda p: p["lineage"].update(policies="00"), "not a list"),
        (0, lambda p: p["lineage"].update(upstreams=[{"artifact_sha256": None}]), "is missing"),
        (0, lambda p: p["workflow"].update(sequence=False), "not a whole number"),
        (0, lambda p: p["workflow"].update(previous="ab" * 32), "does not follow"),
        (1, lambda p: p["workflow"].update(sequence=2), "sequence number 2"),
        (1, lambda p: p["stage"].update(name="Another"), "describes stage review otherwise"),
        (1, lambda p: p["stage"].update(id="other"), "is of stage review"),
        (1, lambda p: p["execution"].update(id="other"), "last admission"),
        (1, lambda p: p.update(admission=None), "last admission"),
        (1, lambda p: p.update(artifact_sha256="ab" * 32), "its subject is neither"),
        (1, lambda p: p["policy"].update(version=2), "its policy is not the one"),
        (1, lambda p: p["grant"].update(effective=["*"]), "its grant is not the one"),
        (1, lambda p: p["checks"][0].update(passed=1), "not true or false"),
        (2, lambda p: p.update(decision="maybe"), "is none of"),
        (3, lambda p: p["decision"].update(result="refuse"), None),
        (4, lambda p: p["agent"].update(kind="person"), "not a member"),
        (5, lambda p: p["stages"][0].update(status="running"), "is none of"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(
    at: int, change: Callable[[Predicate], object], message: str | None
) -> None:
    with pytest.raises(ChainError, match=message) as caught:
        read(link_again(change, at))
    # A refused admission is only wrong once work is certified that rests on it.
    assert caught.value.sequence == (at if message else at + 1)


def test_nothing_follows_the_closing_certificate() -> None:
    builder, review, _ = build_chain()
    builder.admit(review, Allow(NO_LINEAGE))
    with pytest.raises(ChainError, match="follows the closing certificate"):
        builder.read()


def test_an_execution_ends_once() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("work", policy=builder.add_policy())
    decision = builder.run(stage, "Made.")
    assert isinstance(decision, Allow)
    admission = builder.envelopes[0].digest
    builder.end(stage, decision, admission, artifact="Made again.")
    with pytest.raises(ChainError, match="has already ended") as caught:
        builder.read()
    assert caught.value.sequence == 2


def test_an_execution_may_be_admitted_again_before_it_ends() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("work", policy=builder.add_policy())
    decision = builder.ask(stage)
    assert isinstance(decision, Allow)
    first, second = builder.admit(stage, decision), builder.admit(stage, decision)
    assert first != second
    builder.end(stage, decision, second, artifact="Made.")
    assert [entry.kind for entry in builder.read()] == ["admission", "admission", "execution"]


def test_an_execution_may_be_cancelled_before_it_was_admitted() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("work", policy=builder.add_policy())
    never_asked = Refuse("cancelled", "by alice")
    builder.end(stage, never_asked, None, artifact=None, status="cancelled", reason=("cancelled", "by alice"))
    assert builder.read()[0].subject_digest == "0" * 64


def test_work_that_was_never_admitted_cannot_complete() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("work", policy=builder.add_policy())
    builder.end(stage, Refuse("never_asked", ""), None, artifact="Made.")
    with pytest.raises(ChainError, match="never admitted"):
        builder.read()


@given(st.integers(0, LENGTH - 1), st.data())
def test_no_byte_of_any_statement_can_change(index: int, data: st.DataObject) -> None:
    payload = BUILDER.envelopes[index].payload
    position = data.draw(st.integers(0, len(payload) - 1))
    changed = payload[:position] + bytes([payload[position] ^ data.draw(st.integers(1, 255))]) + payload[position + 1 :]
    envelopes = [*BUILDER.envelopes]
    envelopes[index] = Envelope(changed, envelopes[index].payload_type, envelopes[index].signatures)
    with pytest.raises(ChainError) as caught:
        read(envelopes)
    assert caught.value.sequence == index


statements = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


@given(st.integers(0, LENGTH - 1), st.data())
def test_a_signed_statement_of_any_other_shape_is_refused_and_nothing_else_is_raised(
    index: int, data: st.DataObject
) -> None:
    def replace_member(predicate: Predicate) -> None:
        name = data.draw(st.sampled_from(sorted(predicate)))
        predicate[name] = data.draw(statements.filter(lambda value: value != predicate[name]))

    # Some changes are none to the chain: a signer's name, say, is any text. Others must not get past it otherwise.
    with contextlib.suppress(ChainError):
        assert len(read(link_again(replace_member, index))) == LENGTH
