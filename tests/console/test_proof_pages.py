"""Proof at the console: tie-outs over time, runs as they go, the audit and its chain, and the pack."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from signed_in import Browser, text_of

from service.console import charts
from service.console.proof_pack import as_zip
from tests.stories.world import World

ONE = "/console/connections/acc-1"


@pytest.fixture
def busy(world: World) -> World:
    """Two companies; one invoice each, a day apart; the second is deleted in QuickBooks by hand a day later."""
    sunset, _ = world.linked_company("Sunset <b>Dispensary")
    river, _ = world.linked_company("River Road")
    world.user.create_invoice(sunset, "1100.00")
    world.wait(days=1)
    world.user.create_invoice(river, "40.00")
    world.wait(days=1)
    late = max(world.all("Invoice"), key=lambda invoice: int(invoice["Id"]))
    world.person.delete_invoice(late["Id"])
    world.wait(days=1)
    return world


def held_run(world: World) -> str:
    company, _ = world.linked_company()
    world.settle()
    world.desk.patch("acc-1", settings={"max_documents_per_run": 1}, actor="user:ann")
    for amount in ("100.00", "50.00"):
        world.user.create_invoice(company, amount)
    world.settle()
    [held] = [run for run in world.desk.runs("acc-1", cursor=None, limit=50)["data"] if run["state"] == "held"]
    return str(held["id"])


# ---------------------------------------------------------------------------------------------- tie-out


def test_before_the_first_sync_the_page_says_what_to_expect(signed_in, world: World):
    world.desk.create_connection("acc-2", "New Leaf", "key", actor="user:ann")

    page = signed_in("viewer").get("/console/connections/acc-2/tie-out")

    assert page.status_code == 200
    assert "Nothing has been compared yet" in text_of(page)


def test_each_company_stands_with_the_documents_that_explain_its_difference(busy: World, support: Browser):
    page = support.get(f"{ONE}/tie-out")
    words = text_of(page)

    assert "1,140.00" in words
    assert "1 of 2 companies differ, by 40.00 in all" in words
    assert "deleted in QuickBooks by hand" in words
    assert "Sunset <b>" not in page.get_data(as_text=True)


def test_another_day_is_answered_from_what_was_kept(busy: World, support: Browser):
    page = text_of(support.get(f"{ONE}/tie-out?day=2026-03-04"))
    first = text_of(support.get(f"{ONE}/tie-out?day=2026-03-02"))

    assert "the books agree to the cent" in page
    assert "1,140.00" in page
    assert "1,140.00" not in first
    assert "a past one" in first


def test_companies_are_filtered_and_downloaded(busy: World, support: Browser):
    part = text_of(support.part(f"{ONE}/tie-out?state=differs", "table-tie-out"))
    file = support.get(f"{ONE}/tie-out?state=differs&format=csv").get_data(as_text=True)

    assert "River Road" in part
    assert "Sunset" not in part
    [row] = csv.DictReader(io.StringIO(file))
    assert (row["erp_ar"], row["quickbooks_ar"], row["difference"]) == ("40.00", "0.00", "40.00")
    assert "INV-1002 40.00: This document" in row["explained_by"]


@pytest.mark.parametrize(
    "query", ["day=soon", "at=0001-01-01T00:00:00%2B14:00", "at=never", "day=9999-12-31", "colour=red"]
)
def test_a_moment_that_is_none_is_refused(busy: World, support: Browser, query: str):
    assert support.get(f"{ONE}/tie-out?{query}").status_code == 400


def test_a_day_that_is_not_over_shows_the_latest_and_one_before_the_first_sync_says_so(busy: World, support: Browser):
    assert support.get(f"{ONE}/tie-out?day=2030-12-31").status_code == 200
    assert "No tie-out was kept" in text_of(support.get(f"{ONE}/tie-out?day=2020-12-31"))


def test_a_chart_needs_two_moments_and_draws_every_step():
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    line = [(noon + timedelta(days=n), amount) for n, amount in enumerate((0, 12_345, 12_345, -5_000))]

    assert charts.steps([("A/R", 100, [line[:1]])], ZoneInfo("UTC")) is None
    chart = charts.steps([("A/R", 100, [line])], ZoneInfo("America/Denver"))

    assert chart is not None
    [panel] = chart.panels
    assert [label for _, label in panel.ticks] == ["-50", "0", "50", "100", "150"]
    assert panel.paths[0].count("H") == 3
    assert panel.paths[0].count("V") == 2
    assert [label for _, label in chart.days] == ["3 Mar", "4 Mar", "5 Mar"]


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 3), (-250, 990), (0, 10**15), (123_456_789, 123_456_790)])
def test_ticks_are_few_and_enclose_every_amount(low: int, high: int):
    marks = charts.ticks(low, high)

    assert marks[0] <= low <= high <= marks[-1]
    assert marks[0] < marks[-1]
    assert len(marks) <= 7


# -------------------------------------------------------------------------------------------- proof pack


def test_a_pack_is_a_page_without_script_or_inline_style(busy: World, support: Browser):
    busy.desk.patch("acc-1", settings={"number_prefix": "D-"}, actor="user:ann")
    [problem] = busy.problems()
    busy.desk.dismiss(problem["id"], reason="Agreed by phone.", actor="user:ben")

    answer = support.get(f"{ONE}/proof-pack?since=2026-03-01&until=2026-03-31")
    page, words = answer.get_data(as_text=True), text_of(answer)

    assert answer.status_code == 200
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
    assert "The books differ by 40.00." in words
    assert "user:ben" in words
    assert "Agreed by phone." in words
    assert "number_prefix: D-" in words
    assert "Made" in words
    assert "by user:support" in words
    assert str(busy.service.proofs.last_check("acc-1")[1].hash) in words


def test_the_chain_in_a_pack_can_be_followed_without_us(busy: World, support: Browser):
    answer = support.get(f"{ONE}/proof-pack?since=2026-03-03&until=2026-03-31&format=zip")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="proof-acc-1-2026-03-05.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.data)) as pack:
        chain = [json.loads(line) for line in pack.read("audit-chain.jsonl").decode().splitlines()]
        audit = list(csv.DictReader(io.StringIO(pack.read("audit.csv").decode())))
    before = json.loads(chain[0]["text"])[2]
    for each in chain:
        assert json.loads(each["text"])[2] == before
        assert hashlib.sha256(each["text"].encode()).hexdigest() == each["hash"]
        before = each["hash"]
    assert before == busy.service.proofs.last_check("acc-1")[1].hash
    assert [row["hash"] for row in reversed(audit)] == [each["hash"] for each in chain]
    assert len(audit) >= 1


def test_a_pack_of_a_broken_audit_says_so(busy: World, support: Browser):
    pack = busy.service.proofs.pack("acc-1", since=None, until=None, actor="user:cpa")
    broken = replace(pack, check=replace(pack.check, fault="Row 2 does not fit.", broken_at=2))

    with zipfile.ZipFile(io.BytesIO(as_zip(broken))) as file:
        assert "The audit trail does not fit." in file.read("proof.html").decode()


def test_a_period_that_is_none_is_refused(busy: World, support: Browser):
    assert support.get(f"{ONE}/proof-pack?since=soon").status_code == 400
    assert support.get(f"{ONE}/proof-pack?until=9999-12-31").status_code == 400
    assert support.get(f"{ONE}/proof-pack?until=2020-01-01").status_code == 404


# -------------------------------------------------------------------------------------------------- runs


def test_runs_are_listed_and_filtered(busy: World, support: Browser):
    every = text_of(support.get(f"{ONE}/runs"))
    one = text_of(support.get(f"{ONE}/runs?kind=enable_two_way"))

    assert "Reconcile" in every
    assert "1 of 1" in every  # steps of a run that sent one invoice
    assert "Turn on two-way sync" in one
    assert "1–1 of 1" in one
    assert "Reconcile" not in one.partition("Begun by")[2]


def test_a_held_run_says_why_and_what_it_would_change_and_another_person_releases_it(support: Browser, world: World):
    run = held_run(world)
    words = text_of(support.get(f"{ONE}/runs/{run}"))
    assert "It would change 2 documents (150.00)" in words
    assert "2 × create (150.00)" in words
    assert "Release it" in words

    answer = support.post(f"{ONE}/runs/{run}/approve")
    world.settle()

    assert answer.status_code == 303
    done = text_of(support.get(f"{ONE}/runs/{run}"))
    assert "Succeeded" in done
    assert "Released by user:support" in done
    assert len(world.all("Invoice")) == 2


def test_whoever_may_only_look_finds_no_button(signed_in, world: World):
    run = held_run(world)

    page = text_of(signed_in("viewer").get(f"{ONE}/runs/{run}"))

    assert "Held before its first write" in page
    assert "Release it" not in page
    assert "Cancel this run" not in page


def test_a_run_asks_for_itself_again_only_while_it_goes_on(support: Browser, world: World):
    run, now = held_run(world), world.clock()
    pace = [[(now - timedelta(seconds=60)).isoformat(), 0], [now.isoformat(), 20]]
    with world.service.store.writing() as tx:
        tx.runs.update(run, state="running", done=20, total=50, error=None, pace=pace)

    going_on = support.part(f"{ONE}/runs/{run}/progress", "run")
    with world.service.store.writing() as tx:
        tx.runs.update(run, state="succeeded", done=50, finished_at=now)
    over = support.part(f"{ONE}/runs/{run}/progress", "run")

    assert 'hx-trigger="every 2s"' in going_on.get_data(as_text=True)
    assert "20 of 50 steps · 20 a minute · about 2 minutes left" in text_of(going_on)
    assert "hx-trigger" not in over.get_data(as_text=True)


def test_a_run_that_waits_is_cancelled_at_once(support: Browser, world: World):
    run = held_run(world)

    support.post(f"{ONE}/runs/{run}/cancel")

    assert world.desk.run(run)["state"] == "cancelled"
    assert support.post(f"{ONE}/runs/{run}/cancel").status_code == 409
    assert support.post(f"{ONE}/runs/{run}/approve").status_code == 409


def test_another_accounts_run_is_unknown_here(support: Browser, world: World):
    run = held_run(world)
    world.desk.create_connection("acc-2", "New Leaf", "key", actor="user:ann")

    for path in (run, f"{run}/progress"):
        assert support.get(f"/console/connections/acc-2/runs/{path}").status_code == 404
    for deed in ("cancel", "approve"):
        assert support.post(f"/console/connections/acc-2/runs/{run}/{deed}").status_code == 404
    assert world.desk.run(run)["state"] == "held"


# ------------------------------------------------------------------------------------------------- audit


def test_the_audit_is_searched_and_narrowed_to_days_of_the_connections_zone(busy: World, support: Browser):
    busy.desk.patch("acc-1", settings={"timezone": "Pacific/Kiritimati"}, actor="user:ann")

    of_a_day = text_of(support.get(f"{ONE}/audit?since=2026-03-04&until=2026-03-04"))
    of_a_person = text_of(support.get(f"{ONE}/audit?actor=user:ann"))
    of_a_number = text_of(support.get(f"{ONE}/audit?q=INV-1001"))

    assert "INV-1001" in of_a_day  # 3 March, 17:00 UTC
    assert "INV-1002" not in of_a_day
    assert "Pacific/Kiritimati" in of_a_person
    assert "Timezone" in of_a_person
    assert "1–1 of 1" in of_a_number


def test_the_audit_is_followed_from_a_run_and_downloaded(busy: World, support: Browser):
    with busy.service.store.reading() as tx:
        [row] = tx.audits.page(1, record="INV-1001", cursor=None, limit=9).data

    file = support.get(f"{ONE}/audit?run_id={row.run_id}&format=csv").get_data(as_text=True)

    lines = list(csv.DictReader(io.StringIO(file)))
    assert row.hash in [line["hash"] for line in lines]
    assert {line["run_id"] for line in lines} == {row.run_id}
    assert json.loads(lines[0]["change"])["after"]["number"] == "INV-1001"


@pytest.mark.parametrize("query", ["since=soon", "until=9999-12-31", "action=explode", "colour=red"])
def test_an_audit_that_cannot_be_asked_for_is_refused(support: Browser, query: str):
    assert support.get(f"{ONE}/audit?{query}").status_code == 400


def test_the_chain_is_verified_and_said_so(busy: World, signed_in):
    viewer = signed_in("viewer")

    viewer.post(f"{ONE}/audit/verify")

    rows = busy.service.proofs.last_check("acc-1")[1].rows
    words = text_of(viewer.get(f"{ONE}/audit"))
    assert f"Every row fits: {rows} of {rows}." in words
    assert f"Verified up to row {rows}" in words


def test_a_row_that_is_not_the_one_that_was_written_down_is_told(busy: World, support: Browser):
    support.post(f"{ONE}/audit/verify", {"row": "2", "hash": "f00"})
    words = text_of(support.get(f"{ONE}/audit"))

    assert "Row 2 is another one than was written down" in words
    assert support.post(f"{ONE}/audit/verify", {"row": "two", "hash": "f00"}).status_code == 422
