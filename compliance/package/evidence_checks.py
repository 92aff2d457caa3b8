"""Checks of the certificates among themselves: signatures, chain, closing, policies, the gate asked again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.chain import Attestation
from compliance.envelope import (
    Envelope,
    EnvelopeError,
    encode_public_key,
    load_public_keys,
    parse_envelope,
    verify_envelope,
)
from compliance.gate import REQUEST_DIFFERS, Allow, Lineage, Refuse, decide_on_chain, read_request
from compliance.lineage import describe_lineage
from compliance.package.report import Problem
from compliance.policy_terms import PolicyTerms, read_policy_terms
from compliance.shapes import is_same
from compliance.verdicts import find_verdict_problem

Certificates = Sequence[Mapping[str, Any]]
Policies = Mapping[str, PolicyTerms]


def open_envelopes(certificates: Certificates) -> tuple[tuple[Envelope, ...], list[Problem]]:
    """Parse every envelope; what cannot be parsed is a problem and is left out."""
    envelopes, problems = [], []
    for index, certificate in enumerate(certificates):
        try:
            envelopes.append(parse_envelope({name: certificate[name] for name in certificate if name != "id"}))
        except EnvelopeError as error:
            problems.append(Problem(f"certificates[{index}]", str(error)))
    return tuple(envelopes), problems


def find_signature_problems(envelopes: Sequence[Envelope], keys: Mapping[str, Ed25519PublicKey]) -> Iterator[Problem]:
    for index, envelope in enumerate(envelopes):
        try:
            verify_envelope(envelope, keys)
        except EnvelopeError as error:
            yield Problem(f"certificates[{index}]", str(error))


def find_key_problems(listed: Sequence[Mapping[str, str]], used: set[str]) -> Iterator[Problem]:
    """The keys in a package are for information only; they must at least be those that signed, and look it."""
    for keyid in sorted(used.symmetric_difference(entry["keyid"] for entry in listed)):
        detail = "signed certificates, but is not listed" if keyid in used else "is listed, but signed nothing"
        yield Problem("keys", f"key {keyid[:12]} {detail}")
    for index, entry in enumerate(listed):
        where = f"keys[{index}]"
        try:
            found = load_public_keys([entry["public_key"]])
        except EnvelopeError as error:
            yield Problem(where, str(error))
            continue
        if [encode_public_key(key) for key in found.values()] != [entry["public_key"]] or entry["keyid"] not in found:
            yield Problem(where, "it is not the public key of that keyid and nothing else")


def read_policies(listed: Sequence[Mapping[str, str]]) -> tuple[dict[str, PolicyTerms], list[Problem]]:
    """Read every policy of a package by the digest of its document."""
    policies: dict[str, PolicyTerms] = {}
    problems = []
    for index, entry in enumerate(listed):
        where = f"policies[{index}]"
        try:
            terms = read_policy_terms(entry["document"])
        except ValueError as error:
            problems.append(Problem(where, str(error)))
            continue
        if terms.digest != entry["digest"]:
            problems.append(Problem(where, "the document does not match its digest"))
        elif terms.digest in policies:
            problems.append(Problem(where, "the same policy is listed twice"))
        else:
            policies[terms.digest] = terms
    return policies, problems


def find_policy_problems(chain: Sequence[Attestation], policies: Policies) -> Iterator[Problem]:
    """Every policy that a certificate names must be there, under the name and version that it gives; no other may."""
    unnamed = set(policies)
    for entry in chain:
        where = f"certificates[{entry.sequence}]"
        content = entry.predicate.get("content") or {"policies": ()}
        own = [stage["policy"] for stage in entry.stages] if entry.kind == "opening" else []
        own += [entry.predicate["policy"]] if "policy" in entry.predicate else []
        named = {*entry.lineage_policies, *content["policies"]}
        unnamed -= {*named, *(facts["digest"] for facts in own)}
        for digest in sorted(named - policies.keys()):
            yield Problem(where, f"it names policy {digest[:12]}, which the package does not hold")
        for facts in own:
            terms = policies.get(facts["digest"])
            if terms is None:
                yield Problem(where, f"it names policy {facts['digest'][:12]}, which the package does not hold")
            elif (facts["name"], facts["version"]) != (terms.name, terms.version):
                called = f"{facts['name']} v{facts['version']}"
                yield Problem(where, f"it calls policy {terms.name} v{terms.version} {called}")
    for digest in sorted(unnamed):
        yield Problem("policies", f"no certificate names policy {digest[:12]}")


def find_closing_problems(chain: Sequence[Attestation]) -> Iterator[Problem]:
    """The closing certificate must be there, and its list must account for every execution in the chain.

    That it lists every stage, as the opening certificate describes it, is for `compliance.chain`.
    """
    if not chain or chain[-1].kind != "closing":
        yield Problem(
            "certificates",
            "there is no closing certificate: the workflow had not ended when it was exported, or its end was cut off",
        )
        return
    closing = chain[-1]
    where = f"certificates[{closing.sequence}]"
    ends = {entry.execution_id: entry for entry in chain if entry.kind == "execution"}
    for execution_id in sorted({entry.execution_id for entry in chain[1:-1]} - ends.keys()):
        yield Problem("certificates", f"execution {execution_id} has no certificate of its end")
    for stage in closing.predicate["stages"]:
        yield from _compare_listed_stage(where, stage, chain, ends)
    yield from _check_outcome(where, closing, ends)


def _compare_listed_stage(
    where: str, stage: Mapping[str, Any], chain: Sequence[Attestation], ends: Mapping[str, Attestation]
) -> Iterator[Problem]:
    own = [entry for entry in chain if entry.kind == "execution" and entry.stage_id == stage["id"]]
    if stage["execution_id"] is None:
        if own:
            yield Problem(where, f"it lists stage {stage['id']} without an execution, but there is one")
        if stage["status"] != "cancelled":
            yield Problem(where, f"it lists stage {stage['id']} as {stage['status']}, but it never ran")
        return
    end = ends.get(stage["execution_id"])
    if end is None or not own or own[-1] is not end:
        yield Problem(where, f"the execution that it lists for stage {stage['id']} is not the stage's last one")
        return
    outcome = end.predicate["outcome"]
    for name in ("status", "code"):
        if stage[name] != outcome[name]:
            yield Problem(where, f"it lists stage {stage['id']} with another {name} than the stage's own certificate")


def _check_outcome(where: str, closing: Attestation, ends: Mapping[str, Attestation]) -> Iterator[Problem]:
    """A workflow's end follows from its stages' ends; a person may also have cancelled it."""
    stages, status = closing.predicate["stages"], closing.predicate["outcome"]["status"]
    statuses = {stage["status"] for stage in stages}
    follows = next((end for end in ("failed", "blocked", "cancelled") if end in statuses), "completed")
    if status != follows and not (status == "cancelled" and "cancelled" in statuses):
        yield Problem(where, f"it says that the workflow ended {status}; by its stages it ended {follows}")
    compliant = all(
        stage["execution_id"] in ends and ends[stage["execution_id"]].predicate["verdict"] == "compliant"
        for stage in stages
    )
    if (closing.predicate["verdict"] == "compliant") != compliant:
        yield Problem(where, "the workflow's verdict does not follow from the verdicts of its stages")


def find_gate_problems(chain: Sequence[Attestation], policies: Policies) -> Iterator[Problem]:
    """Ask the gate again, for each admission and each completed release, with the certificates before it."""
    admissions: dict[str, Attestation] = {}
    for entry in chain:
        where = f"certificates[{entry.sequence}]"
        before = chain[: entry.sequence]
        if entry.kind == "admission":
            admissions[entry.execution_id] = entry
            yield from (Problem(where, detail) for detail in _compare_admission(entry, before, policies))
        elif entry.kind == "execution" and entry.predicate["outcome"]["status"] == "completed":
            admission = admissions[entry.execution_id]
            yield from (Problem(where, detail) for detail in _compare_end(entry, admission, before, policies))


def find_verdict_problems(chain: Sequence[Attestation], policies: Policies) -> Iterator[Problem]:
    """Judge every ended execution again from its certified checks and the policies of its lineage."""
    for entry in chain:
        if entry.kind == "execution" and {entry.policy_digest, *entry.lineage_policies} <= policies.keys():
            problem = find_verdict_problem(policies, entry)
            if problem is not None:
                yield Problem(f"certificates[{entry.sequence}]", problem)


def _compare_admission(admission: Attestation, before: Sequence[Attestation], policies: Policies) -> Iterator[str]:
    predicate = admission.predicate
    certified, code = predicate["decision"]["result"], predicate["decision"]["code"]
    if (certified, code) == ("refuse", REQUEST_DIFFERS):
        return  # asked for what stood in changed rows; the certificate repeats what the opening says
    decision = decide_on_chain(policies, read_request(admission), before)
    if isinstance(decision, Refuse):
        if certified != "refuse" or code != decision.code:
            yield f"it says {certified} {code}; the gate refuses: {decision.code}, {decision.detail}".replace("  ", " ")
    elif not isinstance(decision, Allow):
        yield f"it says {certified}; the gate waits for {decision.required} sign-offs, {decision.present} are given"
    elif certified != "allow":
        yield f"it says refuse, {code}; the gate allows"
    elif list(decision.sign_offs) != predicate["sign_offs"]:
        yield "its sign-offs are not those that the gate finds"
    if decision.lineage is not None and not is_same(describe_lineage(decision.lineage), predicate["lineage"]):
        yield "its lineage is not the one that the gate finds"
    if isinstance(decision, Allow):
        yield from _check_admitted_input(admission, decision.lineage)


def _check_admitted_input(admission: Attestation, lineage: Lineage) -> Iterator[str]:
    predicate = admission.predicate
    stage = predicate["stage"]
    if admission.subject_digest != (lineage.subject_digest or stage["document_sha256"] or stage["task_sha256"]):
        yield "its subject is not what the stage was to work on"


def _compare_end(
    end: Attestation, admission: Attestation, before: Sequence[Attestation], policies: Policies
) -> Iterator[str]:
    for member in ("lineage", "sign_offs"):
        if not is_same(end.predicate[member], admission.predicate[member]):
            yield f"its {member} is not that of its admission"
    # Only a release is decided a second time, on the evidence as it is at its end.
    evidence = before if end.role == "release" else before[: admission.sequence]
    decision = decide_on_chain(policies, read_request(admission), evidence)
    if not isinstance(decision, Allow):
        reason = f"{decision.code}, {decision.detail}" if isinstance(decision, Refuse) else "sign-offs are missing"
        yield f"it completed, but the gate, asked again at its end, does not allow it: {reason}"
    elif not _worked_on(end, decision.lineage.subject_digest):
        yield "what it worked on is not what the gate admitted"
    elif end.role == "release" and end.artifact_digest != decision.lineage.subject_digest:
        yield "what it released is not the text that the gate admitted"
    elif not set(decision.lineage.policies) <= set(end.lineage_policies):
        yield "by its end it rests on more policies than it was admitted under"


def _worked_on(end: Attestation, subject: str | None) -> bool:
    """Say whether what a stage reviewed or released is its subject. A reviewer without one has found its own text."""
    if end.role not in {"reviewer", "release"} or (end.role == "reviewer" and subject is None):
        return True
    return bool(end.predicate["reviewed_sha256"] == subject)
