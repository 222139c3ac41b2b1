"""Two-way sync, mass re-sync, legacy overpayments and the undo of a disconnect, as pages without JavaScript."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from signed_in import PASSWORD, Browser, an_app, text_of

from tests.stories.test_legacy_overpayments import left_over
from tests.stories.world import World

ONE = "/console/connections/acc-1"
NAME = "Emerald Wholesale"


@pytest.fixture
def world() -> Iterator[World]:
    """A connected account with one-way sync, whose books have credits on both sides."""
    world = World(two_way=False)
    company, customer = world.linked_company()
    for amount in ("10.00", "20.00", "30.00"):
        world.user.create_credit(company_id=company, amount=amount)
    world.user.create_invoice(company_id=company, amount="100.00")
    world.person.write_credit_memo(customer, "15.00", number="CM-9")
    world.settle()
    yield world
    world.close()


def rehearse(support: Any, used_credits: str = "revert") -> str:
    """The address of the plan that was made."""
    answer = support.post(f"{ONE}/two-way/preview", {"used_credits": used_credits})
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def signed_in_as_support(world: World) -> Browser:
    world.service.people.create("support", "support", PASSWORD)
    browser = Browser(an_app(world))
    assert browser.sign_in("support").status_code == 303
    return browser


def lines(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


# ------------------------------------------------------------------------------------------------ two-way


def test_a_rehearsal_shows_both_books_with_what_would_be_done(support, world):
    plan = rehearse(support)

    page = text_of(support.get(plan))

    assert "Credits in the ERP 3" in page
    assert "over 60.00" in page
    assert "Cancel in the ERP 3 over 60.00" in page
    assert "Import into the ERP 1 over 15.00" in page
    assert "Sunset Dispensary" in page
    assert {c["status"] for c in world.account.all("credit")} == {"ACTIVE"}


def test_the_plan_is_filtered_searched_sorted_and_downloaded(support):
    plan = rehearse(support)

    filtered = text_of(support.get(f"{plan}/rows?action=import"))
    found = text_of(support.get(f"{plan}/rows?q=sunset&sort=-amount"))
    downloaded = lines(support.get(f"{plan}/rows?format=csv&sort=-amount&action=cancel"))

    assert "1–1 of 1" in filtered
    assert "CM-9" in filtered
    assert found.index("30.00") < found.index("20.00")
    assert [row["amount"] for row in downloaded] == ["30.00", "20.00", "10.00"]
    assert {row["accounting"] for row in downloaded} == {"Dr Accounts Receivable, Cr Sales revenue"}


def test_nothing_is_done_unless_the_name_is_typed(support, world):
    plan = rehearse(support)

    answer = support.post(f"{plan}/carry-out", {"confirm": "emerald"})

    assert answer.status_code == 409
    assert "Nothing was done" in text_of(answer)
    assert world.desk.runs("acc-1", cursor=None, limit=10)["data"][0]["kind"] == "reconcile"


def test_a_confirmed_plan_is_carried_out_followed_and_leaves_a_report(support, world):
    plan = rehearse(support)
    work = support.post(f"{plan}/carry-out", {"confirm": NAME}).headers["Location"]
    assert "Queued" in text_of(support.get(work))
    assert 'hx-trigger="every 2s"' in support.get(work).get_data(as_text=True)
    going = support.part(f"{work}/progress", "progress")
    assert (going.status_code, going.headers.get("HX-Refresh")) == (200, None)

    world.settle()

    over = support.part(f"{work}/progress", "progress")
    assert (over.status_code, over.headers["HX-Refresh"]) == (286, "true")
    page = support.get(work)
    assert "every 2s" not in page.get_data(as_text=True)
    report = text_of(page)
    assert "Succeeded" in report
    assert "4 of 4 steps" in report
    assert "Cancelled in the ERP Credit 3 60.00" in report
    rows = lines(support.get(f"{work}?format=csv"))
    assert {(row["action"], row["kind"]) for row in rows} == {("cancel", "CREDIT"), ("declare", "CREDIT")}
    assert all(row["erp_id"] and row["why"] for row in rows)
    assert [row["quickbooks_id"] for row in rows if row["action"] == "declare"] != [""]
    assert "See what became of it" in text_of(support.get(plan))
    assert "Two-way sync is on" in text_of(support.get(f"{ONE}/two-way"))


def test_a_plan_that_grew_old_is_not_carried_out_and_offers_a_new_one(support, world):
    plan = rehearse(support)
    world.user.create_credit(company_id=world.account.all("company")[0]["id"], amount="5.00")
    world.clock.sleep(2)

    back = support.post(f"{plan}/carry-out", {"confirm": NAME})

    page = text_of(support.get(back.headers["Location"]))
    assert "The books moved on" in page
    assert "Make a new plan" in page
    assert "Turn on two-way sync" not in text_of(support.get(f"{plan}/confirm")).partition("What will happen")[2]
    assert not world.desk.connection("acc-1")["two_way"]


def test_two_way_sync_is_turned_off_by_name(support, world):
    world.enable_two_way()
    assert support.post(f"{ONE}/two-way/off", {"confirm": "no"}).status_code == 409
    assert world.desk.connection("acc-1")["two_way"]

    answer = support.post(f"{ONE}/two-way/off", {"confirm": NAME})

    assert answer.status_code == 303
    assert not world.desk.connection("acc-1")["two_way"]


def test_a_viewer_reads_the_plan_and_is_offered_nothing_to_do(support, signed_in):
    plan = rehearse(support)
    viewer = signed_in("viewer")

    for address in (f"{ONE}/two-way", plan, f"{plan}/rows", f"{ONE}/resync", f"{ONE}/restore"):
        page = viewer.get(address).get_data(as_text=True)
        deeds = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', page)
        assert deeds == ["/console/sign-out"], address
        assert "/confirm" not in page, address


def test_a_plan_of_another_account_is_not_found_here(support, world):
    plan = rehearse(support)
    world.desk.create_connection("acc-2", "Second", "key-2", actor="t")
    foreign = plan.replace("acc-1", "acc-2")

    assert [support.get(f"{foreign}{page}").status_code for page in ("", "/rows", "/confirm")] == [404] * 3
    assert support.post(f"{foreign}/carry-out", {"confirm": "Second"}).status_code == 404


def test_a_run_can_be_stopped_from_its_page(support, world):
    plan = rehearse(support)
    work = support.post(f"{plan}/carry-out", {"confirm": NAME}).headers["Location"]

    assert support.post(f"{work}/stop").status_code == 303

    assert "Cancelled" in text_of(support.get(work))
    assert support.post(f"{work}/stop").status_code == 409
    assert support.post(f"{work}/release").status_code == 409


# ------------------------------------------------------------------------------------------------ re-sync


def test_a_resync_is_previewed_within_its_scope_and_then_run(support, world):
    other = world.user.create_company(name="Corner Shop")["id"]
    world.user.create_invoice(company_id=other, amount="44.00")
    world.settle()
    assert "Company 2 1 1" in text_of(support.get(f"{ONE}/resync"))

    scope = {"kinds": ["COMPANY", "INVOICE"], "company_ids": other, "customers": "create"}
    plan = support.post(f"{ONE}/resync/preview", scope).headers["Location"]
    rows = lines(support.get(f"{plan}?format=csv"))
    assert sorted((row["action"], row["kind"]) for row in rows) == [("create", "COMPANY"), ("create", "INVOICE")]
    carry_out = plan.replace("/rows", "/carry-out")
    work = support.post(carry_out, {"confirm": NAME}).headers["Location"]
    world.settle()

    report = text_of(support.get(work))
    assert "2 of 2 steps" in report
    assert "Made in QuickBooks Company 1" in report
    assert "Made in QuickBooks Invoice 1 44.00" in report


def test_a_preview_leaves_out_companies_that_get_no_customer(support, world):
    other = world.user.create_company(name="Corner Shop")["id"]
    world.user.create_invoice(company_id=other, amount="44.00")
    world.settle()

    plan = support.post(f"{ONE}/resync/preview", {"customers": "linked_only", "company_ids": other})

    assert lines(support.get(f"{plan.headers['Location']}?format=csv")) == []


def test_a_day_that_is_none_is_refused_in_words(support):
    answer = support.post(f"{ONE}/resync/preview", {"updated_after": "yesterday"})

    assert answer.status_code == 422
    assert "Write the day as 2026-03-31." in text_of(answer)


def test_what_a_run_could_not_do_is_listed_by_cause_and_record(support, world):
    world.desk.disconnect("acc-1", mode="hard", confirm=NAME, actor="t")
    world.settle()
    books = world.qbo.create_company(name="New Books")
    books.person.close_books("2026-12-31")
    world.connect(realm=books.realm_id)
    world.settle()
    plan = support.post(f"{ONE}/resync/preview", {}).headers["Location"]
    work = support.post(plan.replace("/rows", "/carry-out"), {"confirm": NAME}).headers["Location"]
    world.settle()

    report = text_of(support.get(work))
    left = lines(support.get(f"{work}/left?code=closed_books&format=csv"))

    assert "books are closed up to 2026-12-31" in report
    assert sorted(row["kind"] for row in left) == ["CREDIT", "CREDIT", "CREDIT", "INVOICE"]
    assert {row["company"] for row in left} == {"Sunset Dispensary"}
    assert all(row["what_to_do"] for row in left)


# ---------------------------------------------------------------------------------- legacy overpayments


def test_overpayments_are_looked_for_only_when_somebody_asks(support, world):
    calls = len(world.company.calls.log)
    assert "Nobody has looked yet" in text_of(support.get(f"{ONE}/legacy-overpayments"))
    assert len(world.company.calls.log) == calls

    assert support.post(f"{ONE}/legacy-overpayments/look").status_code == 303

    assert "No such overpayment was found" in text_of(support.get(f"{ONE}/legacy-overpayments"))


@pytest.fixture
def january() -> Iterator[World]:
    """An account whose overpayment of January is a Credit Memo in QuickBooks."""
    world = World(connect=False)
    left_over(world)
    world.connect()
    world.settle()
    yield world
    world.close()


def test_a_legacy_overpayment_is_shown_and_repaired_by_its_plan(january):
    support = signed_in_as_support(january)
    support.post(f"{ONE}/legacy-overpayments/look")

    page = support.get(f"{ONE}/legacy-overpayments")
    [row] = lines(support.get(f"{ONE}/legacy-overpayments?format=csv"))
    assert (row["amount"], row["used"], row["outcome"], row["memo_open"]) == ("20.00", "8.00", "yes", "12.00")
    assert "The plan that repairs 1 of them" in text_of(page)
    [plan] = re.findall(r'href="([^"]+/rows)"', page.get_data(as_text=True))
    work = support.post(plan.replace("/rows", "/carry-out"), {"confirm": NAME}).headers["Location"]
    january.settle()

    report = text_of(support.get(work))
    assert "Succeeded" in report
    assert "Deleted in QuickBooks" in report
    assert january.all("CreditMemo") == []
    assert "look again to see what is left" in text_of(support.get(f"{ONE}/legacy-overpayments"))


# ------------------------------------------------------------------------------- undo of a disconnect


def test_an_undo_says_what_comes_back_and_brings_it_back(support, world):
    world.desk.disconnect("acc-1", mode="hard", confirm=NAME, actor="t")
    world.settle()
    assert "Not now" in text_of(support.get(f"{ONE}/restore"))
    world.connect()
    world.settle()
    assert "Invoice 1 0 0 1" in text_of(support.get(f"{ONE}/restore/1"))
    old = lines(support.get(f"{ONE}/restore/1/links?format=csv&kind=INVOICE"))
    assert [(row["type_then"], row["outcome"], row["id_now"]) for row in old] == [("Invoice", "missing", "")]

    assert support.post(f"{ONE}/restore/1/bring-back", {"confirm": "x"}).status_code == 409
    work = support.post(f"{ONE}/restore/1/bring-back", {"confirm": NAME}).headers["Location"]
    world.settle()

    assert "Succeeded" in text_of(support.get(work))
    assert [link["quickbooks_id"] for link in world.links(kind="INVOICE")] == [old[0]["id_then"]]
    assert "never disconnected for good" in text_of(support.get(f"{ONE}/restore"))


def test_after_a_new_start_old_and_new_ids_stand_side_by_side(support, world):
    world.desk.disconnect("acc-1", mode="hard", confirm=NAME, actor="t")
    world.settle()
    books = world.qbo.create_company(name="New Books")
    world.connect(realm=books.realm_id)
    world.settle()
    plan = support.post(f"{ONE}/resync/preview", {}).headers["Location"]
    support.post(plan.replace("/rows", "/carry-out"), {"confirm": NAME})
    world.settle()

    [invoice] = lines(support.get(f"{ONE}/restore/1/links?format=csv&kind=INVOICE"))
    by_new = text_of(support.get(f"{ONE}/restore/1/links?q={invoice['id_now']}"))

    assert invoice["id_now"] == books.all("Invoice")[0]["Id"]
    assert invoice["erp_number"] in by_new


@pytest.mark.parametrize("epoch", ["7", "one", "-1", "99999999999"])
def test_an_epoch_that_never_was_is_not_found(support, epoch):
    assert support.get(f"{ONE}/restore/{epoch}").status_code == 404


def test_every_page_answers_without_a_connection_to_quickbooks(world, signed_in):
    """A new account: nothing is known, every page says what to do."""
    world.desk.create_connection("acc-2", "Second", "key-2", actor="t")
    browser = signed_in("support")

    for page in ("two-way", "resync", "legacy-overpayments", "restore"):
        answer = browser.get(f"/console/connections/acc-2/{page}")
        assert answer.status_code == 200, page
    assert "Connect it first" in text_of(browser.get("/console/connections/acc-2/two-way"))
    assert browser.post("/console/connections/acc-2/two-way/preview").status_code == 409
