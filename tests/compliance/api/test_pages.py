from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from compliance.api_keys import issue_api_key

pytestmark = pytest.mark.django_db
KEYS = "/api/v1/auth/keys"


def test_every_item_is_on_one_page_and_pages_go_both_ways(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient]
) -> None:
    user = make_account()
    client = client_of(user)
    for number in range(6):
        issue_api_key(user, f"key {number}")
    seen, url, pages = [], f"{KEYS}?page_size=3", []
    while url:
        page = client.get(url).json()
        assert list(page) == ["next", "previous", "results"]
        seen += [key["name"] for key in page["results"]]
        pages.append(url)
        url = page["next"]
    assert seen == [*(f"key {number}" for number in reversed(range(6))), "test"]
    assert len(pages) == 3
    back = client.get(client.get(pages[1]).json()["previous"]).json()
    assert [key["name"] for key in back["results"]] == seen[:3]


@pytest.mark.parametrize("size", ["0", "-1", "201", "ten", "1.5", "", "9" * 30, "٣"])
def test_a_page_size_out_of_range_is_refused(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient], size: str
) -> None:
    response = client_of(make_account()).get(KEYS, {"page_size": size})
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["page_size"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ü",
        b64encode(b"p=not-a-date").decode(),
        b64encode(b"p=2024-13-99T00:00:00Z").decode(),
        b64encode(b"p=%00").decode(),
        b64encode(b"o=-1").decode(),
        b64encode(b"\xff\xfe").decode(),
        b64encode(b"r=1&p=" + b"9" * 500).decode(),
    ],
)
def test_a_cursor_of_ones_own_making_is_refused(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient], cursor: str
) -> None:
    response = client_of(make_account()).get(f"{KEYS}?cursor={quote(cursor)}")
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["cursor"]


def test_an_offset_of_ones_own_making_is_cut_to_what_a_page_can_skip(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient]
) -> None:
    cursor = b64encode(b"o=99999999999999999999").decode()
    response = client_of(make_account()).get(KEYS, {"cursor": cursor})
    assert (response.status_code, response.json()["results"]) == (200, [])


def test_an_unknown_parameter_is_refused_with_a_guess(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient]
) -> None:
    response = client_of(make_account()).get(KEYS, {"page_sise": "3"})
    assert response.status_code == 400
    assert response.json()["errors"] == {"page_sise": ["Unknown field. Did you mean `page_size`?"]}


@pytest.mark.parametrize("query", ["page_size=3&page_size=4", "cursor=a&cursor=b"])
def test_a_parameter_given_twice_is_refused_instead_of_one_being_ignored(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient], query: str
) -> None:
    response = client_of(make_account()).get(f"{KEYS}?{query}")
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [query.split("=")[0]]
