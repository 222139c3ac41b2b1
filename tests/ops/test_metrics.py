"""What Prometheus reads of a running world, and the dashboard and the alerts that are made of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from service.ports import WORKER
from service.web import create_app
from tests.stories.world import World

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
SUFFIXES = re.compile(r"_(?:bucket|count|sum|created)$")


def client_of(world: World) -> FlaskClient:
    """One more process on the same database."""
    service = world.service
    return create_app(
        desk=service.desk, intake=service.intake, figures=service.figures, public_url="http://sync.test"
    ).test_client()


def scraped(world: World) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """The figures by sample name and labels."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(client_of(world).get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def one(figures: dict[str, Any], name: str, **labels: str) -> float:
    return figures[f"qbo_sync_{name}"][tuple(sorted(labels.items()))]


def test_a_running_world_tells_its_figures(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    stranger = world.user.create_company(name="Nobody's Customer")["id"]
    world.user.create_invoice(company_id=stranger, amount="5.00")
    world.settle()

    figures = scraped(world)

    assert one(figures, "connections", state="connected") == 1
    assert one(figures, "problems", code="customer_not_linked") == 1
    assert one(figures, "runs", kind="enable_two_way", state="succeeded") == 1
    assert one(figures, "notices", source="erp", state="done") > 0
    calls = figures["qbo_sync_quickbooks_calls_total"]
    assert calls[("class", "free"), ("outcome", "answered")] == world.company.calls.free
    assert one(figures, "quickbooks_metered_calls_this_month") == world.company.calls.metered
    assert one(figures, "quickbooks_monthly_quota") == 500_000
    assert 0 < one(figures, "grant_seconds_left") <= 101 * 24 * 3600
    assert one(figures, "tie_out_difference_cents") == 500
    assert one(figures, "tie_out_differing_companies") == 1


def test_a_change_that_waits_is_seen_to_wait(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.deliver()
    world.clock.sleep(90)

    figures = scraped(world)

    assert one(figures, "waiting_connections") == 1
    assert one(figures, "oldest_waiting_change_seconds") >= 90
    assert one(figures, "lag_seconds", side="erp") >= 90
    assert one(figures, "last_notice_age_seconds", source="erp") >= 90


def test_the_last_sign_of_life_of_a_worker_is_seen_by_every_process(world: World) -> None:
    assert scraped(world).get("qbo_sync_worker_heartbeat_age_seconds", {}) == {}

    with world.service.store.writing() as tx:
        tx.heartbeats.beat(WORKER, world.clock())
    world.clock.sleep(42)

    assert one(scraped(world), "worker_heartbeat_age_seconds") == 42


def test_calls_stay_counted_when_the_look_that_made_them_is_forgotten(world: World) -> None:
    before = one(scraped(world), "quickbooks_metered_calls_this_month")

    for _ in range(3):
        world.wait(minutes=6)

    assert len(world.desk.runs("acc-1", cursor=None, limit=50)["data"]) <= 4
    assert one(scraped(world), "quickbooks_metered_calls_this_month") >= before + 3


def test_a_call_without_an_answer_is_counted_as_lost(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.qbo.faults.add(match={}, kind="timeout_before", times=1)
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()

    calls = scraped(world)["qbo_sync_quickbooks_calls_total"]

    assert sum(count for labels, count in calls.items() if ("outcome", "lost") in labels) == 1


def test_no_figure_names_an_account_a_company_or_a_document(world: World) -> None:
    company, _ = world.linked_company(name="Sunset Dispensary")
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()

    text = client_of(world).get("/metrics").text

    assert not [each for each in ("acc-1", world.company.realm_id, company, invoice["id"], "Sunset") if each in text]


# ------------------------------------------------------------------------------------ dashboard and alerts


def names_in(expression: str) -> set[str]:
    return {SUFFIXES.sub("", name) for name in re.findall(r"\b(?:qbo_sync|process)_\w+", expression)}


def dashboard() -> dict[str, Any]:
    return dict(json.loads((OPERATIONS / "grafana-dashboard.json").read_text()))


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OPERATIONS / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def offered() -> set[str]:
    """The name of every figure that the application has."""
    world = World()
    client = client_of(world)
    client.get("/healthz")
    text = client.get("/metrics").text
    world.close()
    return {SUFFIXES.sub("", name) for name in re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)}


def test_every_figure_on_the_dashboard_is_one_that_the_application_has(offered: set[str]) -> None:
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    named = {name for panel in panels for target in panel["targets"] for name in names_in(target["expr"])}

    assert named - offered == set()
    assert all(panel["description"] for panel in panels)
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


def test_every_alert_asks_for_a_figure_that_the_application_has(offered: set[str]) -> None:
    named = {name for rule in alerts() for name in names_in(rule["expr"])}

    assert named
    assert named - offered == set()


def test_every_alert_leads_to_its_playbook() -> None:
    """`docs/operations.md` has a heading for each: an alert at three in the morning says what to do."""
    text = (OPERATIONS.parent / "operations.md").read_text()
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", text, re.MULTILINE)}

    for rule in alerts():
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page.endswith("docs/operations.md")
        assert anchor in headings, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
