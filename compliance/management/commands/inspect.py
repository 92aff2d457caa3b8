"""`manage.py inspect FILE|- --policy NAME`: what a policy's detectors find in a document. Stores nothing.

Offsets count the characters of the text, as Python does: of the file as it is decoded (UTF-8, or UTF-16 where it
begins with a byte order mark of that; line ends stay as they are), or of the JSON string. A file may be anything, a
binary one too: each byte that is no text counts as one replacement character, and `undecodable` says how many. Exit
status 0 whatever is found, 1 for what cannot be read or is no policy.
"""

import codecs
import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from compliance.content import derive_finding_key
from compliance.inspection import Finding, inspect, matches
from compliance.inspection.person_model_state import describe_person_model
from compliance.policies_in_force import UnknownPolicy
from compliance.policy import PolicyDocument, PolicyError
from compliance.policy_references import resolve_policy

_REPLACEMENT = "\ufffd"


class Command(BaseCommand):
    help = "Print as JSON what a policy's detectors find in a document: types and places, never the values."
    # The built-in policies can be tried where there is no database yet.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the document (-: standard input)")
        parser.add_argument(
            "--policy",
            default="default",
            help="NAME, NAME@VERSION, a digest, or a file with a draft (default: %(default)s)",
        )
        parser.add_argument(
            "--jsonl",
            action="store_true",
            help='one {"text": ...} a line in, one {"findings": [...], "ner": ...} a line out, in the same order',
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["file"] == "-" == options["policy"]:
            raise CommandError("document and policy cannot both come from standard input")
        policy = _read_policy(options["policy"])
        hash_key = _read_hash_key()
        with _open(options["file"]) as stream, _until_nobody_reads():
            if options["jsonl"]:
                self._inspect_lines(stream, policy, hash_key)
            else:
                self._inspect_document(stream, policy, hash_key)

    def _inspect_document(self, stream: BinaryIO, policy: PolicyDocument, hash_key: bytes) -> None:
        text, undecodable = _decode(stream.read())
        result = {
            "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
            "characters": len(text),
            "undecodable": undecodable,
            **_inspect(text, policy, hash_key),
        }
        self.stdout.write(json.dumps(result, indent=2))

    def _inspect_lines(self, stream: BinaryIO, policy: PolicyDocument, hash_key: bytes) -> None:
        for number, line in enumerate(stream, start=1):
            result = _inspect(_read_text(line, number), policy, hash_key)
            self.stdout.write(json.dumps(result))
            # Whoever feeds one line at a time waits for its answer.
            self.stdout.flush()


def _inspect(text: str, policy: PolicyDocument, hash_key: bytes) -> dict[str, Any]:
    findings = inspect(text, policy, hash_key=hash_key)
    return {
        "ner": describe_person_model(policy),
        "findings": [_describe(finding, policy) for finding in findings],
    }


def _describe(finding: Finding, policy: PolicyDocument) -> dict[str, Any]:
    """Say what was found, and the actions of the policy's rules that name it."""
    return {
        "type": finding.type,
        "category": finding.category,
        "start": finding.start,
        "end": finding.end,
        "confidence": finding.confidence,
        "detector": finding.detector,
        "value_hash": finding.value_hash,
        "actions": list(dict.fromkeys(rule.action for rule in policy.content if matches(finding, rule.types))),
    }


def _read_policy(reference: str) -> PolicyDocument:
    try:
        return resolve_policy(reference)
    except PolicyError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"{reference} is no policy:\n{problems}") from error
    except UnknownPolicy as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"the policy {reference} cannot be read: {error.strerror or error}") from error


def _read_hash_key() -> bytes:
    """Under the master key, equal values have equal hashes in every run, and the hashes say nothing without it."""
    try:
        return derive_finding_key(None)
    except (ImproperlyConfigured, OSError) as error:
        raise CommandError(f"there is no key for the hashes of values: {error}") from error


@contextmanager
def _until_nobody_reads() -> Iterator[None]:
    """End quietly when whoever reads the output, such as `head`, has gone."""
    try:
        yield
    except BrokenPipeError:
        # Python flushes at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _open(path: str) -> Iterator[BinaryIO]:
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
    with stream:
        yield stream


def _decode(content: bytes) -> tuple[str, int]:
    """Return the text, and how many characters of it stand for bytes that are no text."""
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if is_utf_16 else "utf-8", "replace")
    written = 0 if is_utf_16 else content.count(_REPLACEMENT.encode())
    return text, text.count(_REPLACEMENT) - written


def _read_text(line: bytes, number: int) -> str:
    try:
        document = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        raise CommandError(f"line {number} is not UTF-8 (byte {error.start + 1} of it)") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"line {number} is not JSON: {getattr(error, 'msg', 'it cannot be read')}") from error
    if not isinstance(document, dict) or not isinstance(document.get("text"), str):
        raise CommandError(f'line {number} is no object with a "text" that is a string')
    text: str = document["text"]
    return text
