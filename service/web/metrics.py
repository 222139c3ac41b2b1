"""Figures for Prometheus. Nothing is labelled by account: there may be thousands, and they are private."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.web.context import desk

_log = structlog.get_logger(__name__)


class _EngineGauges(Collector):
    """The engine's own figures, asked for within the request of whoever looks."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing beforehand: registering this must not ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, figure in desk().metrics().items():
            yield _gauge(name, figure)


def measure(app: Flask) -> None:
    """Time every request, log it by its route (addresses may hold secrets), and serve the figures at `/metrics`."""
    registry = CollectorRegistry()
    registry.register(_EngineGauges())
    ProcessCollector(registry=registry)
    duration = Histogram(
        "qbo_sync_http_request_seconds", "Time to answer", ("method", "route", "status"), registry=registry
    )

    @app.before_request
    def begin() -> None:
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


def _gauge(name: str, figure: object) -> GaugeMetricFamily:
    """`waiting` is one number; `problems_by_code` is a number for each code."""
    what, _, label = name.partition("_by_")
    if not isinstance(figure, Mapping):
        return GaugeMetricFamily(f"qbo_sync_{what}", _in_words(what), value=float(str(figure)))
    gauge = GaugeMetricFamily(f"qbo_sync_{what}", _in_words(what), labels=[label or "kind"])
    for value, count in figure.items():
        gauge.add_metric([str(value)], float(count))
    return gauge


def _in_words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _method() -> str:
    """A stranger may send any word as a method; each would be a figure of its own."""
    return request.method if request.method in ("GET", "HEAD", "POST", "PATCH") else "other"
