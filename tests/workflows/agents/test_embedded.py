"""The embedded agent: honest work by rules, and no language model anywhere near it."""

import subprocess
import sys
from typing import Any

import pytest

from compliance.policy import PolicyDocument, builtin_policies
from tests.workflows.agents.fakes import Run, make_policy, make_work, run
from workflows.agents.types import ReleaseAnswer, ReviewAnswer, StageInput, Usage, WorkerAnswer

POLICIES: dict[str, PolicyDocument] = {policy.name: policy for policy in builtin_policies()}
SSN = "Her number is 536-90-4399."
SECRET = "The key is AKIAIOSFODNN7EXAMPLE2 and password: hunter2-Correct-Horse"  # a canary, not a secret


def embedded(policy: str, **changes: Any) -> Run:
    return run(make_work(policy=POLICIES[policy], **changes))


@pytest.mark.parametrize("role", ["intake", "worker"])
def test_a_document_is_deidentified_and_otherwise_left_as_it_is(role: str) -> None:
    ran = embedded("hipaa", role=role, document=f"Line one.\r\n{SSN}\tEnd \n", task="ignored 536-90-4399")
    assert ran.answer == WorkerAnswer("Line one.\r\nHer number is [US_SSN].\tEnd \n")


def test_without_a_document_the_inputs_are_taken() -> None:
    ran = embedded("hipaa", inputs=(StageInput("a", SSN), StageInput("b", "Nothing.")))
    assert ran.answer.text == "Her number is [US_SSN].\n\nNothing."


def test_without_either_the_task_is_taken() -> None:
    assert embedded("hipaa", task=SSN).answer.text == "Her number is [US_SSN]."


def test_a_run_says_that_no_language_model_took_part() -> None:
    ran = embedded("hipaa", role="reviewer", subject="Nothing in it.")
    assert ran.result is not None
    assert (ran.result.provider, ran.result.model) == ("embedded", "embedded-rules")
    assert (ran.result.usage, ran.cents) == (Usage(), 0)
    assert "no language model" in ran.answer.reason
    assert ran.journal.events == []


def test_a_reviewer_approves_what_is_clean() -> None:
    ran = embedded("hipaa", role="reviewer", subject="The meeting went well.")
    assert (ran.answer.decision, ran.answer.text, ran.answer.findings) == ("approved", None, ())


def test_a_reviewer_rejects_what_its_policy_blocks_and_quotes_none_of_it() -> None:
    answer = embedded("hipaa", role="reviewer", subject=f"{SSN} {SSN}").answer
    assert isinstance(answer, ReviewAnswer)
    assert (answer.decision, answer.text) == ("rejected", None)
    [finding] = answer.findings
    assert finding.severity == "high"
    assert finding.description.startswith("us_ssn (pii): 2 found, the first at characters 14 to 25")
    assert "536" not in repr(answer)


def test_a_reviewer_rejects_what_a_policy_of_its_lineage_blocks() -> None:
    lax = make_policy()
    work = make_work(role="reviewer", subject=SSN, policy=lax)
    assert run(work).answer.decision == "approved"
    strict = make_work(role="reviewer", subject=SSN, policy=lax, lineage_policies=(lax, POLICIES["hipaa"]))
    assert run(strict).answer.decision == "rejected"


def test_a_reviewer_without_a_subject_hands_back_what_it_rejects() -> None:
    answer = embedded("hipaa", role="reviewer", task=f"Review this:\n\n{SSN}").answer
    assert (answer.decision, answer.text) == ("rejected", SSN)


def test_a_secret_is_rejected_under_any_policy() -> None:
    assert run(make_work(role="reviewer", subject=SECRET)).answer.decision == "rejected"


def test_what_is_only_flagged_is_approved_with_a_finding() -> None:
    answer = embedded("default", role="reviewer", subject=SSN).answer
    assert answer.decision == "approved"
    assert [finding.severity for finding in answer.findings] == ["low"]


@pytest.mark.parametrize("gap", ["\n\n", "\r\n\r\n", "\n \t\n"])
def test_a_reviewer_without_a_subject_hands_back_what_follows_the_blank_line(gap: str) -> None:
    ran = embedded("hipaa", role="reviewer", task=f"Review this: 536-90-4399{gap}The text.\n\n Second part. \n")
    assert (ran.answer.decision, ran.answer.text) == ("approved", "The text.\n\n Second part. \n")


@pytest.mark.parametrize("task", ["Review this.", "Review this.\n\n", "Review\nthis."])
def test_a_reviewer_with_nothing_to_review_gives_no_verdict(task: str) -> None:
    assert embedded("hipaa", role="reviewer", task=task).code == "no_verdict"


def test_a_release_needs_its_artifact() -> None:
    assert embedded("hipaa", role="release", subject="x").answer.decision == "release"
    held = embedded("hipaa", role="release").answer
    assert isinstance(held, ReleaseAnswer)
    assert held.decision == "hold"


def test_the_embedded_agent_loads_no_agent_framework_and_no_sdk() -> None:
    program = """
import asyncio, sys
from tests.workflows.agents.fakes import make_work, run
assert run(make_work(role="release", subject="x")).answer.decision == "release"
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"pydantic_ai", "anthropic", "openai", "httpx2", "django"}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
