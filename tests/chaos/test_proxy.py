"""The proxies in front of the database: they pass on, they cut, and they keep silent."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.chaos.proxy import Proxies


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends back what it gets."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(100):
                connection.sendall(data)
        except OSError:
            return


def _ask(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(100)


def test_it_passes_on_and_cuts_what_it_was_told_to(echo_port: int) -> None:
    with Proxies(["one", "other"], echo_port) as proxies:
        one = socket.create_connection(("127.0.0.1", proxies.ports["one"]), timeout=10)
        other = socket.create_connection(("127.0.0.1", proxies.ports["other"]), timeout=10)
        assert (_ask(one, b"a"), _ask(other, b"b")) == (b"a", b"b")

        assert proxies.cut("one", 1.0, random.Random(1)) == 1
        with suppress(ConnectionResetError):
            assert one.recv(100) == b""
        assert _ask(other, b"c") == b"c"


def test_a_partition_keeps_everything_back_until_it_ends(echo_port: int) -> None:
    with Proxies(["one"], echo_port) as proxies:
        one = socket.create_connection(("127.0.0.1", proxies.ports["one"]), timeout=10)
        assert _ask(one, b"a") == b"a"
        proxies.partition("one", passing=False)
        one.sendall(b"b")
        one.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one.recv(100)
        proxies.partition("one", passing=True)
        one.settimeout(10)

        assert one.recv(100) == b"b"


def test_a_database_that_is_away_closes_the_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with Proxies(["one"], unused.getsockname()[1]) as proxies:
            one = socket.create_connection(("127.0.0.1", proxies.ports["one"]), timeout=10)
            with suppress(ConnectionResetError):
                assert one.recv(100) == b""
