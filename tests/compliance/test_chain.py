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
    """Opening, admission and end of a review, a sign-off, admission and end of a release, closing."""
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


def describe(stage_id: str) -> Predicate:
    """A stage as every certificate but the opening and the closing one describes it."""
    entries = (json.loads(envelope.payload)["predicate"] for envelope in BUILDER.envelopes)
    return next(entry["stage"] for entry in entries if entry.get("stage", {}).get("id") == stage_id)


def test_a_whole_chain_reads_in_order() -> None:
    chain = read(BUILDER.envelopes)
    assert [entry.kind for entry in chain] == [
        "opening",
        "admission",
        "execution",
        "sign_off",
        "admission",
        "execution",
        "closing",
    ]
    assert [entry.sequence for entry in chain] == list(range(LENGTH))
    assert [entry.stage_id for entry in chain] == ["", "review", "review", "release", "release", "release", ""]


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
    stages = [other.add_stage(f"s{number}", policy=policy) for number in range(LENGTH)]
    for stage in stages:
        other.admit(stage, Allow(NO_LINEAGE))
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
        (1, lambda p: p.update(extra=1), "not a member"),
        (1, lambda p: p.pop("grant"), "grant is missing"),
        (1, lambda p: p["stage"].update(role="Release"), "is none of"),
        (1, lambda p: p["stage"].update(position=True), "not a whole number"),
        (1, lambda p: p["stage"].update(name=None), "not a string"),
        (1, lambda p: p["lineage"].update(policies="00"), "not a list"),
        (1, lambda p: p["lineage"].update(upstreams=[{"artifact_sha256": None}]), "is missing"),
        (1, lambda p: p["workflow"].update(sequence=False), "not a whole number"),
        (1, lambda p: p["workflow"].update(previous="ab" * 32), "does not follow"),
        (2, lambda p: p["workflow"].update(sequence=3), "sequence number 3"),
        (2, lambda p: p["stage"].update(name="Another"), "describes stage review otherwise"),
        (2, lambda p: p["stage"].update(id="other"), "does not list"),
        (2, lambda p: p.update(stage=describe("release")), "is of stage review"),
        (2, lambda p: p["execution"].update(id="other"), "last admission"),
        (2, lambda p: p.update(admission=None), "last admission"),
        (2, lambda p: p.update(artifact_sha256="ab" * 32), "its subject is neither"),
        (2, lambda p: p["policy"].update(version=2), "its policy is not the one"),
        (2, lambda p: p["grant"].update(effective=["*"]), "its grant is not the one"),
        (2, lambda p: p["checks"][0].update(passed=1), "not true or false"),
        (3, lambda p: p.update(decision="maybe"), "is none of"),
        (4, lambda p: p["decision"].update(result="refuse"), None),
        (5, lambda p: p["agent"].update(kind="person"), "not a member"),
        (1, lambda p: p["requester"].update(id="2"), "its requester is not the one"),
        (4, lambda p: p["stage"].update(task_sha256="ab" * 32), "describes stage release otherwise"),
        (3, lambda p: p["policy"].update(digest="ab" * 32), "its policy is not the one"),
        (6, lambda p: p["stages"][0].update(status="running"), "is none of"),
        (6, lambda p: p["stages"][0].update(policy="ab" * 32), "describes stage 0 otherwise"),
        (6, lambda p: p["stages"].pop(), "lists 1 stages, the opening certificate 2"),
        (6, lambda p: p.update(mode="parallel"), "its mode is not the one"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(
    at: int, change: Callable[[Predicate], object], message: str | None
) -> None:
    with pytest.raises(ChainError, match=message) as caught:
        read(link_again(change, at))
    # A refused admission is only wrong once work is certified that rests on it.
    assert caught.value.sequence == (at if message else at + 1)


@pytest.mark.parametrize(
    ("change", "sequence", "message"),
    [
        (lambda p: p["stages"].clear(), 0, "not numbered from 0"),
        (lambda p: p["stages"].reverse(), 0, "not numbered from 0"),
        (lambda p: p["stages"][1].update(id="review"), 0, "lists a stage twice"),
        (lambda p: p["stages"][1].update(uid=p["stages"][0]["uid"]), 0, "lists a stage twice"),
        (lambda p: p["stages"][0].update(budget_cents=-1), 0, "not a whole number"),
        (lambda p: p["stages"][0].update(owner="mallory"), 0, "not a member"),
        (lambda p: p["stages"][0].pop("permissions"), 0, "permissions is missing"),
        (lambda p: p["stages"][0].update(role="worker"), 1, "describes stage review otherwise"),
        (lambda p: p["stages"][0].update(document_sha256=None), 1, "describes stage review otherwise"),
        (lambda p: p["stages"][0]["policy"].update(digest="ab" * 32), 1, "its policy is not the one"),
        (lambda p: p["stages"][0]["grant"].update(effective=["*"]), 1, "its grant is not the one"),
        (lambda p: p["requester"].update(id="2"), 1, "its requester is not the one"),
        (lambda p: p["stages"].pop(), 3, "stage release, which the opening certificate does not list"),
        (lambda p: p.update(name="Another"), 6, "its name is not the one"),
        (lambda p: p.update(description_sha256=None), 6, "its description_sha256 is not the one"),
        (lambda p: p["stages"].append({**p["stages"][0], "id": "x", "uid": "y", "position": 2}), 6, "lists 2 stages"),
    ],
)
def test_an_opening_that_says_anything_else_is_contradicted(
    change: Callable[[Predicate], object], sequence: int, message: str
) -> None:
    """Signed anew with the same key: each certificate after it repeats what it says."""
    with pytest.raises(ChainError, match=message) as caught:
        read(link_again(change, 0))
    assert caught.value.sequence == sequence


def test_an_opening_is_about_its_workflow() -> None:
    statement = json.loads(BUILDER.envelopes[0].payload)
    assert statement["subject"] == [{"name": "workflow", "digest": {"sha256": digest_of(BUILDER.workflow_id)}}]
    statement["subject"][0]["digest"]["sha256"] = "ab" * 32
    with pytest.raises(ChainError, match="its subject is not the workflow"):
        read([parse_envelope(sign(BUILDER.key, rfc8785.dumps(statement)))])


def link(*payloads: bytes) -> list[Envelope]:
    """Statements of the workflow, put one after the other and signed."""
    envelopes: list[Envelope] = []
    for sequence, payload in enumerate(payloads):
        statement = json.loads(payload)
        previous = envelopes[-1].digest if envelopes else None
        statement["predicate"]["workflow"].update(sequence=sequence, previous=previous)
        envelopes.append(parse_envelope(sign(BUILDER.key, rfc8785.dumps(statement))))
    return envelopes


def test_a_workflow_is_opened_first_and_once() -> None:
    opening, admission, *_, closing = (envelope.payload for envelope in BUILDER.envelopes)
    assert len(read(link(opening, admission))) == 2
    for payloads, sequence, message in (
        ((admission,), 0, "does not open the workflow"),
        ((closing,), 0, "does not open the workflow"),
        ((admission, opening), 0, "does not open the workflow"),
        ((opening, opening), 1, "opens the workflow again"),
        ((opening, admission, opening), 2, "opens the workflow again"),
    ):
        with pytest.raises(ChainError, match=message) as caught:
            read(link(*payloads))
        assert caught.value.sequence == sequence


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
    admission = builder.envelopes[1].digest
    builder.end(stage, decision, admission, artifact="Made again.")
    with pytest.raises(ChainError, match="has already ended") as caught:
        builder.read()
    assert caught.value.sequence == 3


def test_an_execution_may_be_admitted_again_before_it_ends() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("work", policy=builder.add_policy())
    decision = builder.ask(stage)
    assert isinstance(decision, Allow)
    first, second = builder.admit(stage, decision), builder.admit(stage, decision)
    assert first != second
    builder.end(stage, decision, second, artifact="Made.")
    assert [entry.kind for entry in builder.read()] == ["opening", "admission", "admission", "execution"]


def test_an_execution_may_be_cancelled_before_it_was_admitted() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("work", policy=builder.add_policy())
    never_asked = Refuse("cancelled", "by alice")
    builder.end(stage, never_asked, None, artifact=None, status="cancelled", reason=("cancelled", "by alice"))
    assert builder.read()[1].subject_digest == "0" * 64


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
