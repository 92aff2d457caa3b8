"""Content inspection: detectors find spans in a text, a policy says what follows, `redact` takes them out.

What is not detected. No named-entity recognition runs: a person's name is found where a title (Dr., Mrs.), a label
(Patient:, Name:) or a word such as "patient" stands before it, and where a name found that way is repeated. A name
in running prose without any of these is not found, nor is one written in lower case or in a script without capital
letters. Of street addresses, the United States' are found, and ZIP codes next to a state or a label. Nothing is read
out of images, archives or encodings such as base64, and no meaning is understood: inside information and privilege
are recognised by their usual phrases, not by what a paragraph amounts to.
"""

from compliance.inspection.engine import BUILTIN_DETECTORS, inspect
from compliance.inspection.findings import CATEGORIES, CATEGORY_OF, Finding, matches, redact
from compliance.inspection.registry import Detector, Span, UnknownDetector, load_detector

__all__ = [
    "BUILTIN_DETECTORS",
    "CATEGORIES",
    "CATEGORY_OF",
    "Detector",
    "Finding",
    "Span",
    "UnknownDetector",
    "inspect",
    "load_detector",
    "matches",
    "redact",
]
