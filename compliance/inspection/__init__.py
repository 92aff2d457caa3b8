"""Content inspection: detectors find spans in a text, a policy says what follows, `redact` takes them out.

What is not detected. Without the extra `ner` no named-entity recognition runs: a person's name is found where a title
(Dr., Mrs.), a label (Patient:, Name:) or a word such as "patient" stands before it, where a degree or an age follows
it, where it begins with one of some 2,200 frequent given names, and where a name found in one of these ways is
repeated. A rarer name in running prose is not found, nor is one written in lower case or in a script without capital
letters. Of addresses, those of English, German, French, Dutch, Spanish and Italian speaking countries are found by
their usual forms, a town alone only after "lives in" and the like, and ZIP codes next to a state or a label. Nothing is
read out of images, archives or encodings such as base64, and no meaning is understood: inside information and privilege
are recognised by their usual phrases, and by words of a matter and of secrecy that meet in a sentence, not by what a
paragraph amounts to.

Of disguises, those are seen through that leave a text as legible as before: invisible characters, look-alike letters of
the commoner scripts, HTML's character references, JSON's escapes, markup and punctuation around and between a phrase's
words, and blanks between all digits of a number (`spaced_digits`). Not seen through are words that are spelt out with
blanks or marks between their letters (m a t e r i a l), figures for letters and letters for figures (mater1al, 4lll),
misspellings, other languages, base64 and other encodings, a reference within a reference (`&amp;#109;`), digits that
stand below one another or are parted by other than blanks, and identity numbers whose groups are parted by words or
markup.
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
