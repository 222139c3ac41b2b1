"""What those who run the service look at."""

from __future__ import annotations

from browsing import ACCOUNT, Caller
from fake_engine import FakeDesk


def test_the_process_answers_even_when_nothing_else_does(caller: Caller, desk: FakeDesk) -> None:
    desk.ready = False

    assert caller.get("/healthz").status_code == 200


def test_readiness_names_what_is_wrong(caller: Caller, desk: FakeDesk) -> None:
    assert caller.get("/readyz").status_code == 200

    desk.ready = False

    response = caller.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["database"] == "cannot be reached"


def test_metrics_show_the_engines_figures_and_the_routes_but_no_account(caller: Caller) -> None:
    caller.as_("support").get(ACCOUNT)
    caller.call("BREW", "/healthz")

    text = caller.get("/metrics").text

    assert 'qbo_sync_problems{code="closed_books"} 2.0' in text
    assert "qbo_sync_waiting_connections 3.0" in text
    assert 'route="/api/v1/connections/<account_id>"' in text
    assert 'method="other"' in text
    assert "acct-1" not in text
