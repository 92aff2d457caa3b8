"""The readings of a text, and the way back from them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compliance.inspection.wording import Wording, compile_phrase, read_wordings

_pieces = st.sampled_from(
    [b"ab", b" ", b"*", b"<b>", b"</b>", b"<p class='x'>", b"<", b">", b"_", b"\n", b"<!-- c -->"]
)
_texts = st.lists(_pieces, max_size=30).map(b"".join)


def read(text: bytes) -> list[bytes]:
    return [wording.data for wording in read_wordings(text)]


def test_marks_read_as_blanks() -> None:
    assert read(b'*a* _b_ "c" [d](e) | f_g ~h~ `i`') == [b" a   b   c   d  e    f g  h   i "]


def test_accents_of_latin_1_are_left_out_and_stand_ins_are_kept() -> None:
    assert read("màtèrîäl Þþ".encode("latin-1")) == ["material Þþ".encode("latin-1")]


def test_a_second_reading_leaves_tags_out() -> None:
    assert read(b"a<b>b</b>c<p>d<!-- x -->e")[1:] == [b"abc de"]


def test_nothing_is_read_twice_without_markup() -> None:
    assert len(read(b"* a list\n* of 1 < 2 and **bold** words")) == 1


@given(_texts)
def test_every_place_leads_back_to_what_stands_there(text: bytes) -> None:
    for wording in read_wordings(text):
        for index, byte in enumerate(wording.data):
            start, end = wording.locate(index, index + 1)
            assert 0 <= start < end <= len(text)
            assert byte == 0x20 or text[start] == byte
        places = [wording.locate(index, index + 1)[0] for index in range(len(wording.data))]
        assert places == sorted(places)


def test_a_span_of_a_plain_wording_is_its_own() -> None:
    assert Wording(b"abc").locate(1, 3) == (1, 3)


def test_a_blank_in_a_phrase_takes_what_may_stand_between_words() -> None:
    phrase = compile_phrase(r"\bone two[ ,-]*three[- ]four\b")
    for text in (b"one two three four", b"One-two, three - FOUR", b"one.two.three.four", b"one \n two-three-four"):
        assert phrase.is_in(text)
    for text in (b"one, two three four", b"onetwo three four", b"one two three. four", b"one two threefour"):
        assert not phrase.is_in(text)
