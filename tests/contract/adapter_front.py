"""One real socket for many tests: each test puts its own simulator behind it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fixtures.simulators.serving import serve_in_thread

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Front:
    """A server whose app can be exchanged."""

    app: WsgiApp | None = None
    url: str = ""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert self.app is not None
        return self.app(environ, start_response)


@contextmanager
def front() -> Iterator[Front]:
    made = Front()
    served = serve_in_thread(made)
    made.url = served.url
    yield made
    served.stop()


def closed_address() -> str:
    """Where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
