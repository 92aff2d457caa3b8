"""A seed says everything: what is asked for, what fails, what is done to it."""

from collections import Counter

from tests.chaos.harm import FULL, KILLED_ROLES, plan_harm, plan_point_kills
from tests.chaos.plan import MOST_FAULTS, build_request, plan_delay, plan_faults, plan_workflows
from tests.chaos.points import POINTS


def test_a_seed_gives_the_same_workflows_whenever_it_is_asked_and_another_seed_gives_others() -> None:
    assert plan_workflows(7, 40) == plan_workflows(7, 40)
    assert plan_workflows(7, 40)[:10] == plan_workflows(7, 10)
    assert plan_workflows(7, 40) != plan_workflows(8, 40)


def test_the_workflows_of_a_run_have_two_to_five_stages_and_every_way_to_end() -> None:
    workflows = plan_workflows(1, 300)

    assert {len(workflow.stages) for workflow in workflows} == {2, 3, 4, 5}
    assert {workflow.end for workflow in workflows} == {"completed", "blocked", "awaiting_sign_off"}
    assert {stage.role for workflow in workflows for stage in workflow.stages} == {
        "intake",
        "worker",
        "reviewer",
        "release",
    }
    references = Counter(
        call.reference for workflow in workflows for stage in workflow.stages for turn in stage.turns for call in turn
    )
    assert set(references.values()) == {1}, "a reference names one call of the whole run"


def test_only_what_can_run_at_once_is_asked_for_as_parallel() -> None:
    workflows = plan_workflows(1, 60)
    asked = Counter(build_request(workflow, parallel=True).mode for workflow in workflows)

    assert set(asked) == {"parallel", "sequential"}
    assert {build_request(workflow, parallel=False).mode for workflow in workflows} == {"sequential"}


def test_a_model_fails_by_the_seed_and_then_answers() -> None:
    faults = [plan_faults(3, f"chaos-{number}-s0", 1) for number in range(300)]

    assert faults == [plan_faults(3, f"chaos-{number}-s0", 1) for number in range(300)]
    assert {len(each) for each in faults} == set(range(MOST_FAULTS + 1))
    assert plan_delay(3, "chaos-0-s0", 1, 0) == plan_delay(3, "chaos-0-s0", 1, 0)


def test_the_harm_is_by_the_seed_and_of_every_kind() -> None:
    harms = plan_harm(5, FULL, 90.0, 2)

    assert harms == plan_harm(5, FULL, 90.0, 2)
    assert harms == sorted(harms, key=lambda harm: harm.at)
    assert all(0 <= harm.at <= 90.0 for harm in harms)
    assert {harm.kind for harm in harms} == {*FULL.others, *(f"kill {role}" for role in KILLED_ROLES)}


def test_a_full_run_dies_at_every_point() -> None:
    due = plan_point_kills(5, FULL, 300)

    assert set(due) == {point.name for point in POINTS}
    assert all(visits and visits == sorted(visits) for visits in due.values())
