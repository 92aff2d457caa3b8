"""The corpora are what they claim to be, and the scorer counts right. How good inspection is, `make evaluate` says."""

import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from stdnum import iban, luhn

from benchmarks.inspection_quality.corpus import DEVELOPMENT_SEED, GENRES, HELD_OUT_SEED, generate_corpus
from benchmarks.inspection_quality.documents import ANY, Document, Segment, Value
from benchmarks.inspection_quality.evasions import EVASIONS, disguise, is_legible
from benchmarks.inspection_quality.measure import inspect_all
from benchmarks.inspection_quality.measure import score as score_corpus
from benchmarks.inspection_quality.report import BASE_REACH, main, write_table
from benchmarks.inspection_quality.scoring import BY_DOCUMENT, Score, score_document
from compliance.inspection.findings import CATEGORY_OF, Finding
from examples.local_service import REPOSITORY

DOCUMENTS = 150

# Far below the reach: a guard against what breaks detection, not the measurement.
FLOORS = {"structured identifiers": 0.8, "dates and ages over 89": 0.8, "addresses and ZIP codes": 0.8}


@pytest.fixture(scope="module")
def corpus() -> tuple[Document, ...]:
    return generate_corpus(HELD_OUT_SEED, DOCUMENTS)


def document_of(*segments: Segment) -> Document:
    return Document("clinical", 1, segments)


def squeeze(number: str) -> str:
    return "".join(number.replace("-", "").split())


def finding(kind: str, start: int, end: int) -> Finding:
    return Finding(type=kind, category=CATEGORY_OF[kind], start=start, end=end, confidence=0.9, detector="test")


def score_of(document: Document, findings: Sequence[Finding]) -> Score:
    score = Score()
    score_document(score, document, findings)
    return score


def test_a_seed_gives_the_same_corpus_in_another_process_with_another_hash_seed(corpus: tuple[Document, ...]) -> None:
    program = (
        "import hashlib; from benchmarks.inspection_quality.corpus import generate_corpus as g;"
        f"print(hashlib.sha256(repr(g({HELD_OUT_SEED}, 20)).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=REPOSITORY,
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
    assert generate_corpus(HELD_OUT_SEED, 20) == corpus[:20]
    assert generate_corpus(DEVELOPMENT_SEED, 20) != corpus[:20]


def test_every_genre_is_there_with_what_to_find_and_what_not(corpus: tuple[Document, ...]) -> None:
    for genre in GENRES:
        documents = [document for document in corpus if document.genre == genre]
        assert len(documents) == DOCUMENTS // len(GENRES)
        assert any(document.labels for document in documents), genre
        assert any(document.look_alikes for document in documents), genre
        assert any(not document.labels for document in documents), f"{genre}: no document without anything to find"


def test_labels_stand_where_their_text_stands_and_overlap_nothing(corpus: tuple[Document, ...]) -> None:
    for document in corpus:
        placed = sorted((*document.labels, *document.look_alikes), key=lambda label: label.start)
        for label in placed:
            assert document.text[label.start : label.end] == label.value.text
            assert label.start < label.end, f"an empty value: {label.value}"
        for first, second in pairwise(placed):
            assert first.end <= second.start, f"{first.value} overlaps {second.value}"


def test_labels_have_types_that_findings_have(corpus: tuple[Document, ...]) -> None:
    unknown = {label.value.type for document in corpus for label in document.labels} - set(CATEGORY_OF) - {ANY}
    assert not unknown


def test_every_type_is_in_the_corpus_and_under_a_reach(corpus: tuple[Document, ...]) -> None:
    labelled = {label.value.type for document in generate_corpus(HELD_OUT_SEED, 600) for label in document.labels}
    assert not set(CATEGORY_OF) - labelled
    judged = {kind for reach in BASE_REACH for kind in reach.kinds}
    assert {name for name, category in CATEGORY_OF.items() if category not in BY_DOCUMENT} <= judged


def test_check_digits_are_right_in_labels_and_wrong_in_look_alikes(corpus: tuple[Document, ...]) -> None:
    for document in corpus:
        for label in document.labels:
            if label.value.type == "card_number":
                assert luhn.is_valid(squeeze(label.value.text)), label.value
            if label.value.type == "iban":
                assert iban.is_valid(squeeze(label.value.text)), label.value
        for look_alike in document.look_alikes:
            if look_alike.value.subkind == "not_luhn":
                assert not luhn.is_valid(squeeze(look_alike.value.text)), look_alike.value


@pytest.mark.parametrize("evasion", [name for name in EVASIONS if name != "homoglyphs"])
def test_a_disguised_value_can_still_be_read(evasion: str, corpus: tuple[Document, ...]) -> None:
    changed = 0
    for document in corpus:
        disguised = disguise(document, evasion, HELD_OUT_SEED)
        for plain, hidden in zip(document.labels, disguised.labels, strict=True):
            assert is_legible(plain.value.text, hidden.value.text), f"{plain.value.text!r} became {hidden.value.text!r}"
            assert disguised.text[hidden.start : hidden.end] == hidden.value.text
            changed += plain.value.text != hidden.value.text
    assert changed > 20


def test_homoglyphs_keep_the_length_and_every_figure(corpus: tuple[Document, ...]) -> None:
    for document in corpus:
        for plain, hidden in zip(document.labels, disguise(document, "homoglyphs", 1).labels, strict=True):
            assert len(plain.value.text) == len(hidden.value.text)
            for before, after in zip(plain.value.text, hidden.value.text, strict=True):
                assert before == after or ((before in "-" or before.isalpha()) and not after.isascii())


def test_a_label_is_found_when_four_fifths_of_it_are_covered_together() -> None:
    document = document_of("on ", Value("0123456789", "date"))
    assert score_of(document, [finding("date", 3, 8), finding("date_of_birth", 10, 13)]).tally("date").found == 1
    assert score_of(document, [finding("date", 3, 10)]).tally("date").found == 0
    assert score_of(document, [finding("phone_number", 3, 13)]).tally("date").found == 0


def test_a_finding_is_wrong_where_less_than_half_of_it_is_labelled() -> None:
    document = document_of("x" * 20, Value("0123456789", "date"), "x" * 20)
    assert score_of(document, [finding("date", 10, 30)]).tally("date").right == 1
    too_long = score_of(document, [finding("date", 9, 30)]).tally("date")
    assert (too_long.found, too_long.right, too_long.precision, too_long.recall) == (1, 0, 0.0, 1.0)


def test_what_is_arguable_is_neither_missed_nor_wrong() -> None:
    document = document_of(Value("March 2024", "date", counted=False), " ", Value("host", ANY, counted=False))
    unfound, found = score_of(document, []), score_of(document, [finding("date", 0, 10), finding("url", 11, 15)])
    assert not unfound.mistakes
    assert not found.mistakes
    assert unfound.tally("date").labelled == 0


def test_a_look_alike_that_is_found_is_wrong() -> None:
    score = score_of(document_of(Value("v1.2.3", "", "version")), [finding("ip_address", 0, 6)])
    assert [(mistake.kind, mistake.missed) for mistake in score.mistakes] == [("ip_address", False)]


def test_names_in_prose_are_counted_apart() -> None:
    document = document_of(Value("Ana Novak", "person_name", "unlabelled", counted=False))
    score = score_of(document, [finding("person_name", 0, 9)])
    assert score.tally("prose_name").found == 1
    assert score.tally("person_name").labelled == 0
    assert score.tally("person_name").right == 1


def test_markers_count_by_document() -> None:
    marked = document_of("We will announce it soon. ", Value("This is inside information.", "inside_information"))
    assert score_of(marked, [finding("unannounced_deal", 0, 5)]).tally("mnpi").found == 1
    assert score_of(marked, []).tally("mnpi").found == 0
    wrong = score_of(document_of("A merger."), [finding("unannounced_deal", 0, 8), finding("unreleased_results", 2, 8)])
    assert (wrong.tally("mnpi").findings, wrong.tally("mnpi").right) == (1, 0)


def test_a_small_corpus_is_found_well_enough(corpus: tuple[Document, ...]) -> None:
    score = score_corpus(corpus, inspect_all(corpus))
    for reach in BASE_REACH:
        total = score.total(reach.kinds)
        floor = FLOORS.get(reach.title, 0.6)
        assert total.recall is not None
        assert total.recall >= floor, f"{reach.title}: recall {total.recall:.3f} is below {floor}"


def test_the_mistakes_of_the_held_out_corpus_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--show-misses", "5"])
    assert "held-out" in capsys.readouterr().err


def test_the_table_replaces_what_stands_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- measured -->\nold\n<!-- measured -->\nafter\n")
    write_table(page, "| new |")
    assert page.read_text() == "before\n<!-- measured -->\n\n| new |\n\n<!-- measured -->\nafter\n"
    page.write_text("no marker")
    with pytest.raises(ValueError, match="twice"):
        write_table(page, "| new |")
