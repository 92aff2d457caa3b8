"""Verifying an audit package with public keys and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.chain import Attestation, ChainError, read_chain
from compliance.envelope import EnvelopeError, load_public_keys
from compliance.package import evidence_checks, journal_checks, record_checks, text_checks
from compliance.package.claims import derive_lineage
from compliance.package.layout import PACKAGE
from compliance.package.report import Checklist, Problem, VerificationReport
from compliance.policy_terms import PolicyTerms
from compliance.shapes import is_same


@dataclass(frozen=True)
class _Opened:
    """A package whose certificates hold: `certificate_ids` gives their ids by digest."""

    package: Mapping[str, Any]
    chain: tuple[Attestation, ...]
    policies: Mapping[str, PolicyTerms]
    certificate_ids: Mapping[str, str]

    @property
    def signers(self) -> set[str]:
        """Ids of the keys that signed."""
        return {entry["keyid"] for certificate in self.package["certificates"] for entry in certificate["signatures"]}

    @property
    def stages(self) -> Sequence[Mapping[str, Any]]:
        stages: Sequence[Mapping[str, Any]] = self.package["stages"]
        return stages

    @property
    def opening(self) -> Attestation | None:
        return self.chain[0] if self.chain else None

    @property
    def closing(self) -> Attestation | None:
        return self.chain[-1] if self.chain and self.chain[-1].kind == "closing" else None


def verify_package(package: object, public_keys: str | bytes | Sequence[str | bytes]) -> VerificationReport:
    """Check an audit package, as `json.loads` returns it, against the public keys that the caller trusts.

    Keys are PEM texts: one, or several where the key was replaced while the workflow ran; each certificate must be
    signed by one of them. Never raises for what package or keys hold: what cannot be read is a failed check that
    says where.
    """
    checks = Checklist()
    given = [public_keys] if isinstance(public_keys, str | bytes) else public_keys
    keys: dict[str, Ed25519PublicKey] = {}
    unusable = [] if given else [Problem("the key given", "there is none")]
    for index, pem_text in enumerate(given, start=1):
        try:
            keys |= load_public_keys([pem_text])
        except EnvelopeError as error:
            which = "the key given" if len(given) == 1 else f"key {index} of the {len(given)} given"
            unusable.append(Problem(which, str(error)))
    if unusable:
        checks.record("public key", "the key given", "", unusable)
        return checks.report(complete=False)
    problem = PACKAGE(package, "package")
    found = [Problem(*problem.split(": ", 1))] if problem else []
    if not checks.record("layout", "package", "every member is known and of its type", found):
        return checks.report(complete=False)
    assert isinstance(package, Mapping)  # noqa: S101  (for the type checker: PACKAGE has just said so)
    chain = _read_certificates(checks, package, keys)
    if chain is None:
        return checks.report(complete=False)
    return _verify_contents(checks, package, chain)


def _read_certificates(
    checks: Checklist, package: Mapping[str, Any], keys: Mapping[str, Ed25519PublicKey]
) -> tuple[Attestation, ...] | None:
    """Check signatures and chain; None where they do not hold, and nothing else can be relied on."""
    workflow_id = package["workflow"]["id"]
    envelopes, problems = evidence_checks.open_envelopes(package["certificates"])
    chain, broken = None, None
    if not problems:
        try:
            chain = read_chain(workflow_id, envelopes, keys)
        except ChainError as error:
            broken = Problem(f"certificates[{error.sequence}]", error.detail)
            # The chain stops at the first that breaks it: say of every certificate whether it is signed.
            problems = list(evidence_checks.find_signature_problems(envelopes, keys))
    signers = {signature.key_id[:12] for envelope in envelopes for signature in envelope.signatures}
    signed = f"{len(envelopes)} certificates are signed by {' or '.join(f'key {signer}' for signer in sorted(signers))}"
    if checks.record("signatures", "certificates", signed, problems):
        linked = f"each certificate follows the one before it, all of workflow {workflow_id}"
        checks.record("chain", "certificates", linked, [broken] if broken else [])
    return chain


def _verify_contents(
    checks: Checklist, package: Mapping[str, Any], chain: tuple[Attestation, ...]
) -> VerificationReport:
    policies, policy_problems = evidence_checks.read_policies(package["policies"])
    ids = {entry.digest: certificate["id"] for entry, certificate in zip(chain, package["certificates"], strict=True)}
    opened = _Opened(package, chain, policies, ids)
    _check_evidence(checks, opened, policy_problems)
    _check_records(checks, opened)
    redacted = _check_texts(checks, opened)
    return checks.report(complete=True, redacted=redacted)


def _check_evidence(checks: Checklist, opened: _Opened, policy_problems: list[Problem]) -> None:
    chain, policies = opened.chain, opened.policies
    checks.record(
        "closing",
        "certificates",
        "the closing certificate is the last, and accounts for every stage and execution",
        evidence_checks.find_closing_problems(chain),
    )
    checks.record(
        "policies",
        "policies",
        f"{len(policies)} policies match their digests, and every one that a certificate names is there",
        [*policy_problems, *evidence_checks.find_policy_problems(chain, policies)],
    )
    admissions = sum(entry.kind == "admission" for entry in chain)
    checks.record(
        "gate",
        "certificates",
        f"asked again, the gate gives the same answer for {admissions} admissions and at every release",
        evidence_checks.find_gate_problems(chain, policies),
    )
    ends = sum(entry.kind == "execution" for entry in chain)
    checks.record(
        "verdicts",
        "certificates",
        f"{ends} verdicts follow from their checks and policies",
        evidence_checks.find_verdict_problems(chain, policies),
    )
    listed = opened.package["keys"]
    checks.record(
        "keys",
        "keys",
        f"{len(listed)} listed, for information only",
        evidence_checks.find_key_problems(listed, opened.signers),
    )


def _check_records(checks: Checklist, opened: _Opened) -> None:
    package, stages, chain = opened.package, opened.stages, opened.chain
    checks.record(
        "identifiers", "package", "each names one thing only", record_checks.find_identifier_problems(package)
    )
    checks.record(
        "stages",
        "stages",
        f"{len(stages)} stages are those that were asked for, one by one, and ended as the closing certificate says",
        _find_stage_problems(opened),
    )
    checks.record(
        "workflow",
        "workflow",
        "its name, description and mode are those that were asked for, its end is that in the closing certificate",
        _find_workflow_problems(opened),
    )
    checks.record(
        "records",
        "stages",
        "executions say what their certificates state",
        record_checks.find_record_problems(stages, chain),
    )
    checks.record(
        "compliance packages",
        "stages",
        "they say what certificates and policies amount to",
        record_checks.find_compliance_problems(stages, chain, opened.policies, opened.certificate_ids),
    )
    derived = derive_lineage(chain, opened.certificate_ids)
    problems = (
        [] if is_same(package["lineage"], derived) else [Problem("lineage", "it is not that of the certificates")]
    )
    checks.record("lineage", "lineage", f"{len(derived)} releases are traced back to what they rest on", problems)


def _find_stage_problems(opened: _Opened) -> Iterator[Problem]:
    if opened.opening is not None:
        yield from record_checks.find_stage_list_problems(opened.stages, opened.opening)
    if opened.closing is not None:
        yield from record_checks.find_stage_end_problems(opened.stages, opened.closing)


def _find_workflow_problems(opened: _Opened) -> Iterator[Problem]:
    workflow = opened.package["workflow"]
    if opened.opening is not None:
        yield from record_checks.find_workflow_problems(workflow, opened.stages, opened.opening)
    if opened.closing is not None:
        yield from record_checks.find_workflow_end_problems(workflow, opened.closing)


def _check_texts(checks: Checklist, opened: _Opened) -> list[str]:
    count = text_checks.TextCount()
    may_redact = any(terms.redacts for terms in opened.policies.values())
    found = list(text_checks.find_text_problems(opened.stages, may_redact, count))
    checks.record("texts", "stages", _describe_count(count, "texts"), found)
    journals = text_checks.TextCount()
    found = []
    calls: list[Problem] = []
    ends = {entry.execution_id: entry for entry in opened.chain if entry.kind == "execution"}
    for where, entry, _ in record_checks.iterate_executions(opened.stages):
        end, exported = ends.get(entry["execution"]["id"]), entry["compliance_package"]
        if end is None or exported is None:
            continue
        place, events = f"{where}.compliance_package.audit_trail", exported["audit_trail"]
        found += journal_checks.find_journal_problems(place, events, end, journals)
        found += journal_checks.find_document_problems(place, events, end)
        found += journal_checks.find_cost_problems(place, events, end)
        calls += journal_checks.find_tool_call_problems(place, events, end, opened.policies)
    covered = f"every entry is there, in its place, and the charges add up; {_describe_count(journals, 'payloads')}"
    checks.record("journals", "stages", covered, found)
    checks.record("tool calls", "stages", "each one that was allowed is within its grant and policies", calls)
    return count.redacted + journals.redacted


def _describe_count(count: text_checks.TextCount, what: str) -> str:
    covered = f"{count.proven} {what} match their digests"
    withheld = len(count.redacted)
    return (
        f"{covered}; {withheld} are redacted or withheld, so that their words are not proven" if withheld else covered
    )
