"""One run: everything is started, harm is done while workflows run, all comes to rest, and it is counted.

Imported in a process whose environment `environment.prepare` has made: Django's settings are read from it.
"""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.core.management import call_command

from tests.chaos import audit, call_counts
from tests.chaos.counts import count_all, count_verified, export_public_key
from tests.chaos.database import insist
from tests.chaos.environment import DRAIN_SECONDS, LEASE_SECONDS
from tests.chaos.evidence import Run, read_run
from tests.chaos.harm import Doer, Dose, plan_harm, plan_point_kills
from tests.chaos.model import Models
from tests.chaos.people import People
from tests.chaos.plan import Workflow, plan_workflows
from tests.chaos.points import POINTS
from tests.chaos.postgresql import Server
from tests.chaos.proxy import Proxies
from tests.chaos.tickets import Tickets
from tests.chaos.worker_entry import missing_points
from tests.chaos.workers import Workers
from tests.stub_models import AnthropicStub, OpenAIStub
from workflows.models import Execution, ExecutionStatus, WorkflowStatus
from workflows.models import Workflow as WorkflowRow
from workflows.reasons import ReasonCode

WORKER_NAMES = ["right", "wrong"]
_STOP_SECONDS = DRAIN_SECONDS + 15.0
_PATIENCE_SECONDS = 20.0
_LONGEST_REST_FACTOR = 6


@dataclass(frozen=True)
class Options:
    """`seconds` is how long harm is done, and workflows are asked for; `rest_seconds` how long
    rest is waited for while nothing happens."""

    seed: int
    workflows: int
    seconds: float
    rest_seconds: float
    dose: Dose


@dataclass
class Outcome:
    """What one run came to. `found` is by count; `missing` is the harm that was planned and did not take place."""

    found: dict[str, list[str]]
    done: dict[str, int]
    missing: list[str]
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return bool(self.missing or any(self.found.values()))


def run_seed(options: Options, server: Server, directory: Path, say: Callable[[str], None]) -> Outcome:
    """Run one seed in the directory, whose logs stay. Raises RuntimeError where the suite itself cannot go on."""
    lost_points = missing_points()
    if lost_points:
        raise RuntimeError(f"points that name no function of the product: {', '.join(lost_points)} (points.py)")
    call_command("migrate", verbosity=0)
    audit.install_triggers()
    workflows = plan_workflows(options.seed, options.workflows)
    models, tickets = Models(options.seed, workflows), Tickets(directory)
    tickets.schedule(plan_point_kills(options.seed, options.dose, options.workflows))
    people = People(options.seed, workflows, tickets)
    people.arrive()
    with (
        Proxies(WORKER_NAMES, server.port) as proxies,
        AnthropicStub(models.play) as anthropic,
        OpenAIStub(models.play) as openai,
    ):
        environment = {
            **os.environ,
            anthropic.environment_variable: anthropic.base_url,
            openai.environment_variable: openai.base_url,
        }
        urls = {name: server.url_at(proxies.ports[name]) for name in WORKER_NAMES}
        workers = Workers(tickets, environment, urls, random.Random(f"{options.seed}:clocks"))
        doer = Doer(server, proxies, workers, tickets, options.seed, LEASE_SECONDS, say)
        workers.start()
        try:
            _do_harm(options, workflows, people, workers, doer)
            doer.finish()
            rested = _wait_for_rest(options, people, workers, say)
            tickets.call_off()
        finally:
            problems = workers.stop(_STOP_SECONDS)
        run = read_run(workflows, models.requests, list(tickets.read_effects()), people.settled, doer.stops)
    found = count_all(run, export_public_key())
    found["workers that did not end as they should"] = problems
    found["requests that no stage of the plan made"] = models.strangers
    return Outcome(
        found, _total(doer, tickets), _list_missing(options, doer, tickets), _note(run, people, workers, rested)
    )


def _do_harm(options: Options, workflows: tuple[Workflow, ...], people: People, workers: Workers, doer: Doer) -> None:
    """Ask for the workflows, evenly, and do harm by the schedule, until both are through.

    What cannot be done yet is tried again for a while, and what is late does not come all at once.
    """
    harms = plan_harm(options.seed, options.dose, options.seconds, len(WORKER_NAMES))
    shortest_gap = options.seconds / len(harms) / 3
    started, asked, last_done = time.monotonic(), 0, 0.0
    while asked < len(workflows) or harms:
        passed = time.monotonic() - started
        while asked < len(workflows) and asked <= passed / options.seconds * len(workflows):
            people.ask_for(workflows[asked])
            asked += 1
        if harms and max(harms[0].at, last_done + shortest_gap) <= passed:
            tried_for = passed - max(harms[0].at, last_done)
            if doer.do(harms[0]) or tried_for > _PATIENCE_SECONDS:
                harms.pop(0)
                last_done = time.monotonic() - started
        workers.keep_up()
        people.look_after(may_settle=not doer.is_away)
        time.sleep(0.2)


def _wait_for_rest(
    options: Options,
    people: People,
    workers: Workers,
    say: Callable[[str], None],
) -> float:
    """Wait until nothing is left to do but for people who never come. Returns the seconds that it took.

    Given up when nothing was written for so long, and at the latest after some times that: a busy machine is slow, and
    slow is not lost.
    """
    unsigned = {workflow.name for workflow in people.workflows if workflow.person == "never"}
    started = last_change = time.monotonic()
    written = -1
    while time.monotonic() - last_change < options.rest_seconds:
        passed = time.monotonic() - started
        workers.keep_up()
        people.look_after(may_settle=True)
        if insist(lambda: _is_at_rest(unsigned)):
            return passed
        count = insist(audit.count_writes)
        if count != written and passed < _LONGEST_REST_FACTOR * options.rest_seconds:
            written, last_change = count, time.monotonic()
        time.sleep(0.3)
    say(f"not at rest after {time.monotonic() - started:.0f} s")
    return time.monotonic() - started


def _is_at_rest(unsigned: set[str]) -> bool:
    open_statuses = (WorkflowStatus.QUEUED, WorkflowStatus.RUNNING, WorkflowStatus.AWAITING_DECISION)
    if WorkflowRow.objects.filter(status__in=open_statuses).exists():
        return False
    waiting = Execution.objects.filter(status=ExecutionStatus.WAITING, reason_code=ReasonCode.SIGN_OFF_REQUIRED)
    return not waiting.exclude(stage__workflow__name__in=unsigned).exists()


def _total(doer: Doer, tickets: Tickets) -> dict[str, int]:
    """Return how often each kind of harm took place."""
    done = dict(doer.done)
    for point in POINTS:
        done[f"at {point.name}"] = sum(kill["point"] == point.name for kill in tickets.list_kills())
    return done


def _list_missing(options: Options, doer: Doer, tickets: Tickets) -> list[str]:
    planned = {harm.kind for harm in plan_harm(options.seed, options.dose, options.seconds, len(WORKER_NAMES))}
    done = _total(doer, tickets)
    missing = sorted(kind for kind in planned if not done.get(kind))
    for point, due in tickets.read_schedule().items():
        if not done[f"at {point}"]:
            missing.append(f"at {point}: {tickets.count_visits(point)} visits, due at {due}")
    return missing


def _note(run: Run, people: People, workers: Workers, rested: float) -> dict[str, str]:
    """Return what is told of a run besides its counts: what it consisted of, and what is counted apart."""
    faults = sum(request.step != "answer" for requests in run.requests.values() for request in requests)
    sent = sum(map(len, run.requests.values()))
    ends = [claim for claims in run.claims.values() for claim in claims if claim.status == "queued"]
    return {
        "stages run": str(len(run.all_executions())),
        "model requests": f"{sent}, of which {faults} failed by the plan",
        "releases verified": str(count_verified(run)),
        "effects": str(len(run.effects)),
        "signed": str(people.signed),
        "settled": str(sum(map(len, people.settled.values()))),
        "parallel": "yes" if people.parallel else "no: the product has no such mode",
        "attempts that ended and were queued again": str(len(ends)),
        "model calls in flight at an end (apart)": str(call_counts.count_in_flight(run)),
        "paid again by a process that was stopped (apart)": str(call_counts.count_paid_by_stopped(run)),
        "clocks": ", ".join(f"{clock:+.0f} s" for clock in workers.clocks),
        "at rest after": f"{rested:.0f} s",
    }
