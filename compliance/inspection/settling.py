"""Which of overlapping findings stay, under a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from compliance.inspection.registry import Span

# What a policy does about a finding: the actions of its rules that name the finding's type or category.
Consequences = frozenset[str]

_SEPARATORS = b" \t\r\n.,;:-'\"()"


class Found(NamedTuple):
    """A span, as indexes into the normalised text, and the name of the detector that saw it."""

    span: Span
    detector: str


def settle(found: Iterable[Found], consequences: Mapping[str, Consequences], data: bytes) -> Iterator[Found]:
    """Yield what stays of the spans that have consequences, in the order of the text.

    Of those that overlap the longest stays, and what the others hold beyond it. A span gives way only to one that
    has all its consequences. Linear in the lengths of the spans, but for putting them in order.
    """
    ruled = [entry for entry in found if entry[0][0] in consequences]
    ruled.sort(key=_get_start)
    index, count = 0, len(ruled)
    while index < count:
        first, end = index, ruled[index][0][2]
        index += 1
        while index < count and ruled[index][0][1] < end:
            end = max(end, ruled[index][0][2])
            index += 1
        if index - first > 1:
            yield from _settle_cluster(ruled[first:index], end, consequences, data)
        elif data[ruled[first][0][1] : end].strip(_SEPARATORS):
            yield ruled[first]


def _get_start(entry: Found) -> int:
    return entry[0][1]


def _settle_cluster(
    cluster: Sequence[Found], end: int, consequences: Mapping[str, Consequences], data: bytes
) -> list[Found]:
    """Settle spans that hang together: longest first, each takes what is left of it."""
    origin = cluster[0].span.start
    kinds = {consequences[entry.span.type] for entry in cluster}
    taken = {kind: bytearray(end - origin) for kind in kinds}
    settled: list[Found] = []
    # By type and place where length and confidence are the same, so that the order of the detectors decides nothing.
    for entry in sorted(sorted(cluster), key=_by_length):
        kind, first, last, confidence = entry[0]
        own = consequences[kind]
        for start, stop in _free(taken[own], first - origin, last - origin):
            start, stop = start + origin, stop + origin
            if not data[start:stop].strip(_SEPARATORS):
                continue
            whole = start == first and stop == last
            settled.append(entry if whole else Found(Span(kind, start, stop, confidence), entry.detector))
        for others, mask in taken.items():
            if others <= own:
                mask[first - origin : last - origin] = b"\1" * (last - first)
    settled.sort(key=_by_place)
    return settled


def _by_length(entry: Found) -> float:
    """Put the longer first, and the surer of two as long: a confidence is at most 1."""
    _, start, end, confidence = entry[0]
    return start - end - confidence / 2


def _by_place(entry: Found) -> tuple[int, int, str]:
    kind, start, end, _ = entry[0]
    return start, end, kind


def _free(mask: bytearray, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        start = mask.find(0, start, end)
        if start < 0:
            return
        stop = mask.find(1, start, end)
        stop = end if stop < 0 else stop
        yield start, stop
        start = stop
