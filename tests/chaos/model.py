"""The models: stub servers that answer by the plan, fail by the plan, and write down whatever reaches them."""

import re
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.plan import Stage, Workflow, answer_text, plan_delay, plan_faults
from tests.stub_models import Answer, BrokenOff, Hang, HttpError, Received, StreamError, ToolCall
from tests.stub_models.script import Step

PROCESS_HEADER = "x-chaos-process"
INPUT_TOKENS, OUTPUT_TOKENS = 100, 20
_KEY = re.compile(r"This is (chaos-\d+-s\d+)\.")
_STEPS: Mapping[str, Step] = {
    "429": HttpError(429),
    "429_retry_after": HttpError(429, headers={"retry-after": "1"}),
    "429_retry_long": HttpError(429, headers={"retry-after": "7"}),
    "500": HttpError(500),
    "529": HttpError(529),
    "529_retry_after": HttpError(529, headers={"retry-after": "2"}),
    "stall": Hang(),
    "stall_begun": Hang(started=True),
    "half": BrokenOff(),
    "broken": StreamError(),
}


@dataclass(frozen=True)
class Request:
    """A request that reached a model: the how manieth of its stage's run it is, by the answers it brings along.

    `arrived` is in seconds since the epoch, by this machine's clock. `step` names the fault, or is `answer`.
    """

    key: str
    number: int
    arrival: int
    process: int
    arrived: float
    step: str


class Models:
    """The script of all stubs, and the log of what reached them."""

    def __init__(self, seed: int, workflows: Sequence[Workflow]) -> None:
        self._seed = seed
        self._stages = {stage.key: stage for workflow in workflows for stage in workflow.stages}
        self._lock = threading.Lock()
        self._arrivals: Counter[tuple[str, int]] = Counter()
        self._log: list[Request] = []
        self.strangers: list[str] = []

    @property
    def requests(self) -> tuple[Request, ...]:
        with self._lock:
            return tuple(self._log)

    def play(self, received: Received) -> Step:
        """Return the step for a request, after the time that the model thinks about it."""
        now = time.time()
        found = _KEY.search(_first_message(received.body))
        stage = self._stages.get(found[1]) if found else None
        if stage is None:
            with self._lock:
                self.strangers.append(str(received.body)[:400])
            return HttpError(400, "no stage of the plan asked for this")
        number = 1 + sum(message["role"] == "assistant" for message in received.body["messages"])
        faults = plan_faults(self._seed, stage.key, number)
        with self._lock:
            arrival = self._arrivals[stage.key, number]
            self._arrivals[stage.key, number] += 1
            step = faults[arrival] if arrival < len(faults) else "answer"
            process = int(received.headers.get(PROCESS_HEADER, "0"))
            self._log.append(Request(stage.key, number, arrival, process, now, step))
        time.sleep(plan_delay(self._seed, stage.key, number, arrival))
        return _STEPS[step] if step in _STEPS else _answer(stage, number)


def _answer(stage: Stage, number: int) -> Answer:
    usage = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
    if number <= len(stage.turns):
        calls = tuple(ToolCall(call.tool, call.arguments, id=call.reference) for call in stage.turns[number - 1])
        return Answer(text="One moment.", tool_calls=calls, **usage)
    if stage.decision:
        verdict = {"decision": stage.decision, "reason": "As the plan says."}
        return Answer(tool_calls=(ToolCall("answer", verdict, id=f"{stage.key}-answer"),), **usage)
    return Answer(text=answer_text(stage), **usage)


def _first_message(body: Mapping[str, Any]) -> str:
    """Return the first message of the user, as text: it holds the stage's task."""
    content = next((message["content"] for message in body["messages"] if message["role"] == "user"), "")
    return content if isinstance(content, str) else " ".join(str(part.get("text", "")) for part in content)
