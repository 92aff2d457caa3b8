"""A policy document as people read it: as YAML, and as the differences between two of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from compliance.policy import PolicyDocument

Effect = Literal["stricter", "looser", ""]

# Where more entries let more happen, and where they let less happen.
_LISTS_THAT_ALLOW = frozenset({"capabilities.default", "capabilities.ceiling"})
_LISTS_THAT_RESTRICT = frozenset({"capabilities.forbidden", "content", "detectors", "patterns", "required_proofs"})
_NUMBERS_THAT_RESTRICT = frozenset({"sign_offs.required", "retention_days"})


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


@dataclass(frozen=True)
class PolicyChange:
    """One difference. `before` is None for what was added, `after` for what was removed.

    `path` is dotted. `effect` says which way a rule moves, as far as that can be said of the one change alone.
    """

    path: str
    before: Any
    after: Any
    effect: Effect

    def __str__(self) -> str:
        if self.before is None:
            words = f"+ {_show(self.after)}"
        elif self.after is None:
            words = f"- {_show(self.before)}"
        else:
            words = f"{_show(self.before)} -> {_show(self.after)}"
        return f"{self.path}: {words}" + (f"  ({self.effect})" if self.effect else "")


def render_policy_yaml(policy: PolicyDocument) -> str:
    """Return the document as YAML, its keys in the schema's order. Reading it again gives the same digest."""
    members = policy.model_dump(mode="json", exclude_unset=True)
    return yaml.dump(members, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def compare_policies(before: PolicyDocument, after: PolicyDocument) -> tuple[PolicyChange, ...]:
    """Return what differs, in the schema's order. Lists are compared as sets, since their order says nothing."""
    return tuple(
        _compare(before.model_dump(mode="json", exclude_unset=True), after.model_dump(mode="json", exclude_unset=True))
    )


def _compare(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[PolicyChange]:
    for name in [*after, *(name for name in before if name not in after)]:
        path = f"{prefix}{name}"
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _compare(old, new, f"{path}.")
        elif isinstance(old, list) or isinstance(new, list):
            yield from _compare_lists(old or [], new or [], path)
        elif old != new:
            yield PolicyChange(path, old, new, _judge_value(path, old, new))


def _compare_lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[PolicyChange]:
    gone, come = ([entry for entry in one if entry not in other] for one, other in ((before, after), (after, before)))
    allows = path in _LISTS_THAT_ALLOW
    if not allows and path not in _LISTS_THAT_RESTRICT:
        fewer: Effect = ""
        more: Effect = ""
    else:
        fewer, more = ("stricter", "looser") if allows else ("looser", "stricter")
    for entry in gone:
        yield PolicyChange(path, entry, None, "" if _is_flag(path, entry) else fewer)
    for entry in come:
        yield PolicyChange(path, None, entry, "" if _is_flag(path, entry) else more)


def _is_flag(path: str, entry: Any) -> bool:
    return path == "content" and entry["action"] == "flag"


def _judge_value(path: str, old: Any, new: Any) -> Effect:
    if path in _NUMBERS_THAT_RESTRICT:
        return "stricter" if new > old else "looser"
    if path == "sign_offs.not_requester":
        return "stricter" if new else "looser"
    return ""


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
