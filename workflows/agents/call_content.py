"""What goes into a call, held against the content rules of every policy of the lineage before the call is made.

A call is made of many texts: a task, a document, the strings of a tool's result. Each is inspected as it is; a text
that is JSON also as it reads decoded. Then they are inspected together, because a label may stand in a member's name
or in the text before and the value by itself, and because a value may be cut in two where one text ends and the next
begins. What stands between the halves of a cut value, another text or a marker of ours, keeps it from being found.
"""

import asyncio
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

from compliance.policy import PolicyDocument
from workflows.agents.prompts import split_material
from workflows.agents.types import AgentWork
from workflows.content_rules import BlockedFinding, Use, find_blocked_in, name_policy, select_policies

_MAX_DEPTH = 40
# A text that is JSON of more texts than that is inspected as it is.
_MOST_TEXTS = 20_000
# As far as a cut value can reach into a text; longer texts are joined to their neighbours by their two ends only.
_REACH = 100
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
# A character for private use is part of no pattern: what stands on its two sides is not taken for one.
_APART = "\n\ue000\n"
# Members of a message's part that say when and in answer to what it was made. The provider chose the ids itself.
_NOT_CONTENT = frozenset({"timestamp", "part_kind", "tool_call_id"})


@dataclass(frozen=True)
class Passage:
    """One text of a call. `place` says in our words where it stands, never in words out of the call.

    `label` is the name of the member whose value it is; `is_name` tells that the text is itself such a name.
    """

    place: str
    text: str
    label: str = ""
    is_name: bool = False


class _Members(list[tuple[str, Any]]):
    """The members of a decoded object, those among them whose name comes twice: a mapping would keep the last alone."""


@dataclass(frozen=True)
class _Stretch:
    """Characters `start` to `end` of a composed text are those of a passage, from its character `offset` on."""

    start: int
    end: int
    passage: Passage
    offset: int = 0


@dataclass(frozen=True)
class _Composed:
    """A text made of passages. `only_crossing`: a finding within one passage was seen before and does not count."""

    text: str
    stretches: Sequence[_Stretch]
    only_crossing: bool = False

    @cached_property
    def _starts(self) -> list[int]:
        return [stretch.start for stretch in self.stretches]

    def locate(self, entry: BlockedFinding) -> BlockedFinding | None:
        """Return what was found with its place in the passage where it begins; None if it does not count.

        What begins in a label is placed in the value that follows.
        """
        finding = entry.finding
        index = max(bisect_right(self._starts, finding.start) - 1, 0)
        if finding.start >= self.stretches[index].end and index + 1 < len(self.stretches):
            index += 1
        stretch = self.stretches[index]
        crosses = finding.end > stretch.end and index + 1 < len(self.stretches)
        if finding.end <= stretch.start or (self.only_crossing and not crosses):
            return None
        shift = stretch.offset - stretch.start
        start = max(finding.start + shift, stretch.offset)
        place = f"{stretch.passage.place} and what follows it" if crosses else stretch.passage.place
        return replace(entry, finding=replace(finding, start=start, end=finding.end + shift), place=place)


def collect_passages(value: Any, place: str) -> list[Passage]:
    """Return every text in a JSON value: strings, numbers and names, and those in strings that are JSON again."""
    found = list(_walk(value, "", 0))
    if len(found) == 1:
        return [replace(found[0], place=place)]
    return [replace(passage, place=f"{place}, text {number} in it") for number, passage in enumerate(found, start=1)]


def collect_request(messages: Iterable[Mapping[str, Any]]) -> Iterator[Passage]:
    """Yield what messages tell a model, as they are sent and stand in the journal: nothing that it said itself, nor the
    instructions."""
    results = 0
    for message in messages:
        for part in message["parts"] if message["kind"] == "request" else ():
            content = {name: member for name, member in part.items() if name not in _NOT_CONTENT}
            blocks = split_material(str(content.get("content"))) if part["part_kind"] == "user-prompt" else None
            if blocks is not None:
                for name, text in blocks:
                    yield from collect_passages(text, f"the block {name}")
            elif part["part_kind"] == "tool-return":
                results += 1
                yield from collect_passages(content.get("content"), f"tool result {results}")
            else:
                yield from collect_passages(content, f"a message of the kind {part['part_kind']}")


def find_blocked_passages(
    passages: Sequence[Passage],
    policies: Iterable[PolicyDocument],
    use: Use,
    before: str = "",
    hash_key: bytes | None = None,
) -> tuple[BlockedFinding, ...]:
    """Return what the policies block in a call of that use. `before` is the end of what the call before held.

    With a key every finding has the hash of its value.
    """
    chosen = select_policies(policies, use)
    if not chosen or not passages:
        return ()
    found: dict[tuple[object, ...], BlockedFinding] = {}
    for composed in _compose(passages, before):
        for entry in find_blocked_in(composed.text, chosen, use, hash_key):
            placed = composed.locate(entry)
            if placed is not None:
                key = (name_policy(placed.policy), placed.rule, placed.place, placed.finding.type, placed.finding.start)
                found.setdefault(key, placed)
    return tuple(found.values())


async def find_blocked_arguments(work: AgentWork, arguments: Mapping[str, Any]) -> tuple[BlockedFinding, ...]:
    """Return what of a tool call's arguments the policies of the lineage hand to no tool."""
    policies = select_policies((work.policy, *work.lineage_policies), "tool_call")
    if not policies:
        return ()
    passages = [
        replace(passage, label=passage.label or name)
        for name, value in arguments.items()
        for passage in collect_passages(value, f"the argument {name}")
    ]
    # In a thread: other runs share the event loop, and a long text takes a while.
    return await asyncio.to_thread(find_blocked_passages, passages, policies, "tool_call", hash_key=work.finding_key)


def cut_tail(passages: Sequence[Passage]) -> str:
    """Return the end of what a call holds, for the next one of the same run to be joined to."""
    return "".join(passage.text[-_REACH:] for passage in passages if not passage.is_name)[-_REACH:]


def _walk(value: Any, label: str, depth: int) -> Iterator[Passage]:
    if depth > _MAX_DEPTH:
        yield Passage("", json.dumps(value, ensure_ascii=False), label)
    elif isinstance(value, Mapping | _Members):
        for name, member in value.items() if isinstance(value, Mapping) else value:
            yield Passage("", str(name), is_name=True)
            yield from _walk(member, str(name), depth + 1)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _walk(entry, label, depth + 1)
    elif isinstance(value, str):
        yield Passage("", value, label)
        yield from _decode(value, label, depth)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield Passage("", str(value), label)


def _decode(text: str, label: str, depth: int) -> Iterator[Passage]:
    """Yield the texts in a text that is JSON."""
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return
    try:
        decoded = json.loads(text, object_pairs_hook=_Members)
    except (ValueError, RecursionError):
        return
    texts = list(islice(_walk(decoded, label, depth + 1), _MOST_TEXTS + 1))
    if len(texts) <= _MOST_TEXTS:
        yield from texts


def _compose(passages: Sequence[Passage], before: str) -> Iterator[_Composed]:
    """Yield the texts to inspect, however many passages there are: a few, each as long as all of them together."""
    yield _join(((passage, passage.text, 0) for passage in passages), "\n")
    labelled = [passage for passage in passages if passage.label]
    if labelled:
        yield _join_labelled(labelled)
    values = [Passage("what went before", before)] if before else []
    values += [passage for passage in passages if not passage.is_name]
    if len(values) > 1:
        yield _join(_cut_ends(values), ": ")
        yield replace(_join(_cut_ends(values), ""), only_crossing=True)
        # Of the neighbours of a cut value, words would make it part of themselves.
        for width in (2, 3):
            yield replace(_join(_cut_windows(values, width), ""), only_crossing=True)


def _cut_windows(passages: Sequence[Passage], width: int) -> Iterator[tuple[Passage, str, int]]:
    for start in range(len(passages) - width + 1):
        window = passages[start : start + width]
        if all(_NUMBER.fullmatch(passage.text) for passage in window):
            continue  # a row of figures, any few of which could pass for a card's number or an address
        *pieces, (passage, text, offset) = _cut_ends(window)
        yield from pieces
        yield passage, f"{text}{_APART}", offset


def _cut_ends(passages: Iterable[Passage]) -> Iterator[tuple[Passage, str, int]]:
    for passage in passages:
        text = passage.text
        if len(text) <= 2 * _REACH:
            yield passage, text, 0
        else:
            # The line between its two ends keeps them from being taken for neighbours.
            yield passage, f"{text[:_REACH]}\n", 0
            yield passage, text[-_REACH:], len(text) - _REACH


def _join(pieces: Iterable[tuple[Passage, str, int]], separator: str) -> _Composed:
    texts: list[str] = []
    stretches: list[_Stretch] = []
    position = 0
    for passage, text, offset in pieces:
        texts.append(text)
        stretches.append(_Stretch(position, position + len(text), passage, offset))
        position += len(text) + len(separator)
    return _Composed(separator.join(texts), stretches)


def _join_labelled(passages: Iterable[Passage]) -> _Composed:
    """Write `name: value` lines, as a person would, so that a detector sees the label of a value."""
    texts: list[str] = []
    stretches: list[_Stretch] = []
    position = 0
    for passage in passages:
        label = f"{passage.label.replace('_', ' ')}: "
        value = passage.text[: 2 * _REACH]
        texts.append(f"{label}{value}")
        start = position + len(label)
        stretches.append(_Stretch(start, start + len(value), passage))
        position = start + len(value) + 1
    return _Composed("\n".join(texts), stretches)
