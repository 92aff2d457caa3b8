"""A workflow's chain of certificates, read out of its envelopes. Standard library and `cryptography` only.

Each statement carries the workflow's id, its own sequence number and the digest of the statement before it, so
that none can be swapped, dropped, inserted or moved to another workflow without the reading failing. What the
statements say of one another must fit as well. The first one, and no other, opens the workflow: it says what was
asked for, by whom and under which policies, and whatever a later statement repeats of that must equal it. An
execution ends once, and only after the admission that its end refers to; the closing certificate lists every stage.
"""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.envelope import Envelope, EnvelopeError, verify_envelope
from compliance.predicates import PREDICATE_SHAPES, STAGE_MEMBERS
from compliance.shapes import is_same, members, sha256, text

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPES = {
    "opening": "urn:countersign:opening:v1",
    "admission": "urn:countersign:admission:v1",
    "execution": "urn:countersign:execution:v1",
    "sign_off": "urn:countersign:sign-off:v1",
    "closing": "urn:countersign:closing:v1",
}
_REMEMBERED = 2048

NEVER_ADMITTED = "0" * 64  # the subject of an execution that ended before its admission was decided

_KINDS = {predicate_type: kind for kind, predicate_type in PREDICATE_TYPES.items()}
_SUBJECT = members(name=text, digest=members(sha256=sha256))


class ChainError(ValueError):
    """The chain does not hold; `sequence` is the first certificate that breaks it."""

    def __init__(self, sequence: int, detail: str) -> None:
        super().__init__(f"certificate {sequence}: {detail}")
        self.sequence = sequence
        self.detail = detail


@dataclass(frozen=True)
class Attestation:
    """One verified statement, whose predicate has the shape of its kind (`compliance.predicates`).

    `digest` names it; `subject_digest` is what it speaks about, both SHA-256 in hex. The properties are empty
    where a statement of that kind says nothing of the sort.
    """

    digest: str
    kind: str
    sequence: int
    subject_name: str
    subject_digest: str
    predicate: Mapping[str, Any]

    @property
    def stage_id(self) -> str:
        return str(self.predicate.get("stage", {}).get("id", ""))

    @property
    def role(self) -> str:
        return str(self.predicate.get("stage", {}).get("role", ""))

    @property
    def execution_id(self) -> str:
        return str(self.predicate.get("execution", {}).get("id", ""))

    @property
    def policy_digest(self) -> str:
        return str(self.predicate.get("policy", {}).get("digest", ""))

    @property
    def artifact_digest(self) -> str:
        """The artifact that an execution left behind; empty where there is none."""
        return str(self.predicate.get("artifact_sha256") or "")

    @property
    def lineage_policies(self) -> tuple[str, ...]:
        """Digests of every policy that its texts have passed under, its own included."""
        return tuple(self.predicate.get("lineage", {}).get("policies", ()))

    @property
    def stages(self) -> Sequence[Mapping[str, Any]]:
        """Every stage of the workflow, by position, in the statement that opens or closes it."""
        stages: Sequence[Mapping[str, Any]] = self.predicate.get("stages", ())
        return stages

    @property
    def is_parallel(self) -> bool:
        """Whether the workflow that the statement opens runs each stage as soon as those that it names allow."""
        return self.predicate.get("mode") == "parallel"

    @property
    def sources(self) -> frozenset[str]:
        """Digests of the texts that the stage worked on: what it was given, its inputs, what it reviewed and read."""
        found = {upstream["artifact_sha256"] for upstream in self.predicate.get("lineage", {}).get("upstreams", ())}
        found.update(document["sha256"] for document in self.predicate.get("documents", {}).get("read", ()))
        found.add(self.predicate.get("reviewed_sha256"))
        if "stage" in self.predicate:
            found.add(find_given_text(self.predicate["stage"]))
        return frozenset(found - {None})

    @property
    def products(self) -> frozenset[str]:
        """Digests of the texts that an execution left behind: its artifact, and the documents that it wrote."""
        written = {document["sha256"] for document in self.predicate.get("documents", {}).get("written", ())}
        return frozenset(written | {self.artifact_digest} - {""})

    def touches(self, texts: Set[str]) -> bool:
        """Say whether the stage read, reviewed or made any of the texts of those digests."""
        return not (self.sources.isdisjoint(texts) and self.products.isdisjoint(texts))


@dataclass
class _History:
    """What the opening asks for, and what the certificates read since have said of each execution."""

    opening: Attestation
    executions: dict[str, str] = field(default_factory=dict)
    admissions: dict[str, Attestation] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    ended_stages: set[str] = field(default_factory=set)
    closed: bool = False

    def find_stage(self, stage_id: str) -> Mapping[str, Any] | None:
        return next((stage for stage in self.opening.stages if stage["id"] == stage_id), None)


def find_given_text(stage: Mapping[str, Any]) -> str | None:
    """Return the digest of the text that a stage, as certificates describe it, was given to work on.

    Its document; without one, and without stages named upstream, its task. None where it works on what others made.
    """
    if stage["document_sha256"] is not None:
        return str(stage["document_sha256"])
    return None if stage["upstream_stage_ids"] else str(stage["task_sha256"])


def compute_opening_subject(workflow_id: str) -> str:
    """Return what an opening certificate is about: the workflow, by the SHA-256 of its id's text."""
    return hashlib.sha256(workflow_id.encode()).hexdigest()


def read_chain(
    workflow_id: str, envelopes: Sequence[Envelope], keys: Mapping[str, Ed25519PublicKey]
) -> tuple[Attestation, ...]:
    """Verify every signature and link, in order. Raises ChainError at the first certificate that does not hold."""
    attestations: list[Attestation] = []
    history: _History | None = None
    previous: str | None = None
    for sequence, envelope in enumerate(envelopes):
        try:
            attestation = _read_verified(sequence, envelope, _find_signers(envelope, keys))
        except EnvelopeError as error:
            raise ChainError(sequence, str(error)) from error
        _check_link(attestation, workflow_id, previous)
        if history is None:
            history = _History(attestation)
            problem = _find_opening_problem(attestation, workflow_id)
        else:
            problem = _find_contradiction(attestation, history, previous)
        if problem is not None:
            raise ChainError(sequence, problem)
        attestations.append(attestation)
        previous = envelope.digest
    return tuple(attestations)


def _find_signers(envelope: Envelope, keys: Mapping[str, Ed25519PublicKey]) -> tuple[tuple[str, bytes], ...]:
    """Return id and bytes of the trusted keys that the envelope names."""
    named = {signature.key_id for signature in envelope.signatures} & keys.keys()
    return tuple((key_id, keys[key_id].public_bytes_raw()) for key_id in sorted(named))


# A chain is read at every admission and every end: what these very bytes say under these very keys never changes.
@lru_cache(maxsize=_REMEMBERED)
def _read_verified(sequence: int, envelope: Envelope, signers: tuple[tuple[str, bytes], ...]) -> Attestation:
    """Return a statement whose signatures are by those keys. Raises EnvelopeError and ChainError."""
    keys = {key_id: Ed25519PublicKey.from_public_bytes(key) for key_id, key in signers}
    return _read_statement(sequence, envelope.digest, verify_envelope(envelope, keys))


def _read_statement(sequence: int, statement_digest: str, statement: Mapping[str, Any]) -> Attestation:
    kind = _KINDS.get(str(statement.get("predicateType")))
    if statement.get("_type") != STATEMENT_TYPE or kind is None:
        raise ChainError(sequence, "it is not a statement that this version knows")
    if set(statement) != {"_type", "subject", "predicateType", "predicate"}:
        raise ChainError(sequence, "a statement has exactly the members _type, subject, predicateType and predicate")
    subjects = statement["subject"]
    if not isinstance(subjects, list) or len(subjects) != 1:
        raise ChainError(sequence, "it does not have exactly one subject")
    problem = _SUBJECT(subjects[0], "subject") or PREDICATE_SHAPES[kind](statement["predicate"], f"{kind} predicate")
    if problem is not None:
        raise ChainError(sequence, problem)
    return Attestation(
        digest=statement_digest,
        kind=kind,
        sequence=sequence,
        subject_name=subjects[0]["name"],
        subject_digest=subjects[0]["digest"]["sha256"],
        predicate=statement["predicate"],
    )


def _check_link(attestation: Attestation, workflow_id: str, previous: str | None) -> None:
    link = attestation.predicate["workflow"]
    if link["id"] != workflow_id:
        raise ChainError(attestation.sequence, f"it belongs to workflow {link['id']}, not to {workflow_id}")
    if link["sequence"] != attestation.sequence:
        raise ChainError(
            attestation.sequence,
            f"it carries sequence number {link['sequence']}: certificates are missing, doubled or out of order",
        )
    if link["previous"] != previous:
        raise ChainError(attestation.sequence, "it does not follow the certificate before it")


def _find_opening_problem(opening: Attestation, workflow_id: str) -> str | None:
    """Return what keeps the first statement from opening its workflow."""
    if opening.kind != "opening":
        return "it does not open the workflow, as the first certificate must"
    if opening.subject_digest != compute_opening_subject(workflow_id):
        return "its subject is not the workflow"
    stages = opening.stages
    if not stages or [stage["position"] for stage in stages] != list(range(len(stages))):
        return "the stages that it lists are not numbered from 0 without a gap, in order"
    if any(len({stage[name] for stage in stages}) != len(stages) for name in ("id", "uid")):
        return "it lists a stage twice"
    return None


def _find_contradiction(attestation: Attestation, history: _History, previous: str | None) -> str | None:
    """Return what of a statement does not fit those before it, and take it into the history."""
    if history.closed:
        return "it follows the closing certificate"
    if attestation.kind == "opening":
        return "it opens the workflow again"
    if attestation.kind == "closing":
        history.closed = True
        return _find_closing_problem(attestation, history.opening, previous)
    problem = _find_stage_problem(attestation, history)
    if problem is not None:
        return problem
    if history.executions.setdefault(attestation.execution_id, attestation.stage_id) != attestation.stage_id:
        return f"execution {attestation.execution_id} is of stage {history.executions[attestation.execution_id]}"
    if attestation.kind == "sign_off":
        return None
    if attestation.execution_id in history.ended:
        return f"execution {attestation.execution_id} has already ended"
    if attestation.kind == "admission":
        history.admissions[attestation.execution_id] = attestation
        return None
    # A second run may be refused, and that is evidence too; it may not complete what ended before.
    completes = attestation.predicate["outcome"]["status"] == "completed"
    if completes and attestation.stage_id in history.ended_stages:
        return f"stage {attestation.stage_id} has already ended"
    history.ended.add(attestation.execution_id)
    history.ended_stages.add(attestation.stage_id)
    return _find_end_problem(attestation, history.admissions.get(attestation.execution_id))


def _find_stage_problem(attestation: Attestation, history: _History) -> str | None:
    """Return what a statement says about its stage otherwise than the opening."""
    predicate, opened = attestation.predicate, history.find_stage(attestation.stage_id)
    if opened is None:
        return f"it is about stage {attestation.stage_id}, which the opening certificate does not list"
    if not is_same({name: opened[name] for name in STAGE_MEMBERS}, predicate["stage"]):
        return f"it describes stage {attestation.stage_id} otherwise than the opening certificate"
    expected = {**opened, "requester": history.opening.predicate["requester"]}
    for member in ("policy", "grant", "requester"):
        if member in predicate and not is_same(predicate[member], expected[member]):
            return f"its {member} is not the one in the opening certificate"
    return None


def _find_closing_problem(closing: Attestation, opening: Attestation, previous: str | None) -> str | None:
    """Return what is wrong between a closing certificate, the one before it and the opening."""
    if closing.subject_digest != previous:
        return "its subject is not the certificate before it"
    for member in ("name", "description_sha256", "mode", "requester"):
        if not is_same(closing.predicate[member], opening.predicate[member]):
            return f"its {member} is not the one in the opening certificate"
    if len(closing.stages) != len(opening.stages):
        return f"it lists {len(closing.stages)} stages, the opening certificate {len(opening.stages)}"
    for listed, opened in zip(closing.stages, opening.stages, strict=True):
        described = {**{name: opened[name] for name in STAGE_MEMBERS}, "policy": opened["policy"]["digest"]}
        if not is_same({name: listed[name] for name in described}, described):
            return f"it describes stage {opened['position']} otherwise than the opening certificate"
    return None


def _find_end_problem(end: Attestation, admission: Attestation | None) -> str | None:
    """Return what is wrong between an execution's end and its last admission."""
    predicate = end.predicate
    named = predicate["admission"]
    if named != (admission.digest if admission else None):
        return "it does not name the last admission of its execution"
    if end.subject_digest != (predicate["artifact_sha256"] or named or NEVER_ADMITTED):
        return "its subject is neither its artifact nor its admission"
    admitted = admission is not None and admission.predicate["decision"]["result"] == "allow"
    if not admitted and (predicate["outcome"]["status"] == "completed" or predicate["artifact_sha256"]):
        return "it speaks of work that was never admitted"
    return None
