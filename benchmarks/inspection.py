"""Speed of the inspection: `python -m benchmarks.inspection`, a part of `make bench`. Needs no database.

Every detector of the base install runs, on one core. Times are of the process, so that what else runs on the machine
weighs less. Texts are generated and none is a repetition but those that say so.
"""

import random
import re
import sys
import time
from collections.abc import Callable, Sequence

from compliance.inspection import inspect

MEGABYTE = 1_000_000

_WORDS = re.findall(
    r"\w+",
    "the quick river of a small town and its people who walk along with great care for every season in which they have"
    " seen rain or snow while others stay inside near fire to read about distant lands that were never known but always"
    " dreamed on by those without means whose lives went slowly toward evening light because nothing else could hold",
)
_NAMES = re.findall(
    r"\w+", "count total index value result items buffer offset length parser reader handle cursor branch weight node"
)
_DENSE = (
    "Patient: {first} {last}, DOB {month:02}/{day:02}/19{year:02}, SSN {area:03}-{day:02}-{serial:04}.",
    "Call ({area}) 555-{serial:04} or write to {first}.{last}{serial}@example.org before March {day}, 20{month:02}.",
    "Lives at {serial} Maple Street, Springfield, IL 62{area}; MRN: {area}{serial:04}{day:02}.",
    "Seen from 203.0.113.{day} with password: x{serial}y{area}Z; card 4111 1111 1111 1111.",
    "Revenue of ${month}.{day} million is not yet public; counsel has advised us to wait until {month}/{day}/2024.",
)

# What has been slow for some pattern engine or other, or is found so often that the findings themselves are the cost.
HOSTILE = (
    *(
        "a",
        "1",
        "-",
        " ",
        "\n",
        "@",
        "é",
        "\u200b",
        "\u3302",
        "漢",
        "\ud800",
        "<",
        "&",
        "[",
        "%",
        "=",
        "/",
        ".",
        "_",
        '"',
    ),
    *(
        "a\u0301",
        " \u200b",
        "a ａ",
        "1 ",
        "1 2 3-",
        "0.",
        "1-",
        "+1",
        "a.b",
        "a:",
        "a*b",
        "a_b=",
        "12/",
        "&#1",
        "&amp;",
    ),
    *("<b", "<b>", "<b>a", "<!--", "<td>1</td>", '{"a":1},', "&#109;", "A. B. ", "Aa ", "Dr ", "Dr. A", "Mr. Aaa "),
    *("a@b.co ", "1/1/20 ", "2020-01-01 ", "May 5 ", "aged 91 ", "123-45-6789 ", "4111111111111111 ", "1.1.1.1 "),
    *("http://a.co ", "http://a@b.co/", "(555) 123-4567 ", "1 Main St ", "P.O. Box 1 ", "IL 62704 ", "MRN 123456 "),
    *("password: x1y2z3 ", "token=a1b2c3d4e ", "-----BEGIN PRIVATE KEY-----", "eyJ", "GB82 WEST ", "To: Aa Aa "),
    *(
        "Patient: Aa Bb\n",
        "MNPI: ",
        "not public merger ",
        "confidential revenue $1 ",
        "counsel's advice ",
        "material - ",
    ),
)


def write_prose(random_numbers: random.Random, size: int) -> str:
    """Return English words in sentences and paragraphs, in which there is nothing to find."""

    def write_sentence() -> str:
        return " ".join(random_numbers.choices(_WORDS, k=random_numbers.randrange(6, 18))).capitalize() + ". "

    return _repeat(lambda: write_sentence() + ("\n\n" if random_numbers.random() < 0.2 else ""), size)


def write_code(random_numbers: random.Random, size: int) -> str:
    """Return what looks like a program, in which there is nothing to find."""

    def write_block() -> str:
        one, two, three = random_numbers.sample(_NAMES, 3)
        number = random_numbers.randrange(100)
        return (
            f"def read_{one}({two}: int, {three}: list[str]) -> bool:\n"
            f'    """Return whether the {one} is in {two}."""\n'
            f"    for {one} in range({number}, len({three})):\n"
            f"        if {three}[{one}] != {two} * {number} and {one} < {number}:\n"
            f"            self.{two} += {three}.pop({one})  # the {one} goes first\n"
            f"    return {two} >= {number} or not {three}\n\n"
        )

    return _repeat(write_block, size)


def write_dense(random_numbers: random.Random, size: int) -> str:
    """Return a text of which most is to be found."""

    def write_line() -> str:
        return random_numbers.choice(_DENSE).format(
            first=random_numbers.choice(("Ann", "Robert", "Maria", "James")),
            last=random_numbers.choice(("Bell", "Miller", "Garcia", "Chen")),
            month=random_numbers.randrange(1, 13),
            day=random_numbers.randrange(10, 29),
            year=random_numbers.randrange(30, 99),
            area=random_numbers.randrange(201, 599),
            serial=random_numbers.randrange(1000, 9999),
        )

    return _repeat(lambda: write_line() + "\n", size)


def measure(text: str) -> tuple[float, int]:
    """Return the seconds of the process that an inspection of the text takes, and how many findings there are."""
    started = time.process_time()
    findings = inspect(text)
    return time.process_time() - started, len(findings)


def main(arguments: Sequence[str] = ()) -> int:
    size = MEGABYTE // 50 if "--quick" in arguments else MEGABYTE
    numbers = random.Random(1)  # noqa: S311 (test data)
    print(f"\nInspection, {len(HOSTILE)} hostile repetitions, texts of {size / MEGABYTE:g} MB, one core")
    inspect(write_dense(numbers, 2_000))  # what is loaded at its first use
    for name, write in (("clean prose", write_prose), ("clean code", write_code), ("dense with findings", write_dense)):
        text = write(numbers, size)
        runs = [measure(text) for _ in range(3)]
        seconds = sorted(seconds for seconds, _ in runs)[1]
        print(f"  {name:<52}{len(text) / MEGABYTE / seconds:>8.1f} MB/s {runs[0][1]:>7} findings")
    worst = sorted(((*measure(unit * (size // len(unit))), unit) for unit in HOSTILE), reverse=True)
    for seconds, count, unit in worst[:5]:
        print(f"  repetition of {unit!a:<38}{seconds:>8.2f} s    {count:>7} findings")
    return 0


def _repeat(write: Callable[[], str], size: int) -> str:
    pieces, length = [], 0
    while length < size:
        pieces.append(write())
        length += len(pieces[-1])
    return "".join(pieces)[:size]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
