"""Evidence of workflows that never ran: certificates signed with a key of the test's own, and packages of them.

`EvidenceBuilder.run` does what an honest worker does: it asks the gate, and certifies the answer. Each smaller step
can also be taken alone, with whatever a test wants certified. The first one opens the workflow with the stages that
there are then, so all of them are added before.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from compliance.chain import read_chain
from compliance.envelope import (
    PAYLOAD_TYPE,
    Envelope,
    compute_key_id,
    encode_envelope,
    encode_public_key,
    parse_envelope,
    pre_authentication_encoding,
)
from compliance.gate import AdmissionRequest, Allow, Check, Evidence, PolicyTerms, Refuse, Wait, decide, judge
from compliance.lineage import describe_lineage
from compliance.merkle import compute_merkle_root
from compliance.policy_terms import read_policy_terms
from compliance.predicates import DOCUMENT_EVENTS
from compliance.statements import (
    CertificateDraft,
    EndedStage,
    OpenedStage,
    PersonFacts,
    PolicyFacts,
    StageFacts,
    WorkflowFacts,
    draft_admission,
    draft_closing,
    draft_execution,
    draft_opening,
    draft_sign_off,
    encode_statement,
)
from compliance.verdicts import find_required_proofs
from tests.journal_events import WRITTEN_AT, describe_event, digest_of

NAME, DESCRIPTION = "Notice", "For everybody in the house."
GRANT = ("document:read:reports",)
DECISIONS = {"reviewer": "approved", "release": "release"}


def sign(key: Ed25519PrivateKey, payload: bytes) -> bytes:
    """Return the envelope over a payload, as JSON."""
    signature = key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return encode_envelope(payload, compute_key_id(key.public_key()), signature)


@dataclass
class EvidenceBuilder:
    """One workflow's evidence in the making; `texts` and `documents` (of policies) are by digest."""

    workflow_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    mode: str = "sequential"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    former_keys: list[Ed25519PrivateKey] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    stages: list[StageFacts] = field(default_factory=list)
    stage_policies: dict[str, PolicyFacts] = field(default_factory=dict)
    grants: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    journals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    # --- what there is

    @property
    def public_key_pem(self) -> str:
        return encode_public_key(self.key.public_key())

    @property
    def keys(self) -> dict[str, Ed25519PublicKey]:
        public_keys = (key.public_key() for key in (*self.former_keys, self.key))
        return {compute_key_id(key): key for key in public_keys}

    @property
    def evidence(self) -> Evidence:
        return Evidence(tuple(self.envelopes), self.keys)

    @property
    def terms(self) -> dict[str, PolicyTerms]:
        return {digest: read_policy_terms(document) for digest, document in self.documents.items()}

    def replace_key(self) -> None:
        """Sign with another key from now on; what the former one signed stays trusted."""
        self.former_keys.append(self.key)
        self.key = Ed25519PrivateKey.generate()

    # --- what is asked for

    def add_policy(
        self,
        name: str = "default",
        *,
        sign_offs: int = 0,
        requester_may_sign: bool = False,
        proofs: Sequence[str] = ("lineage_verified", "content_inspected"),
        ceiling: Sequence[str] = ("*",),
        forbidden: Sequence[str] = (),
        content: Sequence[Mapping[str, Any]] = (),
    ) -> PolicyFacts:
        document = rfc8785.dumps(
            {
                "name": name,
                "version": 1,
                "title": name,
                "description": name,
                "capabilities": {"default": [], "ceiling": list(ceiling), "forbidden": list(forbidden)},
                "content": [dict(rule) for rule in content],
                "detectors": [],
                "required_proofs": list(proofs),
                "sign_offs": {"required": sign_offs, "not_requester": not requester_may_sign},
                "retention_days": 365,
            }
        ).decode()
        self.documents[digest_of(document)] = document
        return PolicyFacts(name, 1, digest_of(document))

    def add_stage(
        self,
        stage_id: str,
        role: str = "worker",
        *,
        policy: PolicyFacts,
        document: str | None = None,
        upstreams: Sequence[str] = (),
        task: str | None = None,
        granted: Sequence[str] = GRANT,
    ) -> StageFacts:
        assert not self.envelopes, "the workflow is open: its stages are settled"
        stage = StageFacts(
            id=stage_id,
            uid=str(uuid.uuid5(uuid.UUID(self.workflow_id), stage_id)),
            name=f"Stage {stage_id}",
            position=len(self.stages),
            role=role,
            task_sha256=self.keep(task or f"Task of {stage_id}."),
            document_sha256=None if document is None else self.keep(document),
            upstream_stage_ids=tuple(upstreams),
        )
        self.stages.append(stage)
        self.stage_policies[stage_id] = policy
        self.grants[stage_id] = {"effective": list(granted), "denied": []}
        return stage

    def keep(self, text: str) -> str:
        self.texts[digest_of(text)] = text
        return digest_of(text)

    def execution_id(self, stage: StageFacts) -> str:
        return str(uuid.uuid5(uuid.UUID(stage.uid), "execution"))

    def request(
        self,
        stage: StageFacts,
        *,
        inspected: Sequence[str] | None = None,
        blocking: Sequence[str] = (),
    ) -> AdmissionRequest:
        """What is asked about a stage; `inspected` None stands for an inspection under every policy there is."""
        return AdmissionRequest(
            workflow_id=self.workflow_id,
            stage_id=stage.id,
            execution_id=self.execution_id(stage),
            role=stage.role,
            policy_digest=self.stage_policies[stage.id].digest,
            upstream_stage_ids=stage.upstream_stage_ids,
            granted=tuple(self.grants[stage.id]["effective"]),
            requester_id="1",
            task_digest=stage.task_sha256,
            document_digest=stage.document_sha256,
            inspected_policies=tuple(self.documents if inspected is None else inspected),
            blocking_findings=tuple(blocking),
        )

    # --- what is certified

    def open(self) -> None:
        """Open the workflow, if it is not: what was asked for is settled from then on."""
        if self.envelopes:
            return
        stages = [
            OpenedStage(stage, self.stage_policies[stage.id], self.grants[stage.id], 1500, None, "embedded", None)
            for stage in self.stages
        ]
        self._sign_next(draft_opening(self.workflow_id, workflow=_describe_workflow(self.mode), stages=stages))

    def append(self, draft: CertificateDraft) -> Envelope:
        self.open()
        return self._sign_next(draft)

    def _sign_next(self, draft: CertificateDraft) -> Envelope:
        previous = self.envelopes[-1].digest if self.envelopes else None
        payload = encode_statement(draft, self.workflow_id, len(self.envelopes), previous, WRITTEN_AT)
        self.envelopes.append(parse_envelope(sign(self.key, payload)))
        return self.envelopes[-1]

    def ask(self, stage: StageFacts, **changes: Any) -> Allow | Wait | Refuse:
        self.open()
        return decide(self.terms, self.request(stage, **changes), self.evidence)

    def admit(self, stage: StageFacts, decision: Allow | Refuse, *, blocking: Sequence[str] = ()) -> str:
        """Certify an admission and return its digest."""
        lineage = decision.lineage
        subject = lineage.subject_digest if lineage else None
        inspected = lineage.policies if lineage and subject and stage.role == "release" else None
        draft = draft_admission(
            stage=stage,
            execution_id=self.execution_id(stage),
            attempt=1,
            policy=self.stage_policies[stage.id],
            requester=PersonFacts("1", "alice"),
            grant=self.grants[stage.id],
            lineage=lineage,
            sign_offs=decision.sign_offs if isinstance(decision, Allow) else (),
            inspected_policies=inspected,
            blocking_findings=blocking,
            refusal=(decision.code, decision.detail) if isinstance(decision, Refuse) else None,
            input_digest=subject or stage.document_sha256 or stage.task_sha256,
        )
        return self.append(draft).digest

    def end(
        self,
        stage: StageFacts,
        decision: Allow | Refuse,
        admission: str | None,
        *,
        artifact: str | None,
        answer: str = "",
        status: str = "completed",
        reason: tuple[str, str] = ("", ""),
        checks: Sequence[Check] | None = None,
        verdict: str | None = None,
        judged: str | None = None,
    ) -> str:
        """Certify an end and return its digest. Without `verdict`, the one that the checks deserve.

        `judged` is what a reviewer without a subject judged; what it approves it judged, too.
        """
        policy = self.stage_policies[stage.id]
        lineage = (
            describe_lineage(decision.lineage) if decision.lineage else {"policies": [policy.digest], "upstreams": []}
        )
        terms = [self.terms[digest] for digest in lineage["policies"]]
        if checks is None:
            checks = [Check(name, True, "as built") for name in find_required_proofs(terms, stage.role)]
        earned, missing = judge(checks, terms, stage.role)
        completed = status == "completed"
        spoken = answer or DECISIONS.get(stage.role, "answered")
        if judged is None and stage.role == "reviewer" and spoken == "approved":
            judged = artifact
        judged_digest = None if judged is None else self.keep(judged)
        entries = [json.loads(event["entry"]) for event in self.journals.get(stage.id, [])]
        leaves = [event["digest"] for event in self.journals.get(stage.id, [])]
        draft = draft_execution(
            stage=stage,
            execution_id=self.execution_id(stage),
            attempt=1,
            policy=policy,
            grant=self.grants[stage.id],
            lineage=lineage,
            admission_digest=admission,
            sign_offs=decision.sign_offs if isinstance(decision, Allow) else (),
            status=status,
            reason=reason,
            verdict=verdict or (earned if completed else "non_compliant"),
            checks=checks if completed else (),
            missing_proofs=missing if completed else (),
            agent={
                "provider": "embedded",
                "model": "rules",
                "decision": spoken,
            },
            usage={"requests": 1, "input_tokens": 20, "output_tokens": 30},
            cost_cents=sum(int(entry["facts"].get("cents", 0)) for entry in entries),
            journal={"size": len(leaves), "root": compute_merkle_root(leaves)},
            documents=self.list_documents(stage),
            artifact_digest=None if artifact is None else self.keep(artifact),
            reviewed_digest=(decision.lineage.subject_digest if decision.lineage else None) or judged_digest,
            answer_digest=self.keep(json.dumps({"stage": stage.id})) if completed else None,
        )
        return self.append(draft).digest

    def sign_off(
        self,
        stage: StageFacts,
        artifact: str,
        *,
        signer: str = "2",
        decision: str = "approve",
        reason: str = "Read it.",
    ) -> str:
        draft = draft_sign_off(
            stage=stage,
            execution_id=self.execution_id(stage),
            policy=self.stage_policies[stage.id],
            signer=PersonFacts(signer, f"person {signer}"),
            role="approver",
            decision=decision,
            artifact_digest=digest_of(artifact),
            meaning="Approval for release",
            reason_digest=self.keep("I have read it."),
            authentication="password",
        )
        return self.append(draft).digest

    def record(self, stage: StageFacts, kind: str, facts: Mapping[str, Any], payload: object) -> None:
        """Add an event to the stage's journal. Call it before the stage ends."""
        events = self.journals.setdefault(stage.id, [])
        text = json.dumps({"payload": payload, "salt": f"{len(events):032x}"})
        entry = {
            "sequence": len(events),
            "kind": kind,
            "at": WRITTEN_AT.isoformat(),
            "facts": dict(facts),
            "payload_sha256": digest_of(text),
        }
        events.append(describe_event(entry, text))

    def touch_document(self, stage: StageFacts, kind: str, text: str) -> None:
        """Let the stage read or write a document (`document_read`, `document_write`) as its tools would."""
        self.record(stage, kind, {"name": "reports", "sha256": self.keep(text)}, {})

    def list_documents(self, stage: StageFacts) -> dict[str, list[dict[str, str]]]:
        """The documents of a stage's journal, as its certificate lists them; no test has two of one name and kind."""
        documents: dict[str, list[dict[str, str]]] = {"read": [], "written": []}
        for event in self.journals.get(stage.id, []):
            if event["kind"] in DOCUMENT_EVENTS:
                documents[DOCUMENT_EVENTS[event["kind"]]].append(json.loads(event["entry"])["facts"])
        return documents

    def run(self, stage: StageFacts, text: str | None = None, **ending: Any) -> Allow | Wait | Refuse:
        """Take a stage through admission and end as an honest worker does. Waiting leaves no certificate.

        `text` is what a worker, or a reviewer without a subject, answers; None lets a stage hand on its subject.
        """
        decision = self.ask(stage)
        if isinstance(decision, Wait):
            return decision
        admission = self.admit(stage, decision)
        if isinstance(decision, Refuse):
            self.end(
                stage, decision, admission, artifact=None, status="blocked", reason=(decision.code, decision.detail)
            )
            return decision
        subject = decision.lineage.subject_digest
        artifact = self.texts[subject] if text is None and subject is not None else text
        self.end(stage, decision, admission, artifact=artifact, **ending)
        return decision

    def close(self) -> str:
        """End the workflow by how its stages ended; those that never ran are cancelled."""
        self.open()
        ends = {entry.stage_id: entry for entry in self.read() if entry.kind == "execution"}
        stages = [self._list_stage(stage, ends.get(stage.id)) for stage in self.stages]
        statuses = {stage.status for stage in stages}
        status = next((end for end in ("failed", "blocked", "cancelled") if end in statuses), "completed")
        verdicts = {ends[stage.id].predicate["verdict"] if stage.id in ends else None for stage in self.stages}
        decisive = next((stage for stage in stages if stage.status == status != "completed"), None)
        draft = draft_closing(
            workflow=_describe_workflow(self.mode),
            status=status,
            verdict="compliant" if verdicts == {"compliant"} else "non_compliant",
            reason=(decisive.code, "as listed") if decisive else ("", ""),
            stages=stages,
            head_digest=self.envelopes[-1].digest,
        )
        return self.append(draft).digest

    def read(self) -> tuple[Any, ...]:
        return read_chain(self.workflow_id, self.envelopes, self.keys)

    def _list_stage(self, stage: StageFacts, end: Any) -> EndedStage:
        outcome = end.predicate["outcome"] if end else {"status": "cancelled", "code": "earlier_stage_ended"}
        return EndedStage(
            stage=stage,
            policy_digest=self.stage_policies[stage.id].digest,
            status=outcome["status"],
            code=outcome["code"],
            execution_id=end.execution_id if end else None,
        )


def _describe_workflow(mode: str) -> WorkflowFacts:
    return WorkflowFacts(NAME, digest_of(DESCRIPTION), mode, PersonFacts("1", "alice"))
