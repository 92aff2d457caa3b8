"""The one content store: texts by digest, encrypted with a key per workflow (AES-256-GCM).

Each workflow has a random content key, wrapped by the master key (`CONTENT_MASTER_KEY`, else the file
`CONTENT_MASTER_KEY_PATH`). The associated data binds a ciphertext to its workflow and digest, so that rows cannot
be moved. Source: NIST SP 800-38D; a key encrypts far fewer than 2^32 texts, so random nonces are safe.
"""

import base64
import binascii
import hashlib
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from compliance.key_files import read_or_create_secret
from compliance.models import Content, ContentKey

log = structlog.get_logger(__name__)

_NONCE_BYTES = 12
_KEY_BYTES = 32
_FINDING_KEY_INFO = b"countersign findings"


class ContentError(LookupError):
    """The text is not there, was erased, or does not match its digest."""


class MasterKeyMismatch(ContentError):
    """A key in the database does not open under this process's master key: the wrong one is configured here."""


@dataclass(frozen=True)
class OpenKey:
    """The content key of a workflow, for as long as somebody works on it: what is sealed needs no further query."""

    scope: uuid.UUID
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class SealedText:
    """A text as it is stored: its digest, and its bytes encrypted under its workflow's key."""

    digest: str
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    size: int


def compute_digest(text: str) -> str:
    """Return the SHA-256, in hex, of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def create_content_key(scope: uuid.UUID) -> OpenKey:
    """Make the key of a new workflow. Call it in the transaction that creates the workflow."""
    key = os.urandom(_KEY_BYTES)
    ContentKey.objects.create(scope=scope, wrapped_key=_seal(_master_key(), key, scope.bytes))
    return OpenKey(scope, key)


def open_content_key(scope: uuid.UUID) -> OpenKey:
    """Return a workflow's content key. Raises ContentError where it was erased or never made."""
    return OpenKey(scope, _content_key(scope))


def seal_text(opened: OpenKey, text: str) -> SealedText:
    """Encrypt a text for its workflow. Touches no database."""
    plain = text.encode()
    digest = hashlib.sha256(plain).hexdigest()
    sealed = _seal(opened.key, plain, _associated_data(opened.scope, digest))
    return SealedText(digest, sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], len(plain))


def store_sealed(scope: uuid.UUID, texts: Iterable[SealedText]) -> None:
    """Store sealed texts, in two queries. One that the workflow has already stays as it is."""
    wanted = {text.digest: text for text in texts}
    # Asked first: on SQLite the table's trigger refuses a row that is there before it could be ignored.
    present = Content.objects.filter(scope=scope, digest__in=wanted).values_list("digest", flat=True)
    insert_sealed(scope, [wanted[digest] for digest in wanted.keys() - set(present)])


def insert_sealed(scope: uuid.UUID, texts: Iterable[SealedText]) -> None:
    """Store sealed texts that are new to the workflow, as salted ones are, in one query."""
    rows = [
        Content(scope=scope, digest=text.digest, nonce=text.nonce, ciphertext=text.ciphertext, size=text.size)
        for text in texts
    ]
    Content.objects.bulk_create(rows, ignore_conflicts=True)


def store_texts(opened: OpenKey, texts: Iterable[str]) -> list[str]:
    """Store texts once per workflow, in two queries, and return their digests."""
    sealed = [seal_text(opened, text) for text in texts]
    if sealed:
        store_sealed(opened.scope, sealed)
    return [text.digest for text in sealed]


def store_text(scope: uuid.UUID, text: str) -> str:
    """Store a text once per workflow and return its digest. Storing it again changes nothing."""
    digest = compute_digest(text)
    if not Content.objects.filter(scope=scope, digest=digest).exists():
        store_texts(open_content_key(scope), [text])
    return digest


def load_text(scope: uuid.UUID, digest: str) -> str:
    """Return the text of that digest. Raises ContentError."""
    return load_texts(scope, [digest])[digest]


def load_texts(scope: uuid.UUID, digests: Iterable[str]) -> dict[str, str]:
    """Return texts by digest, in two queries however many they are. Raises ContentError if one is missing."""
    wanted = {digest for digest in digests if digest}
    return open_texts(open_content_key(scope), wanted) if wanted else {}


def open_texts(opened: OpenKey, digests: Iterable[str]) -> dict[str, str]:
    """`load_texts` under a key that is open already: one query."""
    wanted = {digest for digest in digests if digest}
    rows = Content.objects.filter(scope=opened.scope, digest__in=wanted)
    texts = {row.digest: _open_text(opened.key, row) for row in rows}
    missing = wanted - texts.keys()
    if missing:
        raise ContentError(f"no text {min(missing)[:12]} is stored for {opened.scope}")
    return texts


def load_unerased_texts(pairs: Iterable[tuple[uuid.UUID, str]]) -> dict[tuple[uuid.UUID, str], str]:
    """Return texts of several workflows, in two queries; those that were erased or never stored are left out.

    Raises ContentError when one is damaged.
    """
    wanted = {pair for pair in pairs if pair[1]}
    scopes = {scope for scope, _ in wanted}
    wrapped = ContentKey.objects.filter(scope__in=scopes, wrapped_key__isnull=False)
    keys = {row.scope: _unwrap(row.scope, bytes(row.wrapped_key or b""), _master_key()) for row in wrapped}
    rows = Content.objects.filter(scope__in=keys, digest__in={digest for _, digest in wanted})
    return {
        (row.scope, row.digest): _open_text(keys[row.scope], row) for row in rows if (row.scope, row.digest) in wanted
    }


def load_readable_texts(pairs: Iterable[tuple[uuid.UUID, str]]) -> dict[tuple[uuid.UUID, str], str]:
    """`load_unerased_texts` for pages: a damaged text is left out and logged, so that its page stays readable."""
    wanted = set(pairs)
    try:
        return load_unerased_texts(wanted)
    except ContentError:
        texts: dict[tuple[uuid.UUID, str], str] = {}
        for pair in wanted:
            try:
                texts |= load_unerased_texts([pair])
            except ContentError as error:
                log.error("content_damaged", scope=str(pair[0]), digest=pair[1], error=str(error))
        return texts


def destroy_content_key(scope: uuid.UUID) -> None:
    """Erase a workflow's key: its texts become unreadable here; evidence and digests stay."""
    ContentKey.objects.filter(scope=scope).update(wrapped_key=None, destroyed_at=timezone.now())
    _unwrap.cache_clear()


def seal_secret(secret: str, context: str) -> bytes:
    """Encrypt a short-lived secret under the master key, bound to what it belongs to."""
    return _seal(_master_key(), secret.encode(), context.encode())


def open_secret(sealed: bytes, context: str) -> str:
    """Return the secret. Raises MasterKeyMismatch if it was sealed for something else or under another key."""
    try:
        return _open(_master_key(), bytes(sealed), context.encode()).decode()
    except ContentError as error:
        raise MasterKeyMismatch("a sealed secret does not open under this process's CONTENT_MASTER_KEY") from error


def derive_finding_key(scope: uuid.UUID | None) -> bytes:
    """Return the key under which findings' values are hashed, 32 bytes, by HKDF-SHA256 (RFC 5869).

    Of a workflow's content key, so that equal values are seen as equal within the workflow only, and that nobody can
    try values against the hashes once that key is erased. Without a scope: of the master key. Raises ContentError
    when the content key was erased or never made.
    """
    return _derive_finding_key(_master_key() if scope is None else _content_key(scope))


def finding_key_of(opened: OpenKey) -> bytes:
    """`derive_finding_key`, of a key that is open already."""
    return _derive_finding_key(opened.key)


def _derive_finding_key(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_FINDING_KEY_INFO).derive(key)


def check_master_key() -> None:
    """Raise MasterKeyMismatch when the newest content key of the database was wrapped by another master key."""
    newest = ContentKey.objects.filter(wrapped_key__isnull=False).order_by("-created_at").first()
    if newest is not None:
        _unwrap(newest.scope, bytes(newest.wrapped_key or b""), _master_key())


def _content_key(scope: uuid.UUID) -> bytes:
    row = ContentKey.objects.filter(scope=scope).first()
    if row is None or row.wrapped_key is None:
        raise ContentError(f"the content key of {scope} was erased or never made: its texts cannot be read")
    return _unwrap(scope, bytes(row.wrapped_key), _master_key())


@lru_cache(maxsize=1024)
def _unwrap(scope: uuid.UUID, wrapped_key: bytes, master_key: bytes) -> bytes:
    try:
        return _open(master_key, wrapped_key, scope.bytes)
    except ContentError as error:
        raise MasterKeyMismatch(
            f"the content key of {scope} does not open under this process's CONTENT_MASTER_KEY: "
            "give it the key that the workflow was created under"
        ) from error


def _open_text(key: bytes, row: Content) -> str:
    sealed = bytes(row.nonce) + bytes(row.ciphertext)
    plain = _open(key, sealed, _associated_data(row.scope, row.digest))
    if hashlib.sha256(plain).hexdigest() != row.digest:
        raise ContentError(f"the stored text {row.digest[:12]} does not match its digest")
    return plain.decode()


def _associated_data(scope: uuid.UUID, digest: str) -> bytes:
    return scope.bytes + bytes.fromhex(digest)


def _seal(key: bytes, plain: bytes, associated_data: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, associated_data)


def _open(key: bytes, sealed: bytes, associated_data: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated_data)
    except InvalidTag as error:
        raise ContentError("a stored text was changed, moved, or encrypted under another key") from error


def _master_key() -> bytes:
    return _decode_master_key(settings.CONTENT_MASTER_KEY, Path(settings.CONTENT_MASTER_KEY_PATH))


@cache
def _decode_master_key(configured: str, path: Path) -> bytes:
    source = "CONTENT_MASTER_KEY" if configured else str(path)
    encoded = configured.encode() if configured else read_or_create_secret(path, _generate_master_key)
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured(f"{source} is not base64") from error
    if len(key) != _KEY_BYTES:
        raise ImproperlyConfigured(f"{source} must hold {_KEY_BYTES} bytes in base64, not {len(key)}")
    return key


def _generate_master_key() -> bytes:
    return base64.b64encode(os.urandom(_KEY_BYTES))
