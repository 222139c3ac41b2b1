"""Proof: tie-outs as past syncs left them, an audit that nobody can change unseen, and a pack for the accountant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from service.engine.kept_tie_outs import superseded
from service.errors import Rejected
from service.ports import KeptTieOut
from tests.stories.world import World


def trend(world: World) -> list[tuple[int, int]]:
    return [(kept.erp_ar, kept.quickbooks_ar) for kept in world.service.proofs.trend("acc-1")]


def test_a_past_sync_can_be_asked_what_it_saw(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company, "100.00")
    world.settle()
    before = world.clock()
    world.wait(hours=2)
    world.user.create_invoice(company, "40.00")
    world.settle()

    then = world.desk.tie_out("acc-1", as_of=before.isoformat())
    now = world.service.proofs.kept("acc-1")

    assert (then["erp_total"], then["quickbooks_total"]) == ("100.00", "100.00")
    assert (now.totals.erp_ar, now.totals.difference) == (14_000, 0)
    assert then["companies"][0]["name"] == "Sunset Dispensary"


def test_what_was_kept_is_what_a_fresh_comparison_says(world: World) -> None:
    """Differences on both sides, a company without a customer, a customer without a company."""
    company, customer = world.linked_company()
    world.user.create_invoice(company, "100.00")
    lone = world.user.create_company(name="Lone Star")["id"]
    world.user.create_invoice(lone, "7.00")
    stranger = world.person.create_customer("Stranger")["Id"]
    world.person.create_invoice(customer, "9.00")
    world.person.create_invoice(stranger, "3.00")
    world.wait(hours=1)
    world.reconcile()
    world.wait(hours=1)

    live = world.tie_out()
    kept = world.desk.tie_out("acc-1", as_of=world.clock().isoformat())

    def by_name(answer):
        return sorted(answer["companies"], key=lambda row: row["name"])

    assert by_name(kept) == by_name(live)
    assert kept["difference"] == live["difference"] != "0.00"
    assert {row["name"] for row in live["companies"]} == {"Sunset Dispensary", "Lone Star", "Stranger"}


def test_a_company_that_is_linked_later_is_counted_once(world: World) -> None:
    stranger = world.person.create_customer("Sunset Dispensary")["Id"]
    world.person.create_invoice(stranger, "3.00")
    world.wait(hours=1)
    world.user.create_company(name="Sunset Dispensary", qb_customer_id=stranger)
    world.wait(hours=1)

    kept = world.service.proofs.kept("acc-1")

    assert [(each.name, each.company_id is not None) for each in kept.companies] == [("Sunset Dispensary", True)]
    assert kept.totals.quickbooks_ar == 300


def test_quiet_syncs_keep_one_a_day(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company, "100.00")
    world.settle()
    kept_before = len(trend(world))

    for _ in range(6):
        world.wait(minutes=10)
    assert len(trend(world)) == kept_before
    world.wait(days=1)

    assert len(trend(world)) == kept_before + 1


def test_many_syncs_of_one_hour_leave_one_tie_out(world: World) -> None:
    company, _ = world.linked_company()
    world.wait(hours=1)
    world.user.create_invoice(company, "1.00")
    world.settle()
    before = trend(world)

    for amount in ("2.00", "3.00"):
        world.user.create_invoice(company, amount)
        world.settle()

    assert before[-1] == (100, 100)
    assert trend(world) == [*before[:-1], (600, 600)]


@pytest.mark.parametrize(
    ("age", "every", "kept"),
    [
        (timedelta(days=2), timedelta(minutes=10), 48),
        (timedelta(days=40), timedelta(hours=1), 7 * 24 + 33),
    ],
)
def test_history_grows_by_a_row_a_day_after_a_week(age: timedelta, every: timedelta, kept: int) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    count = int(age / every)
    history = [KeptTieOut(1, now - every * (count - n), None, 0, 0, 0, 0, 0, 0, 0, 0, None) for n in range(count)]

    dropped = superseded(history, now, ZoneInfo("UTC"))

    assert len(history) - len(dropped) == kept
    assert history[-1] not in dropped
    assert superseded([each for each in history if each not in dropped], now, ZoneInfo("UTC")) == []


def test_the_audit_of_real_work_fits_and_a_changed_row_is_told_as_a_problem(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company, "100.00")
    world.settle()
    found = world.service.proofs.verify("acc-1")
    assert found.fault is None
    assert found.rows > 0

    _rewrite_history(world)
    world.service.proofs.verify("acc-1")
    world.user.create_invoice(company, "5.00")
    world.settle()

    [problem] = world.problems("audit_broken")
    assert "Row 1 does not fit" in problem["cause"]


def test_a_row_that_was_written_down_tells_a_chain_that_was_made_anew(world: World) -> None:
    check = world.service.proofs.verify("acc-1")

    assert world.service.proofs.verify("acc-1", expected=(check.rows, str(check.hash))).fault is None
    assert "another one" in str(world.service.proofs.verify("acc-1", expected=(check.rows, "f00")).fault)


def _rewrite_history(world: World) -> None:
    engine = world.service.store.engine
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER audit_no_update"))
            connection.execute(text("UPDATE audit SET amount = 1 WHERE seq = 1"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
            connection.execute(text("UPDATE audit SET amount = 1 WHERE seq = 1"))
            connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))


def test_a_held_run_says_what_it_would_change_and_who_released_it(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.desk.patch("acc-1", settings={"max_documents_per_run": 1}, actor="user:ann")
    for amount in ("100.00", "50.00"):
        world.user.create_invoice(company, amount)
    world.settle()
    [held] = [run for run in world.desk.runs("acc-1", cursor=None, limit=50)["data"] if run["state"] == "held"]
    run = world.service.proofs.run("acc-1", held["id"])

    plan = world.service.proofs.would_change("acc-1", run)
    world.desk.approve(held["id"], actor="user:ben")
    world.settle()
    pack = world.service.proofs.pack("acc-1", since=None, until=None, actor="user:cpa")

    assert plan["totals"] == {"create": {"count": 2, "amount": "150.00"}}
    assert [(row.actor, row.run_id) for row in pack.approvals] == [("user:ben", held["id"])]
    [changed] = pack.settings[-1:]
    assert (changed.before, changed.after) == ({"max_documents_per_run": None}, {"max_documents_per_run": 1})
    assert pack.tie_out.totals.difference == 0
    assert pack.check.fault is None
    assert len(list(pack.audit())) == pack.chain.rows


def test_a_pack_names_what_was_dismissed_and_by_whom(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company, "100.00")
    world.settle()
    [invoice] = world.all("Invoice")
    world.person.delete_invoice(invoice["Id"])
    world.settle()
    [problem] = world.problems()
    world.desk.dismiss(problem["id"], reason="The customer never got the goods.", actor="user:ann")

    pack = world.service.proofs.pack("acc-1", since=None, until=None, actor="user:cpa")

    [row] = pack.dismissed
    assert (row.actor, row.why) == ("user:ann", f"{problem['code']}: The customer never got the goods.")


def test_before_anything_was_kept_a_tie_out_of_the_past_says_so(unconnected: World) -> None:
    unconnected.desk.create_connection("acc-1", "Emerald", "key", actor="user:ann")

    with pytest.raises(Rejected) as refused:
        unconnected.service.proofs.kept("acc-1")

    assert refused.value.code == "no_tie_out_kept"
