"""Whether names were looked for by the language model, as every result that lists findings says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from compliance.inspection.detectors.person_model import PersonModelDetector
from compliance.inspection.person_model import load_person_model

if TYPE_CHECKING:
    from compliance.policy import PolicyDocument

PERSON_MODEL_PATH = f"{PersonModelDetector.__module__}.{PersonModelDetector.__name__}"


def describe_person_model(policy: PolicyDocument | None) -> Literal["ran", "not_installed", "not_listed"]:
    """Say what an inspection under the policy does, in this process, about names in running prose.

    `ran`: the policy lists the model and it is loaded. `not_installed`: the policy lists it, and the extra `ner` is
    missing or does not load. `not_listed`: the policy does without; so does an inspection without a policy, which
    runs the base detectors.
    """
    if policy is None or PERSON_MODEL_PATH not in policy.detectors:
        return "not_listed"
    return "not_installed" if load_person_model() is None else "ran"
