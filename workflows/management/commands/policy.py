"""`manage.py policy validate|diff|draft|publish|retire|list|export|schema|replay`: a policy's life on the command line.

A policy is named by a file (`-`: standard input), by NAME, NAME@VERSION or a digest. What changes something takes the
API key of the person who does it in COUNTERSIGN_API_KEY, and obeys the rules that API and admin obey.
"""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from compliance.management.acting_person import read_acting_person
from compliance.policies_in_force import UnknownPolicy
from compliance.policy import PolicyDocument, PolicyError
from compliance.policy_references import find_stored_policy, read_policy_file, resolve_policy
from compliance.policy_schema import build_policy_schema
from compliance.policy_text import compare_policies, render_policy_yaml
from compliance.policy_versions import (
    PolicyConflict,
    PolicyNotAllowed,
    draft_policy,
    list_policy_versions,
    publish_policy,
    retire_policy,
)
from workflows.policy_replay import replay_policy
from workflows.replay_report import describe_replay, format_replay

_REFERENCE = "a file (a dot or slash in its name; -: standard input), NAME, NAME@VERSION or a digest"


class Command(BaseCommand):
    help = "Check, compare, draft, publish, retire, list, export and replay policies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        def add(name: str, run: Callable[[dict[str, Any]], None], words: str) -> ArgumentParser:
            action = actions.add_parser(name, help=words, description=words)
            action.set_defaults(run=run)
            return action

        add("validate", self.validate, "Check a document; every problem is told with its line.").add_argument("file")
        diff = add("diff", self.diff, "Tell two policies apart; exit status 1 where they differ.")
        diff.add_argument("before", help=_REFERENCE)
        diff.add_argument("after", help=_REFERENCE)
        add("draft", self.draft, "Store a document as a draft (policy_author).").add_argument("file")
        publish = add("publish", self.publish, "Put a draft in force (approver, not its author).")
        publish.add_argument("policy", help="the draft's digest, or a file with the same document")
        retire = add("retire", self.retire, "Retire a version (approver), or withdraw a draft (its author too).")
        retire.add_argument("policy", help=_REFERENCE)
        retire.add_argument("--reason", required=True)
        listing = add("list", self.list_versions, "List every version that is published.")
        listing.add_argument("--drafts", action="store_true", help="drafts too; takes a key")
        export = add("export", self.export, "Print a policy.")
        export.add_argument("policy", help=_REFERENCE)
        export.add_argument("--format", choices=["yaml", "json"], default="yaml", help="json: the canonical bytes")
        export.add_argument("--output", type=Path, metavar="PATH", help="write to a file instead")
        add("schema", self.schema, "Print the JSON Schema of a policy document.")
        replay = add("replay", self.replay, "Tell what a policy would have done to past executions; changes nothing.")
        replay.add_argument("policy", help=_REFERENCE)
        replay.add_argument("--since", required=True, type=_read_time, metavar="DATE", help="YYYY-MM-DD, or ISO 8601")
        replay.add_argument("--in-place-of", metavar="NAME", help="the policy whose place it takes (default: its name)")
        replay.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        with _told_plainly(status=2 if options["action"] == "diff" else 1):
            options["run"](options)

    def validate(self, options: dict[str, Any]) -> None:
        policy = read_policy_file(options["file"])
        self.stdout.write(f"valid: {_describe(policy)}")

    def diff(self, options: dict[str, Any]) -> None:
        changes = compare_policies(resolve_policy(options["before"]), resolve_policy(options["after"]))
        for change in changes:
            self.stdout.write(str(change))
        if changes:
            raise SystemExit(1)

    def draft(self, options: dict[str, Any]) -> None:
        policy = draft_policy(author=read_acting_person(), document=read_policy_file(options["file"]))
        self.stdout.write(f"drafted: {policy} {policy.digest}")

    def publish(self, options: dict[str, Any]) -> None:
        policy = find_stored_policy(options["policy"])
        publish_policy(approver=read_acting_person(), policy=policy)
        self.stdout.write(f"published: {policy} {policy.digest}")

    def retire(self, options: dict[str, Any]) -> None:
        policy = find_stored_policy(options["policy"])
        retire_policy(person=read_acting_person(), policy=policy, reason=options["reason"])
        self.stdout.write(f"{_reload_status(policy.digest)}: {policy} {policy.digest}")

    def list_versions(self, options: dict[str, Any]) -> None:
        rows = list_policy_versions(read_acting_person() if options["drafts"] else AnonymousUser())
        for policy in rows:
            status = "in force" if policy.in_force else policy.status
            self.stdout.write(f"{policy.name:<24} v{policy.version:<4} {status:<10} {policy.digest}")

    def export(self, options: dict[str, Any]) -> None:
        policy = resolve_policy(options["policy"])
        text = render_policy_yaml(policy) if options["format"] == "yaml" else policy.canonical_bytes().decode()
        if options["output"] is None:
            self.stdout.write(text, ending="")
            return
        options["output"].write_text(text, encoding="utf-8")
        self.stdout.write(f"{options['output']}: {_describe(policy)}")

    def schema(self, _options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(build_policy_schema(), indent=2))

    def replay(self, options: dict[str, Any]) -> None:
        policy = resolve_policy(options["policy"])
        replay = replay_policy(policy, since=options["since"], in_place_of=options["in_place_of"])
        if options["json"]:
            self.stdout.write(json.dumps(describe_replay(replay), indent=2))
            return
        for line in format_replay(replay):
            self.stdout.write(line)


@contextmanager
def _told_plainly(status: int) -> Iterator[None]:
    """Turn what is refused into the command's own errors, one line for each problem, with that exit status."""
    try:
        yield
    except PolicyError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"not a policy:\n{problems}", returncode=status) from error
    except (UnknownPolicy, PolicyConflict, PolicyNotAllowed, ValueError) as error:
        raise CommandError(str(error), returncode=status) from error
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}", returncode=status) from error
    except DatabaseError as error:
        raise CommandError(
            f"the database does not serve this; see that it is there, and migrated: {error}", returncode=status
        ) from error


def _describe(policy: PolicyDocument) -> str:
    return f"{policy.name} v{policy.version} {policy.digest}"


def _reload_status(digest: str) -> str:
    return str(find_stored_policy(digest).status)


def _read_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is no date; write 2026-01-31, or ISO 8601 with a time") from error
