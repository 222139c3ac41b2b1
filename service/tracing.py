"""OpenTelemetry traces, where they are asked for (OTEL_EXPORTER_OTLP_ENDPOINT) and can be made (the extra `otel`).

The instrumentations do the work. Here only what they must not tell is taken out: queries of addresses (connect links
and consent codes travel in them) and the texts of exceptions.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

ASKED_BY = "OTEL_EXPORTER_OTLP_ENDPOINT"
NOT_WORTH_A_TRACE = "healthz,readyz,metrics"
_ADDRESSES = ("http.target", "http.url", "url.full")

_log = logging.getLogger(__name__)


def start_tracing(env: Mapping[str, str]) -> bool:
    """Begin to trace this process, after it forked and before it makes engines and apps; whether it is traced."""
    if not env.get(ASKED_BY):
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.warning("no traces: install qbo-sync[otel], or unset %s", ASKED_BY)
        return False
    trace_into(BatchSpanProcessor(OTLPSpanExporter()))
    return True


def trace_into(processor: Any) -> None:
    """Instrument calls and statements; spans go to this processor of the SDK's."""
    from opentelemetry import trace
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
    from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider

    class WithoutQueries(SpanProcessor):
        """Cuts every address off at its question mark, before anybody sees it."""

        def on_start(self, span: Any, parent_context: Any = None) -> None:
            cut_addresses(span)

    provider = TracerProvider(span_limits=SpanLimits(max_events=0))
    provider.add_span_processor(WithoutQueries())
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    RequestsInstrumentor().instrument(tracer_provider=provider)
    # It says that it knows SQLAlchemy below 2.1; our test says that it traces the one that is locked.
    SQLAlchemyInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)


def trace_requests_of(app: Any) -> None:
    """Instrument a Flask app; what is refused before it reaches a route is traced too."""
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
        app,
        excluded_urls=NOT_WORTH_A_TRACE,
        response_hook=lambda span, *_: cut_addresses(span),  # it sets its attributes anew after the start
    )
    first = app.before_request_funcs[None]
    first.insert(0, first.pop())


def cut_addresses(span: Any) -> None:
    """Take the query out of every address that a span names, while it still can be changed."""
    for name in _ADDRESSES:
        if name in span.attributes:
            span.set_attribute(name, without_query(str(span.attributes[name])))
    if "url.query" in span.attributes:
        span.set_attribute("url.query", "")


def without_query(address: str) -> str:
    """The address up to its question mark."""
    return urlsplit(address)._replace(query="", fragment="").geturl()
