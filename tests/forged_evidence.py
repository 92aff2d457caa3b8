"""Packages as a dishonest holder of the signing key would make them."""

import base64
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.evidence_builder import digest_of, sign


def read_statement(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statement in a package's certificate."""
    statement: dict[str, Any] = json.loads(base64.b64decode(certificate["payload"]))
    return statement


def sign_again(
    package: Mapping[str, Any], key: Ed25519PrivateKey, changes: Mapping[int, Callable[[dict[str, Any]], object]]
) -> dict[str, Any]:
    """Return the package as a dishonest holder of the key would make it.

    Each change is applied to the predicate of that certificate; all certificates are linked and signed anew, and
    every mention of a digest that changed, in certificates and records alike, follows.
    """
    document = json.loads(json.dumps(package))
    renamed: dict[str, str] = {}
    for index, certificate in enumerate(document["certificates"]):
        payload = base64.b64decode(certificate["payload"]).decode()
        old = digest_of(payload)
        for before, after in renamed.items():
            payload = payload.replace(before, after)
        statement = json.loads(payload)
        changes.get(index, lambda predicate: None)(statement["predicate"])
        encoded = rfc8785.dumps(statement)
        renamed[old] = sha256(encoded).hexdigest()
        document["certificates"][index] = {"id": certificate["id"], **json.loads(sign(key, encoded))}
    rest = json.dumps({name: value for name, value in document.items() if name != "certificates"})
    for before, after in renamed.items():
        rest = rest.replace(before, after)
    return {**json.loads(rest), "certificates": document["certificates"]}
