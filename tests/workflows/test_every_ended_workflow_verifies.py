"""Generated workflows, with workers killed and people cancelling: what the engine certifies, the verifier accepts."""

import json
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from compliance.package import verify_package
from compliance.package.text_output import format_report
from compliance.signing import public_identity
from tests.people import make_bob
from tests.workflow_driver import submit
from tests.workflows.test_nothing_unreviewed_is_released import Interruptions, build_agent, drive, workflow_plans
from workflows import engine
from workflows.export import build_workflow_package, encode_package
from workflows.requests import WorkflowRequest
from workflows.transitions import WORKFLOW_ENDS


class EveryGeneratedWorkflowVerifies(TestCase):
    @settings(suppress_health_check=list(HealthCheck))
    @given(
        plans=workflow_plans(),
        kill_at=st.frozensets(st.integers(1, 120), max_size=4),
        cancel_at=st.none() | st.none() | st.integers(1, 100),
        sign_offs=st.lists(st.sampled_from(["approve", "approve", "reject"]), max_size=2),
    )
    def test_once_it_has_ended(
        self, plans: Any, kill_at: frozenset[int], cancel_at: int | None, sign_offs: list[str]
    ) -> None:
        make_bob()
        workflow = submit(WorkflowRequest(name="Generated", stages=tuple(plan[0] for plan in plans)))
        interruptions = Interruptions(kill_at, cancel_at, workflow)
        with mock.patch.object(engine, "run_agent", build_agent(plans)), interruptions:
            drive(workflow, sign_offs)
        workflow.refresh_from_db()
        package = json.loads(encode_package(build_workflow_package(workflow)))
        report = verify_package(package, public_identity().public_key_pem)
        assert report.complete
        if workflow.status in WORKFLOW_ENDS:
            assert report.ok, "\n".join(format_report(report))
        else:
            assert "closing" in {failure.name for failure in report.failures}
