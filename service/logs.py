"""One way for every log line, ours and the libraries': structured, in UTC, and without secrets or bodies."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.typing import Processor

_PRIVATE = (
    "access_token",
    "api_key",
    "authorization",
    "body",
    "client_secret",
    "cookie",
    "key",
    "password",
    "refresh_token",
    "secret",
    "signature",
    "token",
)
_CHATTY = ("apscheduler", "urllib3", "intuitlib", "requests_oauthlib")


def configure_logging(log_format: str, log_level: str, stream: TextIO = sys.stderr) -> None:
    """Send everything through one pipeline; `log_format` is `json` or `console`. Calling it again replaces it."""
    shared = _shared_processors()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(log_format, shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(log_level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


@contextmanager
def log_context(**ids: str | int | None) -> Iterator[None]:
    """Every line inside names these, such as `connection_id` and `run_id`.

    Cleared at the end: a thread of a pool keeps its context, and the next run would carry this one's ids.
    """
    clear_contextvars()
    bind_contextvars(**ids)
    try:
        yield
    finally:
        clear_contextvars()


def drop_private(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out whatever is named like a secret or a body, whoever logged it."""
    for name in [name for name in event if _is_private(name)]:
        event[name] = "[dropped]"
    return event


def _is_private(name: str) -> bool:
    return any(name.lower() == word or name.lower().endswith(f"_{word}") for word in _PRIVATE)


def _shared_processors() -> list[Processor]:
    """What happens to our lines and to those of the libraries alike."""
    return [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_private,
    ]


def _formatter(log_format: str, shared: list[Processor]) -> logging.Formatter:
    # The console's default traceback shows every local variable, tokens among them.
    last: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
