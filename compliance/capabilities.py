"""The capability grammar, and what a request for capabilities comes to under a policy and a role.

A capability is two to four segments, `domain:action[:resource[:detail]]`. A segment is 1 to 64 lower-case
letters, digits, `_`, `-` or `.`. The last segment may be `*`, which covers any rest; the bare `*` covers
everything. Without a final `*` a grant covers only itself. A prohibition covers itself and all below it.

Standard library only: the offline verifier of an evidence package is made from this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WILDCARD = "*"
MAX_SEGMENTS = 4
MAX_SEGMENT_LENGTH = 64

FORBIDDEN_BY_POLICY = "forbidden_by_policy"
EXCEEDS_POLICY_CEILING = "exceeds_policy_ceiling"
EXCEEDS_ROLE_ALLOWANCE = "exceeds_role_allowance"
WILDCARD_DENIED = "wildcard_denied"
NOT_GRANTED = "not_granted"

REVIEWER = "reviewer"
READ_ACTION = "read"

_SEGMENT = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)


class CapabilityError(ValueError):
    """A text that is no capability. `capability` is the text as it was given, cut to a readable length."""

    def __init__(self, capability: object, problem: str) -> None:
        shown = repr(capability)
        self.capability = shown if len(shown) <= 80 else shown[:77] + "..."
        self.problem = problem
        super().__init__(
            f"{self.capability} is not a capability: {problem}. Write domain:action[:resource[:detail]], "
            "or a final * segment for any rest."
        )


@dataclass(frozen=True, order=True)
class Denial:
    """One capability that was asked for and not given. `reason` is one of the constants of this module."""

    permission: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Grant:
    """What an execution may use (`effective`) and what it asked for in vain (`denied`), sorted, each once."""

    effective: tuple[str, ...]
    denied: tuple[Denial, ...]


def parse_capability(text: str) -> tuple[str, ...]:
    """Return the segments of a capability; `("*",)` for the bare wildcard.

    Raises CapabilityError naming the text and what is wrong with it.
    """
    if not isinstance(text, str):
        raise CapabilityError(text, "it must be a string")
    if text == WILDCARD:
        return (WILDCARD,)
    segments = tuple(text.split(":", MAX_SEGMENTS))
    if not 2 <= len(segments) <= MAX_SEGMENTS:
        raise CapabilityError(text, f"it must have two to {MAX_SEGMENTS} segments, or be *")
    for position, segment in enumerate(segments):
        if segment == WILDCARD:
            if position != len(segments) - 1:
                raise CapabilityError(text, "* may only be the last segment")
        elif not _SEGMENT.fullmatch(segment):
            raise CapabilityError(
                text,
                f"segment {position + 1} must be 1 to {MAX_SEGMENT_LENGTH} lower-case letters, digits, '_', '-' or '.'",
            )
    return segments


def is_wildcard(capability: str) -> bool:
    """Whether the capability ends in `*` and so stands for more than itself."""
    return parse_capability(capability)[-1] == WILDCARD


def covers(grant: str, capability: str) -> bool:
    """Whether holding `grant` is enough for `capability` (itself possibly a wildcard).

    `a:b:*` covers everything below `a:b`, not `a:b` itself.
    """
    held, wanted = parse_capability(grant), parse_capability(capability)
    if held == wanted:
        return True
    if held[-1] != WILDCARD:
        return False
    stem = held[:-1]
    return len(wanted) > len(stem) and wanted[: len(stem)] == stem


def forbids(prohibition: str, capability: str) -> bool:
    """Whether `prohibition` rules out the whole of `capability`: the same thing, or something below it.

    A final `*` adds nothing to a prohibition: `a:b:*` forbids `a:b` and all below it, as `a:b` does. A
    capability that ends in `*` is ruled out when all that it stands for is.
    """
    barred = _stem(prohibition)
    return _stem(capability)[: len(barred)] == barred


def overlaps(prohibition: str, capability: str) -> bool:
    """Whether a wildcard `capability` would cover something that `prohibition` rules out."""
    if not is_wildcard(capability):
        return forbids(prohibition, capability)
    barred, wanted = _stem(prohibition), _stem(capability)
    shared = min(len(barred), len(wanted))
    return barred[:shared] == wanted[:shared]


def resolve(
    requested: Sequence[str] | None,
    ceiling: Sequence[str],
    forbidden: Sequence[str],
    defaults: Sequence[str],
    role: str,
) -> Grant:
    """Return what of `requested` a policy's ceiling and prohibitions grant to a stage of that role.

    None asks for the policy's defaults, which pass the same checks; an empty list asks for nothing. Each
    capability is judged on its own, so neither order nor company matters. The first reason to hold is given:

    1. `forbidden_by_policy`: a prohibition rules it out whole.
    2. `wildcard_denied`: a wildcard that would take in something forbidden. Not the bare `*` under a ceiling
       that holds `*`: it is granted, and `is_allowed` checks every call for what policy or role forbids.
    3. `exceeds_policy_ceiling`: no entry of the ceiling covers it whole.
    4. `exceeds_role_allowance`: a reviewer may hold only what has `read` for its action, the second segment
       (a bare `*` is left to `is_allowed`).

    Raises CapabilityError for a malformed capability in any of the lists.
    """
    wanted = _checked(defaults if requested is None else requested)
    limits, barred = _checked(ceiling), _checked(forbidden)
    effective: set[str] = set()
    denied: set[Denial] = set()
    for capability in wanted:
        denial = _denial(capability, limits, barred, role)
        if denial is None:
            effective.add(capability)
        else:
            denied.add(denial)
    return Grant(effective=tuple(sorted(effective)), denied=tuple(sorted(denied)))


def is_allowed(capability: str, effective: Sequence[str], forbidden: Sequence[str], role: str) -> Denial | None:
    """Decide one call that needs `capability`, held against an execution's grant. None means allowed.

    A call needs one thing, so a wildcard is refused (`wildcard_denied`); `not_granted` says that nothing in
    the grant covers it. Raises CapabilityError for a malformed capability.
    """
    held, barred = _checked(effective), _checked(forbidden)
    if is_wildcard(capability):
        return Denial(capability, WILDCARD_DENIED, "A call names the one capability that it needs, not a wildcard.")
    for prohibition in barred:
        if forbids(prohibition, capability):
            return _forbidden(capability, prohibition)
    if not _fits_role(capability, role):
        return _beyond_role(capability)
    if not any(covers(grant, capability) for grant in held):
        return Denial(capability, NOT_GRANTED, "The grant of this execution does not cover it.")
    return None


def _denial(capability: str, ceiling: Sequence[str], forbidden: Sequence[str], role: str) -> Denial | None:
    for prohibition in forbidden:
        if forbids(prohibition, capability):
            return _forbidden(capability, prohibition)
    checked_per_call = capability == WILDCARD and WILDCARD in ceiling
    if is_wildcard(capability) and not checked_per_call:
        for prohibition in forbidden:
            if overlaps(prohibition, capability):
                return Denial(
                    capability,
                    WILDCARD_DENIED,
                    f"It would take in {prohibition}, which the policy forbids; name what is needed.",
                )
    if not any(covers(entry, capability) for entry in ceiling):
        return Denial(capability, EXCEEDS_POLICY_CEILING, "The policy's ceiling does not cover it.")
    if capability != WILDCARD and not _fits_role(capability, role):
        return _beyond_role(capability)
    return None


def _fits_role(capability: str, role: str) -> bool:
    return role != REVIEWER or parse_capability(capability)[1:2] == (READ_ACTION,)


def _forbidden(capability: str, prohibition: str) -> Denial:
    return Denial(capability, FORBIDDEN_BY_POLICY, f"The policy forbids {prohibition}.")


def _beyond_role(capability: str) -> Denial:
    return Denial(capability, EXCEEDS_ROLE_ALLOWANCE, "A reviewer may use only capabilities whose action is read.")


def _stem(capability: str) -> tuple[str, ...]:
    segments = parse_capability(capability)
    return segments[:-1] if segments[-1] == WILDCARD else segments


def _checked(capabilities: Iterable[str]) -> tuple[str, ...]:
    """Sorted and without duplicates, so that the reason given does not depend on the order of a list."""
    if isinstance(capabilities, (str, bytes)):
        # A lone "*" would otherwise read as the list ["*"].
        raise TypeError("expected a list of capabilities, got one string")
    found = tuple(capabilities)
    for capability in found:
        parse_capability(capability)
    return tuple(sorted(set(found)))
