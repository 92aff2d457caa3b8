"""Secrets that live in files: made once, readable by their owner alone. Standard library only."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path


class KeyFileError(Exception):
    """A key file that must not be used; the message says which, why, and what to do."""


def read_or_create_secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of the secret at `path`; made by `make()` and stored with mode 0600 when there is none.

    Two processes that start at once agree: the file is written aside and linked into place, so that only one
    of them creates it and nobody ever reads half of it. Raises KeyFileError for an empty file, one that is no
    regular file, and one that its group or anybody else may read or write.
    """
    path = Path(path)
    if not path.exists():
        _create(path, make())
    return _read(path)


def _create(path: Path, content: bytes) -> None:
    if not content:
        raise KeyFileError(f"{path}: refusing to store an empty secret.")
    _make_directory(path.parent)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # link() refuses an existing name, which rename() would replace: the first process to get here wins.
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
    _sync_directory(path.parent)


def _make_directory(directory: Path) -> None:
    # Not mkdir(parents=True): its mode holds for the last directory alone, and others could replace that one.
    if not directory.exists():
        _make_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(f"{path}: not a regular file; a key file must be one.")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise KeyFileError(
                f"{path}: mode {mode:04o} lets others at the secret; run `chmod 600 {path}`, and replace the secret "
                "if anybody else could have read it."
            )
        content = file.read()
    if not content:
        raise KeyFileError(f"{path}: empty; restore it from a backup, or remove it to have a new secret made.")
    return content
