"""The corpora: as many documents of each genre as asked for, all from one seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from benchmarks.inspection_quality import chat, clinical, code, earnings, legal
from benchmarks.inspection_quality.dates import DATE_MAKERS
from benchmarks.inspection_quality.documents import Document, Draw, Maker, Segment, fill_in, wrap_lines
from benchmarks.inspection_quality.identifiers import IDENTIFIER_MAKERS
from benchmarks.inspection_quality.look_alikes import LOOK_ALIKE_MAKERS
from benchmarks.inspection_quality.markers import MARKER_MAKERS
from benchmarks.inspection_quality.people import PEOPLE_MAKERS
from benchmarks.inspection_quality.secret_values import SECRET_MAKERS

DEVELOPMENT_SEED = 1
HELD_OUT_SEED = 2
DOCUMENTS = 1500

_MAKERS: Mapping[str, Maker] = {
    **DATE_MAKERS,
    **PEOPLE_MAKERS,
    **IDENTIFIER_MAKERS,
    **SECRET_MAKERS,
    **LOOK_ALIKE_MAKERS,
    **MARKER_MAKERS,
}


@dataclass(frozen=True)
class Genre:
    """What a genre's documents are made of.

    `marked` are the sentences on inside information or privilege, one document in three has one of them. `speakers`
    begin each line of what is spoken. Where it is `wrapped`, one document in seven has its lines broken to a width.
    """

    openings: tuple[str, ...]
    sentences: tuple[str, ...]
    harmless: tuple[str, ...]
    closings: tuple[str, ...]
    marked: tuple[str, ...] = ()
    separators: tuple[str, ...] = ("\n",)
    speakers: tuple[str, ...] = ("",)
    wrapped: bool = False


GENRES: Mapping[str, Genre] = MappingProxyType(
    {
        "clinical": Genre(
            clinical.OPENINGS, clinical.SENTENCES, clinical.HARMLESS, clinical.CLOSINGS, separators=("\n", " ", "\n- "),
            wrapped=True,
        ),
        "earnings": Genre(
            earnings.OPENINGS, earnings.SENTENCES, earnings.HARMLESS, earnings.CLOSINGS, earnings.MARKED,
            separators=("\n", " ", "\n\n"), wrapped=True,
        ),
        "legal": Genre(
            legal.OPENINGS, legal.SENTENCES, legal.HARMLESS, legal.CLOSINGS, legal.MARKED,
            separators=(" ", "\n\n", "\n"), wrapped=True,
        ),
        "chat": Genre(
            chat.OPENINGS, chat.SENTENCES, chat.HARMLESS, chat.CLOSINGS, chat.MARKED,
            speakers=("ana: ", "bo: ", "support-bot: ", "[{clock}] kim: ", "<lee> ", ""),
        ),
        "code": Genre(code.OPENINGS, code.SENTENCES, code.HARMLESS, code.CLOSINGS),
    }
)  # fmt: skip


def generate_corpus(seed: int, documents: int = DOCUMENTS) -> tuple[Document, ...]:
    """Return the documents of a seed, the genres in turn. The same seed gives the same documents everywhere.

    The development seed leaves out every fourth wording, label and form (`documents.Draw`).
    """
    names = list(GENRES)
    return tuple(_generate_document(names[index % len(names)], index, seed) for index in range(documents))


def _generate_document(genre: str, number: int, seed: int) -> Document:
    draw = Draw(f"{genre} {number} {seed}", all_wordings=seed != DEVELOPMENT_SEED)
    template = "".join(_compose(GENRES[genre], draw))
    segments: Sequence[Segment] = tuple(fill_in(template, _MAKERS, draw))
    if GENRES[genre].wrapped and draw.chance(0.15):
        segments = tuple(wrap_lines(segments, draw.number(50, 72)))
    return Document(genre, number, tuple(segments))


def _compose(genre: Genre, draw: Draw) -> Iterator[str]:
    """One document in eight has nothing to find in its body, and no opening that has."""
    clean = draw.chance(0.125)
    if not clean:
        yield draw.wording(genre.openings)
    telling = [] if clean else draw.wordings(genre.sentences, draw.number(1, 12))
    lines = telling + draw.wordings(genre.harmless, draw.number(2, 14))
    if genre.marked and not clean and draw.chance(0.33):
        lines.append(draw.one(genre.marked))
    draw.random.shuffle(lines)
    separator = draw.one(genre.separators)
    for line in lines:
        if separator == " " and line[-1] not in ".:?!" and line not in genre.marked:
            line += "."
        yield f"{draw.one(genre.speakers)}{line}{separator}"
    if not clean:
        yield "\n" + draw.wording(genre.closings)
