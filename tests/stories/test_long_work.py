"""Long work as support staff live through it: a plan to look at, progress to follow, a report that stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.engine import views
from service.engine.keeping import keep_plan
from service.errors import Rejected
from service.ports import Run
from tests.stories.world import World

ASKED: dict[str, Any] = {"kinds": None, "company_ids": None, "updated_after": None, "customers": None}


def active(world: World, kind: str) -> Run | None:
    with world.service.store.reading() as tx:
        connection = tx.connections.get("acc-1")
        assert connection is not None
        return tx.runs.active(connection.id, kind)


def follow(world: World, kind: str, *, each_call_takes_s: int = 0) -> list[dict[str, Any]]:
    """What somebody sees who looks at the run of this kind whenever the service calls out."""
    seen: list[dict[str, Any]] = []

    def look(path: str) -> None:
        world.clock.sleep(each_call_takes_s)
        run = active(world, kind)
        if run is not None and run.state == "running":
            seen.append(world.desk.run(run.id)["progress"])

    world.before_each_call = look
    return seen


def stop_at(world: World, kind: str, done: int, path: str = "") -> None:
    """A person stops the run of this kind once it has done so many steps, while a call to such a path is under way."""

    def look(called: str) -> None:
        run = active(world, kind)
        if run is not None and path in called and run.done >= done and not run.cancel_requested:
            world.desk.cancel(run.id, actor=world.actor)

    world.before_each_call = look


def disconnect(world: World, mode: str = "hard") -> dict[str, Any]:
    return world.desk.disconnect("acc-1", mode=mode, confirm="Emerald Wholesale", actor=world.actor)


def some_books(world: World) -> str:
    """Two invoices, one of them overpaid and one open, and a credit."""
    company, _ = world.linked_company()
    paid = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.create_invoice(company_id=company, amount="70.00")
    world.user.receive_payment(invoice_id=paid["id"], amount="120.00")
    world.user.create_credit(company_id=company, amount="50.00")
    world.settle()
    return company


def rehearse(world: World, credits: int = 3) -> dict[str, Any]:
    """A plan with credits to cancel and a memo to import."""
    company, customer = world.linked_company()
    for number in range(credits):
        world.user.create_credit(company_id=company, amount=f"{number + 1}0.00")
    world.person.write_credit_memo(customer, "15.00", number="CM-9")
    world.settle()
    return world.desk.preview_two_way("acc-1", used_credits="revert", actor=world.actor)


def enable(world: World, plan: dict[str, Any]) -> dict[str, Any]:
    return world.desk.enable_two_way("acc-1", plan_id=plan["plan_id"], actor=world.actor)


# ------------------------------------------------------------------------------------------------ the plan


def test_a_rehearsal_tells_how_many_credits_and_payments_each_side_has(one_way: World) -> None:
    world = one_way
    company, customer = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="130.00")
    world.user.create_credit(company_id=company, amount="40.00")
    world.settle()
    world.person.write_credit_memo(customer, "15.00")

    plan = world.desk.preview_two_way("acc-1", used_credits="revert", actor=world.actor)

    kept = world.service.long_work.plan("acc-1", plan["plan_id"])
    assert kept["totals"] == plan["totals"]
    assert kept["books"]["erp_credits"] == {"count": 2, "amount": "70.00"}
    assert kept["books"]["quickbooks_credits"] == {"count": 2, "amount": "45.00"}
    assert kept["books"]["erp_payments"] == {"count": 1, "amount": "100.00"}
    assert kept["books"]["quickbooks_payments"] == {"count": 1, "amount": "130.00"}
    assert (kept["books"]["companies"], kept["books"]["erp_before"]) == (1, plan["ar"][0]["erp_before"])
    assert (kept["outdated"], kept["run_id"]) == (None, None)


def test_a_plan_that_was_refused_says_from_then_on_that_the_books_moved_on(one_way: World) -> None:
    plan = rehearse(one_way)
    one_way.user.create_credit(company_id=one_way.account.all("company")[0]["id"], amount="5.00")
    one_way.clock.sleep(2)

    with pytest.raises(Rejected) as refused:
        enable(one_way, plan)

    assert refused.value.code == "plan_outdated"
    kept = one_way.service.long_work.plan("acc-1", plan["plan_id"])
    assert kept["outdated"] == "The books moved on since this plan was made."


def test_a_plan_grows_old_by_a_newer_one_by_a_day_and_by_being_carried_out(one_way: World) -> None:
    older = rehearse(one_way)
    one_way.clock.sleep(60)
    newer = one_way.desk.preview_two_way("acc-1", used_credits="revert", actor=one_way.actor)
    look = one_way.service.long_work

    assert look.plan("acc-1", older["plan_id"])["outdated"] == "A newer plan was made after this one."
    assert look.plan("acc-1", newer["plan_id"])["outdated"] is None
    one_way.clock.sleep(25 * 3600)
    assert look.plan("acc-1", newer["plan_id"])["outdated"] == "This plan is more than a day old."

    run = enable(one_way, newer)
    one_way.settle()

    assert look.plan("acc-1", newer["plan_id"])["run_id"] == run["id"]
    assert look.plan("acc-1", older["plan_id"])["outdated"] is not None


def test_a_plan_of_another_account_is_unknown_here(one_way: World) -> None:
    plan = rehearse(one_way)
    one_way.desk.create_connection("acc-2", "Second", "key-2", actor=one_way.actor)

    with pytest.raises(Rejected) as refused:
        one_way.service.long_work.plan("acc-2", plan["plan_id"])
    assert refused.value.code == "unknown_plan"


def test_a_plan_of_thousands_of_rows_is_kept_whole_and_in_its_order(one_way: World) -> None:
    row = {"kind": "CREDIT", "erp_id": None, "quickbooks_id": None, "company_id": None, "reason": "", "gl_effect": None}
    steps = [{**row, "action": "keep", "number": f"CR-{number}", "amount": "1.00"} for number in range(4_321)]
    with one_way.desk._working("acc-1") as w:
        plan = keep_plan(w, "enable_two_way", "f", views.plan("", w.now(), steps, []), {})

    page = one_way.service.browsing.page(
        "plan_rows",
        "acc-1",
        filters={"plan_id": plan["plan_id"]},
        search=None,
        sort="seq",
        descending=True,
        offset=0,
        limit=2,
    )

    assert (page.total, [each["number"] for each in page.rows]) == (4_321, ["CR-4320", "CR-4319"])


# ---------------------------------------------------------------------------------------------- progress


def test_who_follows_a_run_sees_what_it_is_busy_with_how_far_it_is_and_how_long_it_will_take(one_way: World) -> None:
    plan = rehearse(one_way, credits=8)
    run = enable(one_way, plan)
    seen = follow(one_way, "enable_two_way", each_call_takes_s=6)
    one_way.service.dispatcher.run_due()

    phases = list(dict.fromkeys(progress["phase"] for progress in seen))
    assert phases[:2] == ["Reading both books", "Cancelling credits that QuickBooks does not hold"]
    assert phases[-1].startswith("Two-way sync is on")
    cancelling = [progress for progress in seen if progress["phase"] == phases[1]]
    assert list(dict.fromkeys(progress["done"] for progress in cancelling)) == list(range(9))
    assert {progress["total"] for progress in cancelling} == {9}
    middle = next(progress for progress in cancelling if progress["done"] == 4)
    # Steps of six seconds each, and what every turn reads anew.
    assert 0 < middle["per_minute"] <= 10
    assert middle["seconds_left"] >= 30
    done = one_way.desk.run(run["id"])
    assert done["progress"]["done"] == done["progress"]["total"] == 9
    assert (done["progress"]["phase"], done["progress"]["seconds_left"]) == (None, None)


def test_a_run_that_lets_others_go_first_still_tells_how_long_it_will_take(one_way: World) -> None:
    run = enable(one_way, rehearse(one_way))
    moments = [[one_way.clock().isoformat(), 0], [(one_way.clock() + timedelta(seconds=30)).isoformat(), 10]]
    with one_way.service.store.writing() as tx:
        tx.runs.update(run["id"], phase="Cancelling", done=10, total=30, pace=moments)

    between_turns = one_way.desk.run(run["id"])

    assert between_turns["state"] == "queued"
    assert (between_turns["progress"]["per_minute"], between_turns["progress"]["seconds_left"]) == (20, 60)


def test_enabling_that_is_stopped_half_way_cancels_nothing_more_and_stays_off(one_way: World) -> None:
    run = enable(one_way, rehearse(one_way, credits=5))
    stop_at(one_way, "enable_two_way", done=2)
    one_way.settle()

    assert one_way.desk.run(run["id"])["state"] == "cancelled"
    assert not one_way.desk.connection("acc-1")["two_way"]
    cancelled = [c for c in one_way.account.all("credit") if c["status"] == "CANCELED"]
    assert 2 <= len(cancelled) < 5
    report = one_way.service.long_work.report("acc-1", run["id"])
    [done] = [each for each in report["done"] if each["action"] == "cancel"]
    assert done["count"] == len(cancelled)


def test_a_hard_disconnect_that_is_stopped_shows_the_ids_again(world: World) -> None:
    some_books(world)
    ids = {(link["kind"], link["erp_id"]): link["quickbooks_id"] for link in world.links()}
    run = disconnect(world)
    stop_at(world, "hard_disconnect", done=0, path="links")
    world.settle()

    assert world.desk.run(run["id"])["state"] == "cancelled"
    assert {(link["kind"], link["erp_id"]): link["quickbooks_id"] for link in world.links()} == ids
    shown = {link["quickbooks_id"] for link in world.account.links("invoice").values()}
    assert shown == {quickbooks_id for (kind, _), quickbooks_id in ids.items() if kind == "INVOICE"}
    assert world.desk.connection("acc-1")["state"] == "connected"
    world.check()


def test_a_resync_that_waits_for_quickbooks_and_is_then_stopped_sends_nothing_by_itself(world: World) -> None:
    some_books(world)
    disconnect(world)
    world.settle()
    other = world.qbo.create_company(name="New Books")
    world.connect(realm=other.realm_id)
    world.settle()
    world.qbo.faults.add(match={"method": "POST", "path": "customer"}, kind="timeout_before", times=1)
    run = world.desk.resync("acc-1", **ASKED, dry_run=False, actor=world.actor)
    world.service.dispatcher.run_due()
    assert world.desk.run(run["id"])["state"] == "queued"

    world.desk.cancel(run["id"], actor=world.actor)
    world.settle()
    world.wait(hours=1)

    assert world.desk.run(run["id"])["state"] == "cancelled"
    assert other.all("Invoice") == []


# ----------------------------------------------------------------------------------------------- reports


def test_the_report_of_a_resync_says_what_was_sent_and_what_closed_books_held_back(world: World) -> None:
    some_books(world)
    disconnect(world)
    world.settle()
    other = world.qbo.create_company(name="New Books")
    other.person.close_books("2026-12-31", password="secret")
    world.connect(realm=other.realm_id)
    world.settle()

    run = world.desk.resync("acc-1", **ASKED, dry_run=False, actor=world.actor)
    world.settle()

    report = world.service.long_work.report("acc-1", run["id"])
    [held] = [each for each in report["causes"] if each["code"] == "closed_books"]
    assert (held["count"], held["still_open"]) == (held["still_open"], held["count"])
    assert held["count"] >= 3
    assert report["run"]["problems"] >= held["count"]
    assert report["took_s"] >= 0


def test_a_report_names_the_plan_that_it_carried_out_and_stays(one_way: World) -> None:
    plan = rehearse(one_way)
    run = enable(one_way, plan)
    one_way.settle()
    one_way.wait(hours=30)

    report = one_way.service.long_work.report("acc-1", run["id"])

    assert report["plan_id"] == plan["plan_id"]
    done = {(each["action"], each["side"]): (each["count"], each["amount"]) for each in report["done"]}
    assert done[("cancel", "erp")] == (3, "60.00")
    assert done[("declare", "erp")] == (1, "15.00")
    assert report["causes"] == []


# -------------------------------------------------------------------------------------- archived epochs


def test_before_an_undo_it_is_told_what_comes_back_to_which_company_and_what_changed_since(world: World) -> None:
    company = some_books(world)
    linked = len([link for link in world.links() if link["quickbooks_id"]])
    disconnect(world)
    world.settle()
    look = world.service.long_work
    [archived] = look.epochs("acc-1")
    assert (archived["epoch"], archived["quickbooks_company"]) == (1, "Green Leaf Books")
    assert sum(archived["links"].values()) == linked
    assert archived["left_out"] == "Connect 'Green Leaf Books' again first."

    world.connect()
    world.settle()
    world.user.create_invoice(company_id=company, amount="9.00")
    world.settle()

    one = look.epoch("acc-1", 1)
    assert one["left_out"] is None
    assert one["records_since"]["INVOICE"] == 1
    assert {each["kind"]: each["missing"] for each in one["carried"]}["INVOICE"] == 2


def test_an_epoch_of_another_company_cannot_come_back_and_says_so(world: World) -> None:
    some_books(world)
    disconnect(world)
    world.settle()
    other = world.qbo.create_company(name="New Books")
    world.connect(realm=other.realm_id)
    world.settle()

    [archived] = world.service.long_work.epochs("acc-1")

    assert archived["left_out"] == "'New Books' is connected now; this epoch belongs to 'Green Leaf Books'."


def test_an_undo_that_dies_after_the_links_came_back_goes_on(world: World) -> None:
    some_books(world)
    ids = {(link["kind"], link["erp_id"]): link["quickbooks_id"] for link in world.links()}
    disconnect(world)
    world.settle()
    world.connect()
    world.settle()
    world.erp.faults.add(match={"path": "invoices"}, kind="down", times=1)

    run = world.desk.restore("acc-1", epoch=1, actor=world.actor)
    world.settle()
    world.wait(minutes=5)

    assert world.desk.run(run["id"])["state"] == "succeeded", world.desk.run(run["id"])
    assert {(link["kind"], link["erp_id"]): link["quickbooks_id"] for link in world.links()} == ids


def test_after_a_new_start_every_old_quickbooks_id_has_its_new_one_beside_it(world: World) -> None:
    some_books(world)
    before = world.tie_out()["erp_total"]
    disconnect(world)
    world.settle()
    other = world.qbo.create_company(name="New Books")
    world.connect(realm=other.realm_id)
    world.settle()
    world.desk.resync("acc-1", **ASKED, dry_run=False, actor=world.actor)
    world.settle()
    world.enable_two_way()

    carried = {each["kind"]: each for each in world.service.long_work.epoch("acc-1", 1)["carried"]}

    assert all(each["missing"] == 0 for each in carried.values()), carried
    assert carried["INVOICE"]["count"] == 2
    world.company = other
    assert world.tie_out()["erp_total"] == before
    world.check()


# ------------------------------------------------------------------------------------------- small gaps


def test_an_older_connect_link_works_no_more_once_a_fresh_one_is_made(unconnected: World) -> None:
    first, _ = unconnected.desk.create_connection("acc-1", "Emerald Wholesale", "erp-key", actor="t")
    second, _ = unconnected.desk.create_connection("acc-1", "Emerald Wholesale", "erp-key", actor="t")
    tokens = [view["connect_url"].partition("token=")[2] for view in (first, second)]

    assert "link_expired" in unconnected.desk.begin_consent(tokens[0])
    assert "link_expired" not in unconnected.desk.begin_consent(tokens[1])


def test_what_is_not_connected_cannot_be_disconnected_but_a_soft_one_may_become_hard(world: World) -> None:
    some_books(world)
    disconnect(world, "soft")
    world.settle()
    with pytest.raises(Rejected) as refused:
        disconnect(world, "soft")
    assert refused.value.code == "not_connected"

    run = disconnect(world, "hard")
    world.settle()

    assert world.desk.run(run["id"])["state"] == "succeeded"
    with pytest.raises(Rejected) as again:
        disconnect(world, "hard")
    assert again.value.code == "not_connected"
