"""Names by the language model: what holds without it, what it finds where the extra `ner` is installed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from compliance.inspection import inspect, person_model
from compliance.inspection.detectors.person_model import (
    PersonModelDetector,
    choose_names,
    split_into_pieces,
    trim_to_names,
)
from compliance.inspection.engine import BUILTIN_DETECTORS
from compliance.inspection.normalise import normalise
from compliance.inspection.person_model_state import PERSON_MODEL_PATH, describe_person_model
from compliance.policy import builtin_policies

needs_model = pytest.mark.skipif(
    not all(find_spec(name) for name in ("spacy", "presidio_analyzer", person_model.DEFAULT_MODEL)),
    reason="the extra `ner` is not installed; `make venv-ner` adds it",
)

_POLICIES = {policy.name: policy for policy in builtin_policies()}
HIPAA = _POLICIES["hipaa"]
SOX = _POLICIES["sox"]
# A name that is in no list of names.
PROSE = "Yesterday evening Ottoline Brackenbury called the ward about the results of her father."


def _names(text: str) -> list[str]:
    return [text[found.start : found.end] for found in inspect(text, HIPAA) if found.type == "person_name"]


@pytest.fixture
def no_model(settings: Settings) -> Iterator[None]:
    settings.NER_MODEL = "no_such_pipeline"
    yield
    person_model._loaded.pop("no_such_pipeline", None)


@pytest.mark.usefixtures("no_model")
def test_without_the_model_nothing_is_found_by_it_and_the_state_says_so() -> None:
    assert list(PersonModelDetector().find(normalise(PROSE))) == []
    assert _names(PROSE) == []
    assert describe_person_model(HIPAA) == "not_installed"


@pytest.mark.usefixtures("no_model")
def test_without_the_model_labelled_names_are_still_found() -> None:
    assert _names("Dr. Margaret Sullivan called.") == ["Margaret Sullivan"]


@pytest.mark.parametrize("name", ["os.path", "", "../secrets", "/", "no such package"])
def test_a_setting_that_names_no_package_counts_as_not_installed(name: str, settings: Settings) -> None:
    settings.NER_MODEL = name
    assert describe_person_model(HIPAA) == "not_installed"


def test_a_policy_that_does_not_list_the_model_does_not_run_it() -> None:
    assert PERSON_MODEL_PATH not in SOX.detectors
    assert describe_person_model(SOX) == "not_listed"


def test_the_setting_has_the_default_of_inspection_without_django() -> None:
    assert django_settings.NER_MODEL == person_model.DEFAULT_MODEL


def test_an_inspection_without_a_policy_runs_the_base_detectors_only() -> None:
    assert PERSON_MODEL_PATH not in BUILTIN_DETECTORS
    assert describe_person_model(None) == "not_listed"


@given(st.text(alphabet=st.sampled_from("Ab .\n"), max_size=5000) | st.integers(0, 5000).map("x".__mul__))
def test_pieces_are_small_and_hold_every_letter(text: str) -> None:
    position = 0
    for start, end in split_into_pieces(text):
        assert start < end <= start + 1000
        assert not text[position:start].strip(" .\n"), f"left out: {text[position:start]!r}"
        position = end
    assert not text[position:].strip(" .\n")


def test_a_name_that_was_wrapped_is_in_one_piece() -> None:
    text = "- The results were not yet back when the ward called Margaret\nSullivan about them.\nPlan: wait."
    assert [text[start:end] for start, end in split_into_pieces(text)] == [
        "The results were not yet back when the ward called Margaret\nSullivan about them.\n",
        "Plan: wait.",
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("We met «Margaret Sullivan». Later Sullivan left.", ["Margaret Sullivan"]),
        ("«Margaret Sullivan» spoke. «Sullivan» is ill.", ["Margaret Sullivan", "Sullivan"]),
        ("«Urine» culture is clear.", []),
        ("«Sullivan» said so.", ["Sullivan"]),
        ("It was for «Sullivan» to say.", ["Sullivan"]),
        ("and «Hgb» 10.4 as before", []),
        ("moved to «Austin», TX last year", []),
        ("under «Cal». Civ. Code", []),
        ("born, «Birth» date: unknown", []),
        ("«Margaret Sullivan» and Rhoda Plimpton came", ["Margaret Sullivan", "Rhoda Plimpton"]),
        ("Rhoda Plimpton and «Margaret Sullivan» came", ["Margaret Sullivan", "Rhoda Plimpton"]),
        ("«Margaret Sullivan» and Plimpton Holdings agreed", ["Margaret Sullivan"]),
    ],
)
def test_single_words_need_support_and_joined_names_are_names(text: str, names: list[str]) -> None:
    marked = []
    while "«" in text:
        start, end = text.index("«"), text.index("»") - 1
        marked.append((start, end))
        text = text.replace("«", "", 1).replace("»", "", 1)
    assert [text[start:end] for start, end in choose_names(text, marked)] == names


def test_a_name_at_the_end_of_a_piece_is_whole_in_one_of_them() -> None:
    text = "word " * 197 + "Margaret Sullivan " + "word " * 400
    start = text.index("Margaret")
    assert any(first <= start and start + 17 <= last for first, last in split_into_pieces(text))


@pytest.mark.parametrize(
    ("marked", "names"),
    [
        ("Margaret Sullivan", ["Margaret Sullivan"]),
        ("Dr. Margaret Sullivan, MD", ["Margaret Sullivan"]),
        ("Margaret Sullivan's", ["Margaret Sullivan"]),
        ("TODO Margaret Sullivan", ["Margaret Sullivan"]),
        ("Margaret Sullivan\nDOB", ["Margaret Sullivan"]),
        ("Sullivan, Margaret B.", ["Sullivan, Margaret B."]),
        ("Margaret O'Brien-McDonald", ["Margaret O'Brien-McDonald"]),
        ("Sullivan", ["Sullivan"]),
        ("BID", []),
        ("Sat Mar", []),
        ("N. JEFFERSON HWY", []),
        ("the patient", []),
        ("4711", []),
        ("OrderView", []),
        ("Parkinson's disease", []),
        ("Glasgow Coma Scale", []),
        ("Margaret_Sullivan", []),
    ],
)
def test_what_the_model_marks_is_trimmed_to_the_name(marked: str, names: list[str]) -> None:
    text = f"({marked})"
    assert [text[start:end] for start, end in trim_to_names(text, 1, 1 + len(marked.split("'s d")[0]))] == names


@needs_model
def test_with_the_model_names_in_prose_are_found() -> None:
    assert _names(PROSE) == ["Ottoline Brackenbury"]
    assert describe_person_model(HIPAA) == "ran"


@needs_model
def test_offsets_are_the_original_texts() -> None:
    hidden = PROSE.replace("Ottoline Brackenbury", "\uff2fttoline Bracken\u200bbury")
    assert _names(hidden) == ["\uff2fttoline Bracken\u200bbury"]


@needs_model
@pytest.mark.parametrize(
    "text",
    ["", "\x00\xff\x1a" * 500, "A" * 5000, "Ab " * 5000, "Анна Ωμέγα 王小明 " * 200, "(((A " * 2000, "\ud800 An"],
)
def test_any_text_passes(text: str) -> None:
    found = list(PersonModelDetector().find(normalise(text)))
    assert all(0 <= span.start < span.end <= len(normalise(text).data) for span in found)


@needs_model
def test_a_text_seen_before_is_not_recognised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = person_model.load_person_model()
    assert model is not None
    before = model.find_persons([PROSE])

    def fail(texts: list[str]) -> list[person_model.Places]:
        raise AssertionError("recognised again")

    monkeypatch.setattr(model, "_recognise", fail)
    assert model.find_persons([PROSE]) == before != [()]


@needs_model
def test_texts_leave_no_words_in_the_model() -> None:
    model = person_model.load_person_model()
    assert model is not None
    model.find_persons(["Then Qwortabella Zimfandrel called the ward."])
    assert "Zimfandrel" not in model._pipeline.vocab.strings


@needs_model
def test_another_installed_pipeline_is_used_where_the_setting_names_it(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "ruled_pipeline"
    package.mkdir()
    (package / "__init__.py").write_text(
        textwrap.dedent(
            """
            import spacy

            def load(**overrides):
                pipeline = spacy.blank("en")
                pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Qwortabella"}])
                return pipeline
            """
        )
    )
    metadata = tmp_path / "ruled_pipeline-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ruled_pipeline\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(person_model, "_loaded", {})
    settings.NER_MODEL = "ruled_pipeline"
    assert _names("Then Qwortabella called the ward.") == ["Qwortabella"]
    assert describe_person_model(HIPAA) == "ran"


@needs_model
def test_a_pipeline_in_a_directory_is_used_where_the_setting_names_it(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = import_module("spacy").blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Qwortabella"}])
    pipeline.to_disk(tmp_path)
    monkeypatch.setattr(person_model, "_loaded", {})
    settings.NER_MODEL = str(tmp_path)
    assert _names("Then Qwortabella called the ward.") == ["Qwortabella"]


@needs_model
def test_a_pipeline_that_does_not_load_counts_as_not_installed(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_pipeline.py").write_text("raise RuntimeError('made for another version')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(person_model, "_loaded", {})
    settings.NER_MODEL = "broken_pipeline"
    assert describe_person_model(HIPAA) == "not_installed"
