"""gunicorn as it runs in production, against clients that stall, send rubbish and put keys in the wrong place."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from examples.local_service import LocalService
from tests.real_processes import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

PROCESSES, THREADS = 2, 2
MANY = 10 * PROCESSES * THREADS
CANARY = "cs_canary0123456789abcdef"
HEAD = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
DECLARED = HEAD + b"Content-Length: 100\r\n\r\n{"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
Connect = Callable[[], socket.socket]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """gunicorn alone, with few threads and little time for a request."""
    environment = {"WEB_PROCESSES": str(PROCESSES), "WEB_THREADS": str(THREADS), "REQUEST_SECONDS": "2"}
    service = LocalService(tmp_path_factory.mktemp("web"), environment=environment)
    try:
        service.migrate()
        service.start_web()
        service.wait_until_answering()
        yield service
    finally:
        service.stop()


@pytest.fixture
def connect(web: LocalService) -> Iterator[Connect]:
    address = urlsplit(web.url)
    with ExitStack() as open_connections:

        def make() -> socket.socket:
            connection = socket.create_connection((address.hostname, address.port), timeout=PATIENCE_SECONDS)
            return open_connections.enter_context(connection)

        yield make


def read_answer(connection: socket.socket) -> tuple[int, bytes, bytes]:
    """Read one answer: status, headers and body; status 0 when the server closes without one."""
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
    except http.client.RemoteDisconnected:
        return 0, b"", b""
    return response.status, str(response.headers).encode(), response.read()


def exchange(connect: Connect, sent: bytes, *, cut_off: bool = False) -> tuple[int, bytes, bytes]:
    connection = connect()
    connection.sendall(sent)
    if cut_off:
        connection.shutdown(socket.SHUT_WR)
    return read_answer(connection)


def read_log(web: LocalService) -> str:
    return (web.var_dir / "web.log").read_text()


@pytest.mark.parametrize("sent", [DECLARED, CHUNKED], ids=["declared", "chunked"])
def test_bodies_that_stall_give_their_threads_back(connect: Connect, sent: bytes) -> None:
    stalled = [connect() for _ in range(MANY)]
    for connection in stalled:
        connection.sendall(sent)
    assert exchange(connect, HEALTH)[0] == 200
    for connection in stalled:
        status, head, body = read_answer(connection)
        assert (status, json.loads(body)["code"]) == (408, "request_timeout")
        assert b"Connection: close" in head


def test_headers_that_stall_give_their_threads_back(connect: Connect) -> None:
    stalled = [connect() for _ in range(MANY)]
    for connection in stalled:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: local")
    assert exchange(connect, HEALTH)[0] == 200
    assert [read_answer(connection)[0] for connection in stalled] == [0] * len(stalled)


def test_a_body_that_trickles_in_is_not_waited_for_longer_than_one_that_stalls(connect: Connect) -> None:
    connection = connect()
    connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    connection.settimeout(0.1)
    received = b""
    for _ in range(int(PATIENCE_SECONDS / 0.1)):
        connection.sendall(b" ")
        try:
            received = connection.recv(65_536)
            break
        except TimeoutError:
            continue
    assert received.startswith(b"HTTP/1.1 408 ")


def test_connections_that_are_never_closed_do_not_keep_others_out(connect: Connect) -> None:
    held = [connect() for _ in range(MANY)]
    for connection in held:
        connection.sendall(HEALTH)
    assert exchange(connect, HEALTH)[0] == 200


@pytest.mark.parametrize(
    ("sent", "cut_off"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n", False),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX\r\n0\r\n\r\n", False),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 9000, False),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", True),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", True),
        (b"Content-Length: 10\r\n\r\n{", True),
    ],
    ids=["no size", "no end of chunk", "endless size", "cut off in a chunk", "cut off after one", "shorter than said"],
)
def test_a_malformed_or_cut_off_body_is_the_clients_error(connect: Connect, sent: bytes, cut_off: bool) -> None:
    status, head, body = exchange(connect, HEAD + sent, cut_off=cut_off)
    assert (status, json.loads(body)["code"]) == (400, "malformed_request")
    assert b"Connection: close" in head


def test_malformed_chunks_after_the_limit_leave_the_refusal_as_it_is(connect: Connect) -> None:
    over = b"%x\r\n%s\r\nZZ\r\n" % (1_100_000, b" " * 1_100_000)
    status, _, body = exchange(connect, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + over)
    assert (status, json.loads(body)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (f"GET /health HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer {CANARY}\r\n\r\n", 400),
        (f"GET /health HTTP/1.1\r\nHost: localhost\r\nAuth({CANARY}): x\r\n\r\n", 400),
        (f"GET /health?api_key={CANARY}\r\n\r\n", 400),
        (f"GET /health?api_key={CANARY} HTTP/{CANARY}\r\n\r\n", 400),
        (f"{CANARY} /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (f"GET /health?api_key={CANARY}{'x' * 9000} HTTP/1.1\r\n\r\n", 414),
        (f"GET /health HTTP/1.1\r\nHost: localhost\r\nX: {CANARY}{'x' * 9000}\r\n\r\n", 431),
        (f"GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: {CANARY}\r\n\r\n", 417),
        (f"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {CANARY}\r\n\r\n", 501),
    ],
)
def test_what_cannot_be_read_is_neither_echoed_nor_logged(
    web: LocalService, connect: Connect, sent: str, status: int
) -> None:
    answered, head, body = exchange(connect, sent.encode())
    assert answered == status
    assert set(json.loads(body)) == {"detail", "code"}
    secret = CANARY.removeprefix("cs_").encode()
    assert secret not in head + body
    assert secret.lower() not in read_log(web).lower().encode()


def test_every_line_of_the_log_is_json_gunicorns_own_too(web: LocalService, connect: Connect) -> None:
    exchange(connect, b"GET /health\r\n\r\n")
    lines = [json.loads(line) for line in read_log(web).splitlines()]
    assert any("could not be read" in line["event"] for line in lines)
    assert any(line["logger"] == "gunicorn.error" and "Listening" in line["event"] for line in lines)


def test_a_connection_serves_several_requests_with_bodies(connect: Connect) -> None:
    connection = connect()
    for _ in range(3):
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        status, head, body = read_answer(connection)
        assert (status, json.loads(body)["code"]) == (400, "validation_failed")
        assert b"Connection: keep-alive" in head
