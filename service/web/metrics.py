"""Figures for Prometheus. Nothing is labelled by account: there may be thousands, and they are private."""

from __future__ import annotations

import time
from collections.abc import Iterator

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from structlog.contextvars import bind_contextvars, clear_contextvars

from service.ports import Figure
from service.web.context import figures

_log = structlog.get_logger(__name__)


class _EngineFigures(Collector):
    """The engine's own figures, asked for within the request of whoever looks."""

    def describe(self) -> list[Metric]:
        """Nothing beforehand: registering this must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        return map(_metric, figures().collect())


def measure(app: Flask) -> None:
    """Time every request, log it by its route (addresses may hold secrets), and serve the figures at `/metrics`."""
    registry = CollectorRegistry()
    registry.register(_EngineFigures())
    ProcessCollector(registry=registry)
    duration = Histogram(
        "qbo_sync_http_request_seconds", "Time to answer", ("method", "route", "status"), registry=registry
    )

    @app.before_request
    def begin() -> None:
        """A thread serves one request after the other: the ids of the one before are forgotten."""
        clear_contextvars()
        bind_contextvars(**{name: told for name, told in (request.view_args or {}).items() if name.endswith("_id")})
        g.began = time.monotonic()

    @app.after_request
    def end(response: Response) -> Response:
        took_s = time.monotonic() - g.began
        route = request.url_rule.rule if request.url_rule else "none"
        duration.labels(_method(), route, str(response.status_code)).observe(took_s)
        _log.info("request", method=_method(), route=route, status=response.status_code, took_ms=round(took_s * 1000))
        return response

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _metric(figure: Figure) -> Metric:
    family = CounterMetricFamily if figure.counter else GaugeMetricFamily
    metric = family(f"qbo_sync_{figure.name}", figure.about, labels=figure.labels)
    for labels, value in sorted(figure.values.items()):
        metric.add_metric(labels, value)
    return metric


def _method() -> str:
    """A stranger may send any word as a method; each would be a figure of its own."""
    return request.method if request.method in ("GET", "HEAD", "POST", "PATCH") else "other"
