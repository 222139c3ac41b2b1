"""gunicorn, started from our own command: one process with threads, so that the dispatcher runs beside the web."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from service.cli.runs import STOP_WITHIN_S, begin_work
from service.console import open_console
from service.console.context import Office
from service.tracing import start_tracing, trace_requests_of
from service.web import create_app

THREADS = 16


class PipelineLogger(Logger):  # type: ignore[misc]
    """gunicorn's own lines, through our pipeline."""

    def setup(self, cfg: Any) -> None:
        """It would add a handler of its own; the root's is enough."""
        self.error_log.propagate = True
        self.error_log.setLevel(self.LOG_LEVELS["info"])


def closing_when_told(app: Callable[..., Any]) -> Callable[..., Any]:
    """gunicorn drops an application's own `Connection: close` and keeps the connection: tell it by its own means."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if ("Connection", "close") in headers:
                start_response.__self__.force_close()
            return start_response(status, headers, exc_info)

        return app(environ, start)

    return answer


class WebServer(BaseApplication):  # type: ignore[misc]
    """One service over HTTP. It is built in the process that serves: threads do not survive a fork."""

    def __init__(self, build: Callable[[], Office], host: str, port: int) -> None:
        self._build = build
        self._service: Office | None = None
        self._options = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": int(STOP_WITHIN_S),
            "timeout": 60,
            "logger_class": PipelineLogger,
            "control_socket_disable": True,
            "post_worker_init": lambda worker: worker.app.begin(),
            "worker_exit": lambda _, worker: worker.app.end(),
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called by gunicorn once, in the worker."""
        traced = start_tracing(os.environ)
        service = self._service = self._build()
        app = create_app(
            desk=service.desk,
            intake=service.intake,
            figures=service.figures,
            public_url=service.settings.public_url,
        )
        open_console(app, service)
        if traced:
            trace_requests_of(app)
        return closing_when_told(app)

    def begin(self) -> None:
        """The worker is up; work too, unless others are there to do it."""
        if self._service is not None and self._service.settings.workers == "embedded":
            begin_work(self._service)

    def end(self) -> None:
        """The worker leaves; so does its work."""
        if self._service is not None:
            self._service.dispatcher.stop(STOP_WITHIN_S)
