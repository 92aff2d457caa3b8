"""The policy document: its schema, its validation, its canonical form and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from compliance.capabilities import CapabilityError, covers, forbids, overlaps, parse_capability
from compliance.inspection.custom_patterns import MAX_STEPS_TOGETHER, UnusablePattern, compile_custom_pattern
from compliance.inspection.findings import CATEGORIES, CATEGORY_OF
from compliance.inspection.registry import UnknownDetector, load_detector
from compliance.strict_yaml import MAX_BYTES, Location, StrictYamlError, load_strict_yaml

PROOFS = frozenset(
    {
        "lineage_verified",
        "grant_within_ceiling",
        "content_inspected",
        "content_rules",
        "ner_ran",
        "review_approved",
        "digest_bound",
        "sign_offs_complete",
    }
)
ContentAction = Literal["flag", "redact", "block", "block_release", "block_model_call", "block_tool_call"]

_BUILTIN_DIRECTORY = Path(__file__).resolve().parent / "policies"
_BUILTIN_NAMES = ("default", "hipaa", "sox", "legal_privilege")


@dataclass(frozen=True)
class PolicyProblem:
    """One thing wrong with a document. `path` is dotted (`content.0.action`), empty for the document as a whole."""

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


class PolicyError(ValueError):
    """A document that is no policy. `problems` has at least one entry; values are not echoed beyond short names."""

    def __init__(self, problems: Sequence[PolicyProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def _check(test: Callable[[str], object]) -> AfterValidator:
    """Turn a function that raises ValueError into a validator whose message is the error's own."""

    def run(value: str) -> str:
        try:
            test(value)
        except (CapabilityError, UnknownDetector, UnusablePattern) as error:
            raise PydanticCustomError("policy", "{problem}", {"problem": str(error)}) from error
        return value

    return AfterValidator(run)


def _one_of(known: frozenset[str], what: str) -> AfterValidator:
    def run(value: str) -> str:
        if value not in known:
            raise PydanticCustomError(
                "policy",
                "{value} is no {what}; there are {known}",
                {"value": repr(value[:60]), "what": what, "known": ", ".join(sorted(known))},
            )
        return value

    return AfterValidator(run)


def _no_duplicates(values: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise PydanticCustomError("policy", "{value} occurs twice", {"value": repr(value[:60])})
        seen.add(value)
    return values


# A Python str subclass or enum would not survive the canonical form, hence strict.
_Text = Annotated[str, StringConstraints(strict=True)]
_Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
_Capability = Annotated[_Text, _check(parse_capability)]
_Capabilities = Annotated[tuple[_Capability, ...], Field(max_length=200), AfterValidator(_no_duplicates)]
_FindingName = Annotated[_Text, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
_Category = Annotated[_Text, _one_of(CATEGORIES, "category")]
# No control characters: they say nothing to a reader, and a terminal obeys them. A description may have lines.
_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"
_Expression = Annotated[_Text, StringConstraints(pattern=_LINE), _check(compile_custom_pattern)]
_DetectorPath = Annotated[_Text, _check(load_detector)]
_Proof = Annotated[_Text, _one_of(PROOFS, "proof")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CapabilityRules(_Part):
    """`default` is granted when a stage asks for nothing in particular, `ceiling` is the most it may ask for."""

    default: _Capabilities
    ceiling: _Capabilities
    forbidden: _Capabilities

    @model_validator(mode="after")
    def _grant_nothing_forbidden(self) -> CapabilityRules:
        for entry in self.ceiling:
            for prohibition in self.forbidden:
                # The bare star is held against the prohibitions at each call; a narrower wildcard is not.
                clash = forbids(prohibition, entry) or (entry != "*" and overlaps(prohibition, entry))
                if clash:
                    raise PydanticCustomError(
                        "policy",
                        "the ceiling grants {entry}, and {prohibition} is forbidden",
                        {"entry": entry, "prohibition": prohibition, "at": ("ceiling", self.ceiling.index(entry))},
                    )
        for index, entry in enumerate(self.default):
            if not any(covers(limit, entry) for limit in self.ceiling):
                raise PydanticCustomError(
                    "policy",
                    "the default {entry} is beyond the ceiling",
                    {"entry": entry, "at": ("default", index)},
                )
        return self


class CustomPattern(_Part):
    """A finding type of the policy's own, and the RE2 expression by which it is found in the normalised text."""

    type: _FindingName
    category: _Category
    pattern: _Expression


class ContentRule(_Part):
    """What follows when a text holds one of these types (or any type of these categories).

    `flag`: it is pointed out. `redact`: it is masked in summaries, journals and exports. `block`: a text that
    holds it is no compliant artifact of any stage. `block_release`: of a release stage. `block_model_call`: it is
    sent to no model. `block_tool_call`: it is handed to no tool.
    """

    types: Annotated[tuple[_FindingName, ...], Field(min_length=1, max_length=50), AfterValidator(_no_duplicates)]
    action: ContentAction


class SignOffRules(_Part):
    """How many persons sign before a release. `not_requester`: whoever asked for the workflow is not one of them."""

    required: Annotated[StrictInt, Field(ge=0, le=10)]
    not_requester: StrictBool


class PolicyDocument(_Part):
    """One version of a policy, complete and immutable. `retention_days` counts from the end of an execution."""

    name: _Name
    version: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
    title: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=120, pattern=_LINE)]
    description: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=4000, pattern=_LINES)]
    aliases: Annotated[tuple[_Name, ...], Field(max_length=10), AfterValidator(_no_duplicates)] = ()
    capabilities: CapabilityRules
    content: Annotated[tuple[ContentRule, ...], Field(max_length=100)]
    detectors: Annotated[tuple[_DetectorPath, ...], Field(max_length=50), AfterValidator(_no_duplicates)]
    patterns: Annotated[tuple[CustomPattern, ...], Field(max_length=20)] = ()
    required_proofs: Annotated[tuple[_Proof, ...], AfterValidator(_no_duplicates)]
    sign_offs: SignOffRules
    retention_days: Annotated[StrictInt, Field(ge=1, le=36500)]

    @model_validator(mode="after")
    def _mean_what_it_says(self) -> PolicyDocument:
        if self.name in self.aliases:
            raise PydanticCustomError("policy", "a policy is no alias of itself", {"at": ("aliases",)})
        self._check_patterns()
        found = frozenset[str]().union(*(load_detector(path).types for path in self.detectors))
        found |= {CATEGORY_OF[name] for name in found}
        found |= {name for pattern in self.patterns for name in (pattern.type, pattern.category)}
        for index, rule in enumerate(self.content):
            for name in rule.types:
                if name not in found:
                    known = name in CATEGORIES or name in CATEGORY_OF
                    problem = (
                        "none of the detectors finds {name}; list one that does"
                        if known
                        else "{name} is no finding type or category; there are {types}, categories {categories}"
                    )
                    raise PydanticCustomError(
                        "policy",
                        problem,
                        {
                            "name": repr(name),
                            "types": ", ".join(sorted(CATEGORY_OF)),
                            "categories": ", ".join(sorted(CATEGORIES)),
                            "at": ("content", index, "types", rule.types.index(name)),
                        },
                    )
        return self

    def _check_patterns(self) -> None:
        """A type that is known already would change what other policies mean by it; many slow patterns add up."""
        steps = sum(compile_custom_pattern(pattern.pattern).program_size for pattern in self.patterns)
        if steps > MAX_STEPS_TOGETHER:
            raise PydanticCustomError(
                "policy",
                "the patterns come to {steps} steps together, over {most}: lower what their braces count up to",
                {"steps": steps, "most": MAX_STEPS_TOGETHER, "at": ("patterns",)},
            )
        seen: set[str] = set()
        for index, pattern in enumerate(self.patterns):
            if pattern.type in CATEGORY_OF or pattern.type in CATEGORIES or pattern.type in seen:
                raise PydanticCustomError(
                    "policy",
                    "{name} is taken; give the type another name",
                    {"name": pattern.type, "at": ("patterns", index, "type")},
                )
            seen.add(pattern.type)

    def canonical_bytes(self) -> bytes:
        """Return the document by RFC 8785 (JCS). What the author left out stays out.

        So a key that a later schema adds, with a default, changes no digest of a document written before.
        """
        return rfc8785.dumps(self.model_dump(mode="json", exclude_unset=True))

    @property
    def digest(self) -> str:
        """SHA-256 of `canonical_bytes()`, in hex. It names this version."""
        return hashlib.sha256(self.canonical_bytes()).hexdigest()

    def blocked_types(self, role: str) -> frozenset[str]:
        """Types and categories that an artifact of a stage of that role may not hold."""
        return self._types_with("block", "block_release") if role == "release" else self._types_with("block")

    @property
    def redacted_types(self) -> frozenset[str]:
        """Types and categories to mask in summaries, journals and exports."""
        return self._types_with("redact")

    def _types_with(self, *actions: ContentAction) -> frozenset[str]:
        return frozenset(name for rule in self.content if rule.action in actions for name in rule.types)


def parse_policy(document: Mapping[str, Any]) -> PolicyDocument:
    """Validate a document of plain values. Raises PolicyError with the path of every problem found."""
    return _parse(document, {})


def parse_policy_bytes(canonical: bytes) -> PolicyDocument:
    """Validate a document from its canonical bytes, or from any JSON. Raises PolicyError."""
    if len(canonical) > MAX_BYTES:
        raise PolicyError([PolicyProblem("", f"the document has {len(canonical)} bytes, over {MAX_BYTES}")])
    try:
        document = json.loads(canonical, object_pairs_hook=_pairs_without_duplicates)
    except PolicyError:
        raise
    except (ValueError, RecursionError) as error:
        raise PolicyError([PolicyProblem("", "the document is not JSON in UTF-8")]) from error
    return parse_policy(document)


def load_policy_yaml(text: str) -> PolicyDocument:
    """Validate a document from YAML. Raises PolicyError with path and line of every problem found."""
    try:
        document, lines = load_strict_yaml(text)
    except StrictYamlError as error:
        raise PolicyError([PolicyProblem(_dotted(error.location), error.problem, error.line)]) from error
    return _parse(document, lines)


@lru_cache(maxsize=1)
def builtin_policies() -> tuple[PolicyDocument, ...]:
    """Return the policies that come with the product: default, hipaa, sox, legal_privilege (alias legal)."""
    return tuple(
        load_policy_yaml((_BUILTIN_DIRECTORY / f"{name}.yaml").read_text(encoding="utf-8")) for name in _BUILTIN_NAMES
    )


def _parse(document: object, lines: Mapping[Location, int]) -> PolicyDocument:
    if not isinstance(document, Mapping):
        raise PolicyError([PolicyProblem("", "a policy is a mapping of keys to values", lines.get(()))])
    try:
        policy = PolicyDocument.model_validate(dict(document))
        policy.canonical_bytes()
    except ValidationError as error:
        problems = [_problem(details, lines) for details in error.errors(include_url=False)]
        raise PolicyError(sorted(problems, key=lambda problem: problem.line or 0)) from error
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise PolicyError([PolicyProblem("", "a text in it holds half of a surrogate pair")]) from error
    return policy


def _problem(details: Any, lines: Mapping[Location, int]) -> PolicyProblem:
    location: Location = tuple(details["loc"])
    location += tuple((details.get("ctx") or {}).get("at", ()))
    nearest = location
    while nearest and nearest not in lines:
        nearest = nearest[:-1]
    return PolicyProblem(_dotted(location), _message(details), lines.get(nearest))


def _message(details: Any) -> str:
    if details["type"] == "extra_forbidden":
        return "no such key; remove it or correct its spelling"
    if details["type"] == "missing":
        return "this key is required"
    return str(details["msg"])


def _dotted(location: Location) -> str:
    return ".".join(str(part)[:60] for part in location)


def _pairs_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise PolicyError([PolicyProblem(key[:60], "the key occurs twice")])
        found[key] = value
    return found
