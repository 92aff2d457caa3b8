"""The stub model in a process of its own, and where the product finds it."""

import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from examples.local_service import REPOSITORY


@dataclass(frozen=True)
class Traffic:
    """What the stub has seen. `most_open` is the most requests at one time; `arrivals` are seconds since the epoch."""

    requests: int
    open: int
    most_open: int
    arrivals: tuple[float, ...]


class ModelStub:
    """Both providers' APIs, each answer `delay` seconds late. A context manager."""

    def __init__(self, delay: float = 0.0) -> None:
        self._delay = delay
        self._port = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.stub_server", "--delay", str(self._delay)]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)  # noqa: S603
        if self._process.stdout is not None:
            self._port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def base_url(self, provider: str) -> str:
        """Return what the provider's SDK is given as its base URL."""
        return f"http://127.0.0.1:{self._port}" + ("/v1" if provider == "openai" else "")

    def environment(self) -> dict[str, str]:
        """Return the variables that point the product here."""
        return {
            "ANTHROPIC_API_KEY": "sk-benchmark",
            "OPENAI_API_KEY": "sk-benchmark",
            "ANTHROPIC_BASE_URL": self.base_url("anthropic"),
            "OPENAI_BASE_URL": self.base_url("openai"),
        }

    def read_traffic(self) -> Traffic:
        """Return what has arrived so far."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self._port}/stats", timeout=30) as answer:
            found = json.load(answer)
        return Traffic(found["requests"], found["open"], found["most_open"], tuple(found["arrivals"]))
