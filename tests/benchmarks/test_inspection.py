"""The benchmark of the inspection runs, and its clean texts are clean; how fast is nobody's assertion."""

import random

import pytest

from benchmarks import inspection
from compliance.inspection import inspect


def test_clean_texts_hold_nothing_and_the_dense_one_much() -> None:
    numbers = random.Random(7)
    for write in (inspection.write_prose, inspection.write_code):
        text = write(numbers, 20_000)
        assert len(text) == 20_000
        assert inspect(text) == ()
    assert len(inspect(inspection.write_dense(numbers, 20_000))) > 500


def test_every_figure_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "HOSTILE", inspection.HOSTILE[:3])
    assert inspection.main(["--quick"]) == 0
    printed = capsys.readouterr().out
    for figure in ("clean prose", "clean code", "dense with findings", "repetition of 'a'", "MB/s"):
        assert figure in printed, printed
