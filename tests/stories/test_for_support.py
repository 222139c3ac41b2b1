"""What support meets: one entry for one cause, a conflict in three copies, stored notices read again, and one card for
whatever was pasted."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from service.engine.replaying import Replaying
from service.errors import Rejected
from service.ports import Hint, UnreadableNotice
from tests.stories.world import World


def credits_on_an_inactive_item(world: World, name: str, amounts: list[str]) -> str:
    """Every credit is refused for the same reason; answers the item's id."""
    company, _ = world.linked_company(f"Buyer of {name}")
    item = str(world.person.create_item(name)["Id"])
    world.reconcile()
    world.person.deactivate_item(item)
    for amount in amounts:
        world.user.create_credit(company_id=company, amount=amount, quickbooks_sales_item_id=item)
    world.settle()
    return item


def groups(world: World) -> list[dict[str, Any]]:
    return world.service.problem_desk.groups("acc-1")


# ---------------------------------------------------------------------------------------- grouped by cause


def test_many_records_with_one_cause_are_one_entry_with_their_sum(world: World) -> None:
    credits_on_an_inactive_item(world, "Breakage", ["10.00"] * 7 + ["0.50"])

    [entry] = groups(world)

    assert (entry["count"], entry["amounts"], entry["code"]) == (8, {"USD": "70.50"}, "item_unusable")
    assert "Breakage" in entry["cause"]
    assert entry["oldest"] <= entry["newest"]
    assert world.service.problem_desk.group("acc-1", entry["cause_group"])["count"] == 8
    assert len({problem["id"] for problem in world.problems()}) == 8


def test_two_items_are_two_causes_though_the_code_is_the_same(world: World) -> None:
    credits_on_an_inactive_item(world, "Breakage", ["10.00", "20.00"])
    credits_on_an_inactive_item(world, "Shrinkage", ["5.00"])

    found = {entry["cause"]: entry["count"] for entry in groups(world)}

    assert sorted(found.values()) == [1, 2]
    assert {"Breakage" in cause for cause in found} == {True, False}


def test_companies_that_are_not_linked_are_one_cause_whatever_they_are_called(world: World) -> None:
    for name in ("Sunset Dispensary", "High Street 420", "Mr. Green"):
        company = world.user.create_company(name=name)["id"]
        world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()

    [entry] = groups(world)

    assert (entry["count"], entry["code"]) == (3, "customer_not_linked")
    assert "Sunset" not in entry["cause"]


def test_after_the_fix_one_retry_is_one_run_that_clears_them_all(world: World) -> None:
    item = credits_on_an_inactive_item(world, "Breakage", ["10.00"] * 5)
    world.person._edit("Item", item, {"Active": True})
    [entry] = groups(world)
    before = len(world.desk.runs("acc-1", cursor=None, limit=500)["data"])

    run = world.service.problem_desk.retry_group("acc-1", entry["cause_group"], actor="sam")
    world.settle()

    asked = [r for r in world.desk.runs("acc-1", cursor=None, limit=500)["data"] if r["requested_by"] == "sam"]
    assert [r["id"] for r in asked] == [run["id"]]
    assert before >= 1
    assert groups(world) == []
    assert len(world.all("CreditMemo")) == 5
    world.check()


def test_a_whole_cause_is_put_aside_with_a_reason_and_the_audit_names_who(world: World) -> None:
    credits_on_an_inactive_item(world, "Breakage", ["10.00"] * 3)
    [entry] = groups(world)

    gone = world.service.problem_desk.dismiss_group("acc-1", entry["cause_group"], reason="written off", actor="sam")
    world.wait(minutes=10)

    assert gone == 3
    assert groups(world) == []
    rows = world.desk.audit("acc-1", record=None, run=None, cursor=None, limit=500)["data"]
    put_aside = [row for row in rows if row["action"] == "dismiss"]
    assert len(put_aside) == 3
    assert {row["actor"] for row in put_aside} == {"sam"}
    assert all("written off" in row["why"] and row["erp_id"] and row["amount"] == "10.00" for row in put_aside)


def test_a_cause_that_is_gone_says_so(world: World) -> None:
    with pytest.raises(Rejected, match="Nothing is open with this cause"):
        world.service.problem_desk.retry_group("acc-1", "no-such-cause", actor="sam")


# -------------------------------------------------------------------------------------------- side by side


def test_a_conflict_shows_three_copies_and_what_each_way_out_does(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.person.edit_invoice(world.one("Invoice")["Id"], amount="90.00")
    world.settle()
    [problem] = world.problems()

    shown = world.service.problem_desk.problem(problem["id"])

    amount = next(row for row in shown["rows"] if row["label"] == "Amount")
    assert (amount["erp"], amount["quickbooks"], amount["agreed"]) == (["100.00"], ["90.00"], ["100.00"])
    assert amount["differs"]
    customer = next(row for row in shown["rows"] if row["label"] == "Customer")
    assert (customer["erp"], customer["differs"]) == (["Sunset Dispensary"], False)
    [way] = shown["ways_out"]
    assert way["choice"] == "use_erp"
    assert "amount from 90.00 to 100.00" in way["effect"]


def test_a_memo_below_its_uses_offers_two_ways_out_in_words(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="80.00")
    world.settle()
    world.webhooks_on = False
    world.person.edit_credit_memo(world.one("CreditMemo")["Id"], amount="50.00")
    invoice = world.user.create_invoice(company_id=company, amount="60.00")
    uses = [{"credit_id": credit["id"], "amount": "60.00"}]
    world.user.receive_payment(invoice_id=invoice["id"], amount="60.00", credits=uses, method=None)
    world.webhooks_on = True
    world.wait(minutes=10)
    problem = next(p for p in world.problems() if p["kind"] == "CREDIT")

    ways = {way["choice"]: way for way in world.service.problem_desk.problem(problem["id"])["ways_out"]}

    assert "amount from 50.00 to 80.00" in ways["use_erp"]["effect"]
    assert "50.00" in ways["release_uses"]["effect"]


# ---------------------------------------------------------------------------------------- stored originals


class BeforeTheFix:
    """A reader of QuickBooks' notices that does not understand them yet."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def is_signed(self, body: bytes, signature: str) -> bool:
        return bool(self.real.is_signed(body, signature))

    def read(self, body: bytes) -> list[Hint]:
        raise UnreadableNotice("an event has a type that is not known")


def a_notice_that_is_not_understood(world: World) -> None:
    """A payment is taken in QuickBooks, and its notice comes before the service understands it."""
    company, customer = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.person.take_payment(customer, "100.00", {world.one("Invoice")["Id"]: "100.00"})
    intake = replace(world.service.intake, quickbooks_notices=BeforeTheFix(world.service.intake.quickbooks_notices))
    for headers, body in world.qbo.webhooks.drain():
        assert intake.quickbooks(body, headers["intuit-signature"])


def test_a_notice_that_could_not_be_read_counts_as_a_problem_and_is_shown_by_its_cause(world: World) -> None:
    a_notice_that_is_not_understood(world)

    [entry] = groups(world)

    assert entry["code"] == "unreadable_notice"
    assert world.desk.connection("acc-1")["problems"] == entry["count"] == len(world.problems())
    shown = world.service.problem_desk.problem(world.problems()[0]["id"])
    assert "eventNotifications" in shown["body"] or "specversion" in shown["body"]


def test_a_stored_notice_is_read_again_after_a_fix_and_takes_effect_once(world: World) -> None:
    a_notice_that_is_not_understood(world)
    waiting = world.service.replaying.notices("acc-1", states=("quarantined",), cursor=None, limit=10)["data"]
    nobodys = world.service.replaying.notices(None, states=("quarantined",), cursor=None, limit=10)["data"]
    assert (waiting, len(nobodys)) == ([], 1)

    counts = world.service.replaying.replay([nobodys[0]["id"]], actor="sam")
    world.settle()
    again = world.service.replaying.replay([nobodys[0]["id"]], actor="sam")
    world.settle()

    assert counts == {"replayed": 1, "unreadable": 0}
    assert again["replayed"] == 1
    assert len(world.account.all("payment")) == 1
    assert groups(world) == []
    assert world.desk.connection("acc-1")["problems"] == 0
    world.check()


def test_a_notice_that_still_cannot_be_read_stays_where_it_is(world: World) -> None:
    a_notice_that_is_not_understood(world)
    before = world.service
    intake = replace(before.intake, quickbooks_notices=BeforeTheFix(before.intake.quickbooks_notices))
    [notice] = before.replaying.notices(None, states=("quarantined",), cursor=None, limit=10)["data"]

    counts = Replaying(before.store, intake).replay([notice["id"]], actor="sam")

    assert counts == {"replayed": 0, "unreadable": 1}
    assert [entry["code"] for entry in groups(world)] == ["unreadable_notice"]


def test_a_notice_that_was_worked_is_looked_at_again_without_a_second_effect(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    done = world.service.replaying.notices("acc-1", states=("done",), cursor=None, limit=500)["data"]
    writes = world.company.calls.free

    world.service.replaying.replay([notice["id"] for notice in done], actor="sam")
    world.settle()

    assert done
    assert world.company.calls.free == writes
    assert len(world.all("Invoice")) == 1
    world.check()


def test_a_notice_of_the_erps_without_an_id_is_put_aside_with_a_reason(world: World) -> None:
    notice = {"type": "INVOICE", "event": "UPDATE", "id": "inv-1", "occurred_datetime": "2026-03-02T17:00:00Z"}
    body = json.dumps({**notice, "object": {"total": "10.00"}, "changes": {}}).encode()
    signature = f"sha256={hmac.new(b'sim-erp-secret', body, hashlib.sha256).hexdigest()}"
    assert world.service.intake.erp("acc-1", body, signature) == "accepted"
    [entry] = groups(world)

    gone = world.service.problem_desk.dismiss_group("acc-1", entry["cause_group"], reason="a test", actor="sam")

    assert (gone, entry["account_id"]) == (1, "acc-1")
    assert groups(world) == []
    rows = world.desk.audit("acc-1", record=None, run=None, cursor=None, limit=500)["data"]
    assert [(row["actor"], "a test" in row["why"]) for row in rows if row["action"] == "dismiss"] == [("sam", True)]


# -------------------------------------------------------------------------------------------------- search


def a_used_credit(world: World) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A credit of 120, 100 of it used on an invoice: (company, credit, invoice)."""
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    credit = world.user.create_credit(company_id=company, amount="120.00")
    uses = [{"credit_id": credit["id"], "amount": "100.00"}]
    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00", credits=uses, method=None)
    world.settle()
    return company, credit, invoice


def card(world: World, pasted: str) -> dict[str, Any]:
    found = world.service.search.find(pasted)
    return dict(found["cards"][0])


def test_a_credits_card_says_both_states_its_uses_and_a_sentence_for_the_customer(world: World) -> None:
    _, credit, invoice = a_used_credit(world)

    found = card(world, credit["credit_number"])

    assert found["title"] == f"Credit {credit['credit_number']}"
    assert (found["erp"]["amount"], found["erp"]["open"]) == ("120.00", "20.00")
    assert (found["quickbooks"]["type"], found["quickbooks"]["amount"]) == ("CreditMemo", "120.00")
    assert found["quickbooks"]["open"] == "20.00"
    [use] = found["applications"]
    assert (use["erp"], use["quickbooks"], use["differs"]) == ("100.00", "100.00", False)
    assert use["along_with"] == [f"Invoice {invoice['invoice_number']}"]
    assert found["sync"]["status"] == "SYNCED"
    assert found["sentence"] == (
        f"Credit {credit['credit_number']} of $120.00 was put against invoice {invoice['invoice_number']} "
        "on 2 March ($100.00); $20.00 is left."
    )
    assert found["caution"] is None
    assert found["history"][0]["why"]
    assert {action["action"] for action in found["actions"]} == {"refresh", "reconcile"}


@pytest.mark.parametrize(
    "spelled", ["{number}", "#{number}", "invoice {number}", "  {number} ", "{id}", "Distru invoice {id}"]
)
def test_one_thing_is_found_however_it_is_pasted(world: World, spelled: str) -> None:
    _, _, invoice = a_used_credit(world)

    found = world.service.search.find(spelled.format(number=invoice["invoice_number"], id=invoice["id"]))

    assert (found["cards"][0]["kind"], found["cards"][0]["erp_id"]) == ("INVOICE", invoice["id"])
    assert f"Invoice {invoice['invoice_number']} of $100.00" in found["cards"][0]["sentence"]


def test_a_quickbooks_id_leads_to_the_record_that_it_stands_for(world: World) -> None:
    _, credit, _ = a_used_credit(world)

    found = world.service.search.find(world.one("CreditMemo")["Id"], "acc-1")

    assert credit["id"] in {hit["erp_id"] for hit in found["hits"]}


def test_a_part_of_a_companys_name_finds_it_with_what_it_owes(world: World) -> None:
    company, _, _ = a_used_credit(world)
    world.user.create_invoice(company_id=company, amount="50.00")
    world.settle()

    found = card(world, "sunset")

    assert (found["kind"], found["erp_id"]) == ("COMPANY", company)
    assert found["sentence"] == "Sunset Dispensary owes $50.00 on 1 open invoice, and has $20.00 of unused credit."


def test_what_only_quickbooks_has_is_found_by_its_number(one_way: World) -> None:
    world = one_way
    _, customer = world.linked_company()
    world.person.write_credit_memo(customer, "80.00", number="CM-77")
    world.settle()
    world.reconcile()

    found = card(world, "cm-77")

    assert (found["erp"], found["quickbooks"]["number"], found["quickbooks"]["open"]) == (None, "CM-77", "80.00")
    assert found["sentence"] == "Credit memo CM-77 of $80.00 is in QuickBooks only; $80.00 of it is open."


def test_the_card_of_a_refused_credit_shows_its_problem_and_warns_before_the_sentence(world: World) -> None:
    credits_on_an_inactive_item(world, "Breakage", ["10.00"])
    number = world.account.all("credit")[0]["credit_number"]

    found = card(world, number)

    assert [problem["code"] for problem in found["problems"]] == ["item_unusable"]
    assert found["quickbooks"] is None
    assert found["sync"]["status"] == "ERROR"
    assert found["caution"]
    assert "retry" in {action["action"] for action in found["actions"]}


def test_what_an_overpayment_became_is_told_with_what_is_left_of_it(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    payment = world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    world.settle()

    found = card(world, payment["payment_number"])

    credit = world.account.all("credit")[0]["credit_number"]
    assert found["sentence"] == (
        f"Payment {payment['payment_number']} of $120.00 (2 March): $100.00 went to invoice "
        f"{invoice['invoice_number']} and $20.00 became credit {credit}, $20.00 of which is left."
    )
    assert (found["quickbooks"]["amount"], found["quickbooks"]["open"]) == ("120.00", "20.00")
    assert [use["what"] for use in found["applications"]] == [f"Invoice {invoice['invoice_number']}"]


def test_nothing_is_found_without_an_error(world: World) -> None:
    assert world.service.search.find("no such number")["hits"] == []
    assert world.service.search.find("   ")["hits"] == []


def test_looking_makes_no_call_to_either_side(world: World) -> None:
    _, credit, _ = a_used_credit(world)
    before = (world.company.calls.free, world.company.calls.metered)

    card(world, credit["credit_number"])

    assert (world.company.calls.free, world.company.calls.metered) == before


def test_a_credit_from_before_a_hard_disconnect_is_still_found(world: World) -> None:
    _, credit, _ = a_used_credit(world)
    world.desk.disconnect("acc-1", mode="hard", confirm="Emerald Wholesale", actor=world.actor)
    world.settle()

    found = card(world, credit["id"])

    assert [link["epoch"] for link in found["earlier"]] == [1]
    assert found["actions"] == []
