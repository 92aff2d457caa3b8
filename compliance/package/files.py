"""Reading a package and public keys from files, and the verifier as a program of its own.

`python -m compliance.package PATH --key PUB` needs Python and `cryptography`, nothing else of the product.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from compliance.envelope import EnvelopeError, load_strict_json
from compliance.package.report import VerificationReport
from compliance.package.text_output import format_report
from compliance.package.verification import verify_package


class UnreadableFile(Exception):
    """A file that cannot be read; the message says which and why."""


def verify_files(package_path: Path, key_paths: Sequence[Path]) -> VerificationReport:
    """Verify the package in a file with the public keys in others. Raises UnreadableFile."""
    keys = [_read(path) for path in key_paths]
    document = _read(package_path)
    try:
        package = load_strict_json(document)
    except EnvelopeError as error:
        raise UnreadableFile(f"{package_path}: {error}") from error
    return verify_package(package, keys)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="the audit package, a JSON file")
    parser.add_argument(
        "--key",
        type=Path,
        action="append",
        required=True,
        metavar="PUB",
        help="a public key that you trust, a PEM file; again for each further one, where the key was replaced",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was checked. Returns 0 only when everything holds, 1 when it does not, 2 for unreadable files."""
    parser = ArgumentParser(prog="python -m compliance.package", description="Verify an audit package.")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        report = verify_files(options.path, options.key)
    except UnreadableFile as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in format_report(report)))
    return 0 if report.ok else 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read: {error.strerror}") from error
