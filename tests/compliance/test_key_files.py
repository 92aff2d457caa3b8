import subprocess
import sys
from pathlib import Path

import pytest

from compliance.key_files import KeyFileError, read_or_create_secret

ROOT = Path(__file__).resolve().parents[2]


def test_a_secret_is_made_once_and_read_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret"
    first = read_or_create_secret(path, lambda: b"one")
    second = read_or_create_secret(path, lambda: b"two")
    assert (first, second) == (b"one", b"one")


def test_only_the_owner_can_read_what_is_made_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "keys" / "secret"
    read_or_create_secret(path, lambda: b"secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_made_meanwhile_by_another_process_wins(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def make_while_another_is_faster() -> bytes:
        path.write_bytes(b"theirs")
        path.chmod(0o600)
        return b"ours"

    assert read_or_create_secret(path, make_while_another_is_faster) == b"theirs"


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    program = (
        "import secrets, sys; from pathlib import Path; from compliance.key_files import read_or_create_secret; "
        "sys.stdin.readline(); "
        "print(read_or_create_secret(Path(sys.argv[1]), lambda: secrets.token_hex().encode()).decode())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "secret")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    answers = {process.communicate()[0] for process in processes}
    assert len(answers) == 1
    assert len(answers.pop().strip()) == 64


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"secret")
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=r"chmod 600") as refusal:
        read_or_create_secret(path, lambda: b"other")
    assert str(path) in str(refusal.value)


def test_an_empty_file_is_refused_instead_of_serving_as_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    with pytest.raises(KeyFileError, match="empty"):
        read_or_create_secret(path, lambda: b"other")


def test_an_empty_secret_is_never_stored(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="empty"):
        read_or_create_secret(tmp_path / "secret", lambda: b"")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises((KeyFileError, IsADirectoryError)):
        read_or_create_secret(tmp_path, lambda: b"secret")
