"""A workflow's chain of certificates, read out of its envelopes. Standard library and `cryptography` only.

Each statement carries the workflow's id, its own sequence number and the digest of the statement before it, so
that none can be swapped, dropped, inserted or moved to another workflow without the reading failing. What the
statements say of one another must fit as well: a stage is described alike wherever it is named, an execution ends
once, and only after the admission that its end refers to, one person has requested all of it, and the closing
certificate lists every stage, by position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.envelope import Envelope, EnvelopeError, verify_envelope
from compliance.predicates import PREDICATE_SHAPES
from compliance.shapes import is_same, members, sha256, text

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPES = {
    "admission": "urn:countersign:admission:v1",
    "execution": "urn:countersign:execution:v1",
    "sign_off": "urn:countersign:sign-off:v1",
    "closing": "urn:countersign:closing:v1",
}
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
    def sources(self) -> frozenset[str]:
        """Digests of the texts that the stage worked on: its document, its inputs, what it reviewed."""
        upstreams = self.predicate.get("lineage", {}).get("upstreams", ())
        found = {upstream["artifact_sha256"] for upstream in upstreams}
        found.update({self.predicate.get("stage", {}).get("document_sha256"), self.predicate.get("reviewed_sha256")})
        if self.kind == "admission":
            found.add(self.subject_digest)
        return frozenset(found - {None})

    def touches(self, digest: str) -> bool:
        """Say whether the stage read, reviewed or made the text of that digest."""
        return digest == self.artifact_digest or digest in self.sources


@dataclass
class _History:
    """What the certificates read so far have said: of each stage, of each execution, and which have ended."""

    stages: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    executions: dict[str, str] = field(default_factory=dict)
    admissions: dict[str, Attestation] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    requester_id: str = ""
    closed: bool = False


def read_chain(
    workflow_id: str, envelopes: Sequence[Envelope], keys: Mapping[str, Ed25519PublicKey]
) -> tuple[Attestation, ...]:
    """Verify every signature and link, in order. Raises ChainError at the first certificate that does not hold."""
    attestations: list[Attestation] = []
    history = _History()
    previous: str | None = None
    for sequence, envelope in enumerate(envelopes):
        try:
            statement = verify_envelope(envelope, keys)
        except EnvelopeError as error:
            raise ChainError(sequence, str(error)) from error
        attestation = _read_statement(sequence, envelope.digest, statement)
        _check_link(attestation, workflow_id, previous)
        problem = _find_contradiction(attestation, history, previous)
        if problem is not None:
            raise ChainError(sequence, problem)
        attestations.append(attestation)
        previous = envelope.digest
    return tuple(attestations)


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


def _find_contradiction(attestation: Attestation, history: _History, previous: str | None) -> str | None:
    """Return what of a statement does not fit those before it, and take it into the history."""
    if history.closed:
        return "it follows the closing certificate"
    if attestation.kind == "closing":
        history.closed = True
        return _find_closing_problem(attestation, history, previous)
    stage = attestation.predicate["stage"]
    if not is_same(history.stages.setdefault(attestation.stage_id, stage), stage):
        return f"it describes stage {attestation.stage_id} otherwise than a certificate before it"
    if history.executions.setdefault(attestation.execution_id, attestation.stage_id) != attestation.stage_id:
        return f"execution {attestation.execution_id} is of stage {history.executions[attestation.execution_id]}"
    if attestation.kind == "sign_off":
        return None
    if attestation.execution_id in history.ended:
        return f"execution {attestation.execution_id} has already ended"
    if attestation.kind == "admission":
        history.admissions[attestation.execution_id] = attestation
        return _find_requester_problem(attestation, history)
    history.ended.add(attestation.execution_id)
    return _find_end_problem(attestation, history.admissions.get(attestation.execution_id))


def _find_requester_problem(attestation: Attestation, history: _History) -> str | None:
    """Who asked decides who may sign off, so it may not vary. A person's name may change meanwhile; the id does not."""
    requester_id = attestation.predicate["requester"]["id"]
    history.requester_id = history.requester_id or requester_id
    return None if requester_id == history.requester_id else "it names another requester than a certificate before it"


def _find_closing_problem(closing: Attestation, history: _History, previous: str | None) -> str | None:
    """Return what is wrong between the list of stages in a closing certificate and the certificates before it."""
    if closing.subject_digest != (previous or NEVER_ADMITTED):
        return "its subject is not the certificate before it"
    stages = closing.predicate["stages"]
    if [stage["position"] for stage in stages] != list(range(len(stages))):
        return "the stages that it lists are not numbered from 0 without a gap, in order"
    listed = {stage["id"]: stage for stage in stages}
    if len(listed) != len(stages) or len({stage["uid"] for stage in stages}) != len(stages):
        return "it lists a stage twice"
    for stage_id, described in history.stages.items():
        if stage_id not in listed:
            return f"it does not list stage {stage_id}, of which there are certificates"
        if not is_same({name: listed[stage_id][name] for name in described}, described):
            return f"it describes stage {stage_id} otherwise than a certificate before it"
    return _find_requester_problem(closing, history)


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
    if admission is None:
        return None
    for member in ("policy", "grant"):
        if not is_same(predicate[member], admission.predicate[member]):
            return f"its {member} is not the one that was admitted"
    return None
