"""Traces, where somebody asks for them: what happened and how long it took, and nothing that is private."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.tracing import start_tracing, trace_into, trace_requests_of, without_query
from service.web import create_app
from tests.stories.world import World


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    """Where spans go. Begun once: OpenTelemetry takes one provider a process."""
    exporter = InMemorySpanExporter()
    trace_into(SimpleSpanProcessor(exporter))
    yield exporter
    RequestsInstrumentor().uninstrument()
    SQLAlchemyInstrumentor().uninstrument()


@pytest.fixture
def told(spans: InMemorySpanExporter) -> str:
    """Every span of a story in which a customer connects and an invoice goes out, as JSON."""
    spans.clear()
    world = World(connect=False)
    app = create_app(
        desk=world.desk, intake=world.service.intake, figures=world.service.figures, public_url="http://sync.test"
    )
    trace_requests_of(app)
    world.connect()
    company, _ = world.linked_company(name="Sunset Dispensary")
    world.user.create_invoice(company_id=company, amount="123.45")
    world.settle()
    client = app.test_client()
    client.get("/oauth/quickbooks/connect?token=once-canary")
    client.get("/oauth/quickbooks/callback?code=code-canary&state=state-canary&realmId=1")
    client.get("/metrics")
    client.get("/api/v1/connections", headers={"Authorization": "Bearer token-canary"})
    world.close()
    return "\n".join(span.to_json() for span in spans.get_finished_spans())


def test_requests_calls_and_statements_are_traced(told: str) -> None:
    assert "/oauth/quickbooks/connect" in told
    assert "http://qbo.test/v3/company/" in told
    assert "INSERT INTO journal" in told
    assert '"GET /metrics"' not in told


def test_no_span_holds_a_secret_or_what_a_document_says(told: str) -> None:
    private = ("canary", "sim-secret", "erp-key", "Sunset", "123.45", "Bearer")

    assert [each for each in private if each in told] == []


def test_without_being_asked_nothing_is_traced(caplog: pytest.LogCaptureFixture) -> None:
    assert not start_tracing({})
    assert caplog.records == []


def test_asked_for_without_the_extra_the_service_starts_all_the_same_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    caplog.set_level(logging.WARNING)

    assert not start_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    assert "qbo-sync[otel]" in caplog.text


@pytest.mark.parametrize(
    ("address", "cut"),
    [("/connect?token=1#x", "/connect"), ("https://erp.test/a?b=c", "https://erp.test/a"), ("/", "/")],
)
def test_an_address_is_cut_off_at_its_question_mark(address: str, cut: str) -> None:
    assert without_query(address) == cut
