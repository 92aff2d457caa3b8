"""Addresses of several countries, whole, and what only looks like one."""

from __future__ import annotations

import pytest

from compliance.inspection import inspect

ADDRESSES = [
    "123 Main Street, Springfield, IL 62704",
    "742 Evergreen Terrace\nApt 3\nSpringfield, IL 62704",
    "6949 OAK RIDGE STREET, ST. PAUL, MINNESOTA 55135-9408",
    "221B Baker St, Boston MA 02108, USA",
    "1600 Broadway Ste 5",
    "4500 Highway 12, Madison, WI 53711",
    "RR 2 Box 45, Lima, OH 45801",
    "PSC 123 Box 456, APO AE 09012",
    "742 Evergreen, Springfield, IL 62704",
    "100 Queen Street West, Toronto, ON M5V 3L9",
    "12 George Street, Sydney NSW 2000",
    "Flat 3, 12 High Street, Oxford, OX1 4AB",
    "10 The Green, Cambridge CB2 1TN",
    "Musterstraße 12, 80331 München",
    "Rosenweg 12\nD-26788 Ulm",
    "Unter den Linden 77, 10117 Berlin",
    "12 rue de la Paix, 75002 Paris",
    "Anna-Meier-Gasse 26-40, 43091 Wanzleben",
    "349 Hill Mount Apt. 851, South Bethany, MH 34519",
    "710 Peterson Garden Suite 578\nHollyberg, FM 50972",
    "Flat 78, Terry Branch",
    "chemin de Charrier, 97248 Vence",
    "Calle Mayor 5, 28013 Madrid",
    "Via Roma 12, 00184 Roma",
    "Keizersgracht 123, 1015 CJ Amsterdam",
]
NONE = [
    "In 2019 Superior Court judges met, and 45 Hard Drive units failed.",
    "Step 3: 100 units in 4 batches way below plan",
    "Bed 12-2, room 4, unit 3 West. Dr to review labs",
    "On December 15, 2019 Portal messages were sent",
    "The road was long; 5 minutes down the street.",
]


def _find(text: str) -> list[str]:
    return [text[item.start : item.end] for item in inspect(text) if item.type in ("street_address", "zip_code")]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_found_whole(address: str) -> None:
    assert _find(f"Letters go to {address}; nowhere else.") == [address]


@pytest.mark.parametrize("address", ["6348 Sean Burg", "Flat 17W, Kieran Meadow", "12 Stravenue Point Annex"])
def test_after_its_label_an_address_needs_no_word_for_a_street(address: str) -> None:
    assert _find(f"Street: {address}\nNext") == [address]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address_is_left_alone(text: str) -> None:
    assert _find(text) == []


def test_an_address_may_be_wrapped_with_its_line() -> None:
    text = (
        "The hearing is held before the whole board on Monday at 4400 SW Lakeview\nRoad Ste 900, Tampa, FL 33600-3859."
    )
    assert _find(text) == ["4400 SW Lakeview\nRoad Ste 900, Tampa, FL 33600-3859"]
