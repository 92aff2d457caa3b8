"""Why an execution would have ended otherwise: sentences that name the rule and the fact, never what a text holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from compliance.chain import Attestation
from compliance.gate import Check, Refuse, Wait
from workflows.replay_content import BlockedPlace, ContentDifference, Substitution
from workflows.replay_records import UNKNOWN, Outcome

_MAX_FINDINGS = 10


def explain_refused_request(stage: Mapping[str, Any], substitution: Substitution, end: Attestation) -> tuple[str, ...]:
    """The workflow would have been refused at the request: 403, before anything of it existed."""
    label = substitution.draft_name
    whose = "It" if stage["id"] == end.stage_id else f"Stage {stage['id']} of its workflow"
    denials = "; ".join(
        f"{denial.permission} ({denial.reason}): {denial.detail}" for denial in stage["grant"]["denied"]
    )
    return (
        f"{whose} asks only for capabilities that {label} gives to nobody of its role, so the request for the "
        f"workflow would have been refused. {denials}",
    )


def explain_refusal(refusal: Refuse, difference: ContentDifference | None) -> tuple[str, ...]:
    """The gate would refuse to admit it."""
    sentence = f"The gate would refuse it ({refusal.code}): {refusal.detail}."
    found = tuple(_describe_appeared(difference)) if difference and refusal.code == "content_blocked" else ()
    return (sentence, *found)


def explain_wait(
    decision: Wait, substitution: Substitution, chain: Iterable[Attestation], end: Attestation
) -> tuple[str, ...]:
    """It would still wait for people."""
    asking = [
        f"{substitution.name(digest)} asks for {substitution.find(digest).sign_offs.required}"
        for digest in decision.lineage.policies
        if substitution.find(digest).sign_offs.required
    ]
    given = [entry for entry in chain if entry.kind == "sign_off" and entry.execution_id == end.execution_id]
    requester = next(iter(chain)).predicate["requester"]["id"]
    sentences = [
        f"Its release would take {_count(decision.required, 'sign-off')} ({', '.join(asking)}), "
        f"and {decision.present} of the {len(given)} given would count."
    ]
    if decision.present < len(given) and any(entry.predicate["signer"]["id"] == requester for entry in given):
        sentences.append("A sign-off of the requester would not count (sign_offs.not_requester).")
    return tuple(sentences)


def explain_admission(
    then: Mapping[str, Any], difference: ContentDifference | None, substitution: Substitution
) -> tuple[str, ...]:
    """It was refused, and would be admitted."""
    return (
        f"It was refused ({then['code']}): {then['detail']}. Under {substitution.draft_name} it would be "
        "admitted. Its agent never ran, so what it would have answered is not known.",
        *(_describe_vanished(difference) if difference else ()),
    )


def explain_stop(stage_id: str, stopped: Outcome) -> tuple[str, ...]:
    """A stage before it would have ended otherwise, and it comes only after that one's completion."""
    if stopped.status == UNKNOWN:
        return (f"Stage {stage_id}, which comes before it, would have gone on in a way that is not known.",)
    code = f" ({stopped.code})" if stopped.code else ""
    return (f"Stage {stage_id}, which comes before it, would be {stopped.status}{code}, so it would not have run.",)


def explain_verdict(
    end: Attestation,
    checks: Sequence[Check],
    missing: Sequence[str],
    difference: ContentDifference | None,
    substitution: Substitution,
    policies: Sequence[str],
) -> tuple[str, ...]:
    """Its checks would be judged otherwise: what is blocked now or no more, which proofs are owed now or no more."""
    sentences = list(explain_findings(difference)) if difference and not difference.is_same else []
    ran = {check.name for check in checks}
    before = set(end.predicate["missing_proofs"])
    for proof in missing:
        if proof in before or (proof == "content_rules" and proof in ran):
            continue
        asking = [
            substitution.name(digest) for digest in policies if proof in substitution.find(digest).required_proofs
        ]
        fact = "the check of that name did not pass" if proof in ran else "no check of that name ran"
        sentences.append(f"The proof {proof} is required ({', '.join(asking)}), and {fact}.")
    sentences += [
        f"The proof {proof}, which was missing, is no longer required."
        for proof in sorted(before - set(missing))
        if proof not in {check.name for check in checks if check.passed}
    ]
    return tuple(sentences)


def explain_findings(difference: ContentDifference) -> tuple[str, ...]:
    """What the draft blocks that was not blocked, and the other way round."""
    return (*_describe_appeared(difference), *_describe_vanished(difference))


def _describe_appeared(difference: ContentDifference) -> Iterator[str]:
    return _describe_some(
        difference.appeared,
        lambda found: f"{found.describe()}, which {found.policy} blocks ({found.rule}).",
    )


def _describe_vanished(difference: ContentDifference) -> Iterator[str]:
    return _describe_some(
        difference.vanished,
        lambda found: f"{found.describe()}, which {found.policy} blocked ({found.rule}) and nothing would block now.",
    )


def _describe_some(found: Sequence[BlockedPlace], describe: Any) -> Iterator[str]:
    yield from map(describe, found[:_MAX_FINDINGS])
    if len(found) > _MAX_FINDINGS:
        yield f"So with {_count(len(found) - _MAX_FINDINGS, 'more finding')}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
