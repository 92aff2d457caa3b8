"""What a detector is, and how a policy document names one: by its dotted path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple, Protocol, runtime_checkable

from compliance.inspection.findings import CATEGORY_OF
from compliance.inspection.normalise import NormalisedText

# A policy document is data that people write. It may pick from the detectors, not name just any code to import.
DETECTOR_PACKAGE = "compliance.inspection.detectors"
# A module right below the package: what is nested by the hundred would exhaust the interpreter that looks for it.
DETECTOR_PATH = re.escape(DETECTOR_PACKAGE) + r"\.[a-z][a-z0-9_]{0,59}\.[A-Z][A-Za-z0-9]{0,59}"


class Span(NamedTuple):
    """Where a detector saw what, as indexes into the normalised text."""

    type: str
    start: int
    end: int
    confidence: float


@runtime_checkable
class Detector(Protocol):
    """Finds things of the types that it declares. One instance serves all threads, so it keeps no state.

    `find` must take time linear in the text, whatever the text, and raise nothing.
    """

    name: str
    types: frozenset[str]

    def find(self, text: NormalisedText) -> Iterable[Span]:
        """Yield spans, in any order; they may overlap."""


class UnknownDetector(ValueError):
    """A dotted path that names no detector."""


@lru_cache(maxsize=64)
def load_detector(path: str) -> Detector:
    """Return the detector of that dotted path, `package.module.Class`. Raises UnknownDetector."""
    if not re.fullmatch(DETECTOR_PATH, path):
        raise UnknownDetector(f"{path[:120]!r} is no detector; detectors live in {DETECTOR_PACKAGE}")
    module_path, _, class_name = path.rpartition(".")
    try:
        named = getattr(import_module(module_path), class_name, None)
    except ModuleNotFoundError as error:
        raise UnknownDetector(f"{path!r} is no detector: there is no module {module_path}") from error
    # A class that the module merely imported from elsewhere is not its detector.
    if not isinstance(named, type) or named.__module__ != module_path:
        raise UnknownDetector(f"{path!r} is no detector: {module_path} defines no class {class_name}")
    if not all(hasattr(named, member) for member in ("name", "types", "find")):
        raise UnknownDetector(f"{path!r} is no detector: it lacks name, types or find")
    detector: Detector = named()
    unknown = detector.types - CATEGORY_OF.keys()
    if unknown:
        raise UnknownDetector(f"{path!r} declares unknown types: {', '.join(sorted(unknown))}")
    return detector
