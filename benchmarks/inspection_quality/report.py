"""The table of what was measured, and what it says about the reach."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.inspection_quality.corpus import DEVELOPMENT_SEED, DOCUMENTS, HELD_OUT_SEED, generate_corpus
from benchmarks.inspection_quality.scoring import Mistake, Tally

if TYPE_CHECKING:
    from benchmarks.inspection_quality.measure import Measurement

_DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "inspection.md"
_MARKER = "<!-- measured -->"

_SECRETS = ("access_token", "api_key", "password", "private_key")
_STRUCTURED = (
    "account_number", "biometric_id", "card_number", "certificate_number", "device_id", "email_address",
    "health_plan_number", "iban", "ip_address", "licence_number", "medical_record_number", "national_id",
    "passport_number", "url", "us_itin", "us_ssn", "vehicle_id",
)  # fmt: skip

_DESCRIPTION = (
    "Measure recall and precision of inspection on a generated corpus. With the held-out seed and all documents the "
    "table is written into docs/inspection.md. Ends with 1 where a reach is missed."
)

MOST_DROP = 0.02


@dataclass(frozen=True)
class Reach:
    """What is to be reached for some types together. None: nothing is asked of that figure."""

    title: str
    kinds: tuple[str, ...]
    recall: float | None
    precision: float | None


BASE_REACH = (
    Reach("structured identifiers", _STRUCTURED, 0.98, 0.97),
    Reach("secrets", _SECRETS, 0.98, 0.97),
    Reach("dates and ages over 89", ("age_over_89", "date", "date_of_birth"), 0.93, 0.93),
    Reach("addresses and ZIP codes", ("street_address", "zip_code"), 0.93, 0.93),
    Reach("phone numbers", ("phone_number",), 0.93, 0.93),
    Reach("names that are announced", ("person_name",), 0.90, None),
)
NER_REACH = Reach("all names, with `[ner]`", ("person_name", "prose_name"), 0.93, None)


@dataclass(frozen=True)
class Verdict:
    """One thing asked for, and whether it was reached; None where it was not measured."""

    title: str
    reached: bool | None
    figures: str


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inspection_quality", description=_DESCRIPTION)
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="default: %(default)s, the held-out corpus")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="default: %(default)s")
    parser.add_argument(
        "--show-misses", type=int, metavar="N",
        help="measure nothing but the plain text and print up to N mistakes a type, in their context",
    )  # fmt: skip
    parser.add_argument("--type", help="with --show-misses: of this type alone")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from benchmarks.inspection_quality import measure

    if options.show_misses is not None:
        if options.seed != DEVELOPMENT_SEED:
            parser.error(f"held-out wordings stay unseen: mistakes are shown with --seed {DEVELOPMENT_SEED} alone")
        corpus = generate_corpus(options.seed, options.documents)
        score = measure.score(corpus, measure.inspect_all(corpus))
        print("\n".join(_describe_types(score.by_type)))
        print("\n".join(_describe_mistakes(score.mistakes, options.show_misses, options.type)))
        return 0
    measurement = measure.measure(options.seed, options.documents)
    verdicts = list(judge(measurement))
    table = "\n".join(describe(measurement, verdicts))
    print(table)
    if options.seed == HELD_OUT_SEED and options.documents == DOCUMENTS:
        write_table(_DOCUMENT, table)
    missed = [verdict for verdict in verdicts if verdict.reached is False]
    print("\nEvery reach is met." if not missed else "\nMissed: " + "; ".join(verdict.title for verdict in missed))
    return 1 if missed else 0


def judge(measurement: Measurement) -> Iterator[Verdict]:
    """Yield what is asked for with its figures. A figure that nothing was measured for counts as missed."""
    for reach in BASE_REACH:
        yield _judge_tally(reach, measurement.score.total(reach.kinds))
    for category in ("mnpi", "privilege"):
        reach = Reach(f"{category}, by document", (category,), None, None)
        yield _judge_tally(reach, measurement.score.tally(category))
    if measurement.names is None:
        yield Verdict(NER_REACH.title, None, "not measured: the extra is not installed")
    else:
        yield _judge_tally(NER_REACH, measurement.names.total(NER_REACH.kinds))
    for evasion, result in measurement.evasions.items():
        figures = f"recall drops by {result.drop:.3f} (n = {result.values}, reach {MOST_DROP})"
        yield Verdict(f"evasion: {evasion}", result.values > 0 and result.drop <= MOST_DROP, figures)


def _judge_tally(reach: Reach, tally: Tally) -> Verdict:
    recall, precision = tally.recall or 0.0, tally.precision or 0.0
    asked = [(figure, least) for figure, least in ((recall, reach.recall), (precision, reach.precision)) if least]
    reached = all(figure >= least for figure, least in asked) if asked else None
    named = ", reach " + " / ".join(f"{least:.2f}" for _, least in asked) if asked else ", no reach is set"
    return Verdict(
        reach.title, reached, f"recall {recall:.3f}, precision {precision:.3f} (n = {tally.labelled}{named})"
    )


def describe(measurement: Measurement, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the lines of the table, in Markdown."""
    yield (
        f"`make evaluate`: seed {measurement.seed}, {measurement.documents} documents, {measurement.characters:,} "
        f"characters, Python {measurement.python}. The language model for names "
        f"{'did not run' if measurement.names is None else 'ran, for the row that says so'}."
    )
    yield "\n| what | reached | figures |\n| --- | --- | --- |"
    for verdict in verdicts:
        answer = {True: "yes", False: "**no**", None: "-"}[verdict.reached]
        yield f"| {verdict.title} | {answer} | {verdict.figures} |"
    yield "\nBy type, `mnpi` and `privilege` by document:\n"
    yield from _describe_types(measurement.score.by_type)
    yield "\nReleases under the built-in policies:\n"
    yield "| policy | to be blocked | blocked | to pass | passed |\n| --- | ---: | ---: | ---: | ---: |"
    for name, result in measurement.policies.items():
        yield f"| `{name}` | {result.to_block} | {result.blocked} | {result.to_pass} | {result.passed} |"


def _describe_types(by_type: dict[str, Tally]) -> Iterator[str]:
    yield "| type | labelled | recall | findings | precision |\n| --- | ---: | ---: | ---: | ---: |"
    for name, tally in sorted(by_type.items()):
        recall, precision = (
            f"{figure:.3f}" if figure is not None else "-" for figure in (tally.recall, tally.precision)
        )
        yield f"| `{name}` | {tally.labelled} | {recall} | {tally.findings} | {precision} |"


def _describe_mistakes(mistakes: Sequence[Mistake], most: int, kind: str | None) -> Iterator[str]:
    shown: dict[tuple[str, bool], int] = {}
    for mistake in sorted(mistakes, key=lambda mistake: (mistake.kind, mistake.missed)):
        key = (mistake.kind, mistake.missed)
        shown[key] = shown.get(key, 0) + 1
        if shown[key] > most or kind not in (None, mistake.kind):
            continue
        text = mistake.document.text
        before, after = text[max(0, mistake.start - 40) : mistake.start], text[mistake.end : mistake.end + 25]
        context = f"{before}⟦{text[mistake.start : mistake.end]}⟧{after}".replace("\n", "⏎")
        yield f"{'missed' if mistake.missed else 'wrong '} {mistake.kind} ({mistake.document.genre}): {context}"


def write_table(path: Path, table: str) -> None:
    """Replace what stands between the two markers. Raises ValueError where the document has not two."""
    parts = path.read_text(encoding="utf-8").split(_MARKER)
    if len(parts) != 3:
        raise ValueError(f"{path.name} has to hold {_MARKER} twice: before the table and after it.")
    path.write_text(f"{parts[0]}{_MARKER}\n\n{table}\n\n{_MARKER}{parts[2]}", encoding="utf-8")
