"""The content store: encrypted, bound to its workflow, erasable by its key."""

import base64
import uuid

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from compliance.content import (
    ContentError,
    MasterKeyMismatch,
    check_master_key,
    compute_digest,
    create_content_key,
    derive_finding_key,
    destroy_content_key,
    load_readable_texts,
    load_text,
    load_texts,
    open_secret,
    seal_secret,
    store_text,
)
from compliance.models import Content, ContentKey

pytestmark = pytest.mark.django_db

TEXT = "a text that must not be readable — ü"


def make_scope() -> uuid.UUID:
    scope = uuid.uuid4()
    create_content_key(scope)
    return scope


def test_a_text_comes_back_by_its_digest_and_is_stored_once() -> None:
    scope = make_scope()
    digest = store_text(scope, TEXT)

    assert digest == store_text(scope, TEXT) == compute_digest(TEXT)
    assert load_text(scope, digest) == TEXT
    assert Content.objects.filter(scope=scope).count() == 1


def test_no_row_holds_the_plain_text() -> None:
    scope = make_scope()
    store_text(scope, TEXT)

    with connection.cursor() as cursor:
        cursor.execute("SELECT nonce, ciphertext FROM compliance_content")
        stored = b"".join(bytes(column) for row in cursor.fetchall() for column in row)
    assert b"readable" not in stored


def test_one_workflow_cannot_read_anothers_text() -> None:
    digest = store_text(make_scope(), TEXT)
    with pytest.raises(ContentError):
        load_text(make_scope(), digest)


def test_a_row_moved_to_another_workflow_does_not_open() -> None:
    first, second = make_scope(), make_scope()
    digest = store_text(first, TEXT)
    row = Content.objects.get(scope=first)
    Content.objects.create(scope=second, digest=digest, nonce=row.nonce, ciphertext=row.ciphertext, size=row.size)

    with pytest.raises(ContentError, match="changed, moved"):
        load_text(second, digest)


def test_a_row_under_another_digest_does_not_open() -> None:
    scope = make_scope()
    store_text(scope, TEXT)
    row = Content.objects.get(scope=scope)
    other = compute_digest("another text")
    Content.objects.create(scope=scope, digest=other, nonce=row.nonce, ciphertext=row.ciphertext, size=row.size)

    with pytest.raises(ContentError, match="changed, moved"):
        load_text(scope, other)


def test_erasing_a_key_erases_the_texts_of_its_workflow_and_no_others() -> None:
    first, second = make_scope(), make_scope()
    digest = store_text(first, TEXT)
    store_text(second, TEXT)
    destroy_content_key(first)

    with pytest.raises(ContentError, match="erased"):
        load_text(first, digest)
    assert load_text(second, digest) == TEXT
    assert load_readable_texts([(first, digest), (second, digest)]) == {(second, digest): TEXT}
    assert Content.objects.filter(scope=first).exists(), "evidence of the text's existence is kept"


def test_a_damaged_text_is_left_out_of_pages_and_named_to_what_needs_it() -> None:
    scope = make_scope()
    digest = compute_digest(TEXT)
    Content.objects.create(scope=scope, digest=digest, nonce=b"0" * 12, ciphertext=b"damaged", size=7)

    assert load_readable_texts([(scope, digest)]) == {}
    with pytest.raises(ContentError, match="changed"):
        load_text(scope, digest)


def test_a_wrapped_key_opens_only_for_its_own_workflow() -> None:
    first, second = make_scope(), make_scope()
    digest = store_text(first, TEXT)
    wrapped = ContentKey.objects.get(scope=second).wrapped_key
    ContentKey.objects.filter(scope=first).update(wrapped_key=wrapped)

    with pytest.raises(ContentError):
        load_text(first, digest)


def test_another_master_key_is_told_from_an_erased_text(settings: Settings) -> None:
    scope = make_scope()
    digest = store_text(scope, TEXT)
    check_master_key()
    settings.CONTENT_MASTER_KEY = base64.b64encode(b"another key of thirty-two bytes!").decode()

    with pytest.raises(MasterKeyMismatch, match="CONTENT_MASTER_KEY"):
        check_master_key()
    with pytest.raises(MasterKeyMismatch):
        load_text(scope, digest)


def test_a_missing_text_is_named() -> None:
    with pytest.raises(ContentError, match="000000000000"):
        load_texts(make_scope(), ["0" * 64])


def test_a_sealed_secret_opens_only_in_its_own_context() -> None:
    sealed = seal_secret("sk-12345678", "stage:1")

    assert b"sk-12345678" not in sealed
    assert open_secret(sealed, "stage:1") == "sk-12345678"
    with pytest.raises(ContentError):
        open_secret(sealed, "stage:2")


def test_findings_are_hashed_under_a_key_of_each_workflow_that_is_erased_with_it() -> None:
    scope, other = make_scope(), make_scope()
    key = derive_finding_key(scope)
    assert derive_finding_key(scope) == key
    assert len({key, derive_finding_key(other), derive_finding_key(None)}) == 3
    destroy_content_key(scope)
    with pytest.raises(ContentError):
        derive_finding_key(scope)
