"""What the ERP asks before it lets a person act: open items, guards, a fresh pull; and what support downloads."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import requests

from fixtures.simulators.erp.errors import UserRefused
from fixtures.simulators.transport import WsgiAdapter
from mappings.guards import MAPPED_AND_PAID, OVERPAID, OVERPAYMENT
from service.engine.desk import Desk
from service.errors import Reason, Rejected
from service.web import create_app, shapes
from tests.stories.world import QBO_URL, World


def items(world: World, company: str) -> dict[str, Any]:
    found = world.desk.open_items("acc-1", company)
    shapes.OpenItems.model_validate(found)
    return found


def invoice_guards(world: World, invoice: dict[str, Any]) -> dict[str, Any]:
    found = world.desk.invoice_guards("acc-1", invoice["id"])
    shapes.InvoiceGuards.model_validate(found)
    return found


def credit_guards(world: World, credit: dict[str, Any]) -> dict[str, Any]:
    found = world.desk.credit_guards("acc-1", credit["id"])
    shapes.CreditGuards.model_validate(found)
    return found


def an_order(world: World, company: str, price: str = "80") -> dict[str, Any]:
    return world.user.create_order(
        company_id=company, items=[{"description": "flower", "quantity": "1", "unit_price": price}]
    )


# ---------------------------------------------------------------------------------------------- open items


def test_open_items_show_both_books_ids_numbers_and_open_amounts(world: World) -> None:
    company, customer = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="30.00")
    credit = world.user.create_credit(company_id=company, amount="20.00")
    world.settle()

    found = items(world, company)

    assert (found["company"]["id"], found["company"]["quickbooks_id"]) == (company, customer)
    [owed], [spendable] = found["invoices"], found["credits"]
    assert (owed["erp_id"], owed["quickbooks_id"]) == (invoice["id"], world.one("Invoice")["Id"])
    assert (owed["erp_number"], owed["quickbooks_number"]) == (invoice["invoice_number"], invoice["invoice_number"])
    assert (owed["amount"], owed["erp_open"], owed["quickbooks_open"]) == ("100.00", "70.00", "70.00")
    assert (spendable["erp_id"], spendable["quickbooks_type"]) == (credit["id"], "CREDIT_MEMO")
    assert (spendable["erp_open"], spendable["quickbooks_open"]) == ("20.00", "20.00")
    assert found["applicable"] == [{"credit_id": credit["id"], "invoice_id": invoice["id"], "maximum": "20.00"}]
    world.check()


def test_what_is_settled_in_both_books_is_not_open(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    world.settle()

    found = items(world, company)

    assert {name: found[name] for name in ("invoices", "credits", "deposits", "unapplied", "reserved")} == {
        "invoices": [],
        "credits": [],
        "deposits": [],
        "unapplied": [],
        "reserved": [],
    }


def test_an_overpayment_never_pays_the_invoice_that_produced_it_and_may_pay_any_other(world: World) -> None:
    company, _ = world.linked_company()
    first = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=first["id"], amount="120.00")
    world.user.edit_invoice(invoice_id=first["id"], amount="130.00")
    second = world.user.create_invoice(company_id=company, amount="15.00")
    world.settle()

    found = items(world, company)

    [credit] = found["credits"]
    assert (credit["quickbooks_type"], credit["quickbooks_open"]) == ("PAYMENT", "20.00")
    [held] = found["unapplied"]
    assert (held["kind"], held["quickbooks_id"], held["quickbooks_open"]) == (
        "PAYMENT",
        credit["quickbooks_id"],
        "20.00",
    )
    assert found["applicable"] == [{"credit_id": credit["erp_id"], "invoice_id": second["id"], "maximum": "15.00"}]
    world.check()


def test_credits_are_offered_oldest_first_in_a_stable_order(world: World) -> None:
    company, _ = world.linked_company()
    credits = [world.user.create_credit(company_id=company, amount=amount)["id"] for amount in ("30", "10", "20")]
    invoices = [world.user.create_invoice(company_id=company, amount=amount)["id"] for amount in ("25", "50")]
    world.settle()

    pairs = [(pair["credit_id"], pair["invoice_id"], pair["maximum"]) for pair in items(world, company)["applicable"]]

    assert [credit for credit, _, _ in pairs] == [credit for credit in credits for _ in invoices]
    assert pairs[0] == (credits[0], invoices[0], "25.00")
    assert pairs == [tuple(pair.values()) for pair in items(world, company)["applicable"]]


def test_a_credit_promised_to_an_open_order_is_reserved_and_skipped(world: World) -> None:
    company, _ = world.linked_company()
    promised = world.user.create_credit(company_id=company, amount="50.00")
    free = world.user.create_credit(company_id=company, amount="5.00")
    order = an_order(world, company)
    world.user.receive_payment(
        order_id=order["id"], amount="50.00", method=None, credits=[{"credit_id": promised["id"], "amount": "50.00"}]
    )
    invoice = world.user.create_invoice(company_id=company, amount="60.00")
    world.settle()

    found = items(world, company)

    [reserved] = found["reserved"]
    assert (reserved["kind"], reserved["erp_id"], reserved["amount"]) == ("CREDIT", promised["id"], "50.00")
    assert reserved["order_id"] == order["id"]
    shown = next(credit for credit in found["credits"] if credit["erp_id"] == promised["id"])
    assert (shown["erp_open"], shown["quickbooks_open"], shown["reserved"]) == ("0.00", "50.00", "50.00")
    assert found["applicable"] == [{"credit_id": free["id"], "invoice_id": invoice["id"], "maximum": "5.00"}]

    world.user.invoice_order(order["id"])
    world.settle()

    assert items(world, company)["reserved"] == []
    world.check()


def test_a_reservation_is_released_when_its_order_dies(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="50.00")
    order = an_order(world, company)
    world.user.receive_payment(
        order_id=order["id"], amount="50.00", method=None, credits=[{"credit_id": credit["id"], "amount": "50.00"}]
    )
    invoice = world.user.create_invoice(company_id=company, amount="60.00")
    world.settle()

    world.user.cancel_order(order["id"])
    world.settle()

    found = items(world, company)
    assert found["reserved"] == []
    assert found["applicable"] == [{"credit_id": credit["id"], "invoice_id": invoice["id"], "maximum": "50.00"}]
    world.check()


def test_money_on_an_order_that_is_not_invoiced_is_a_deposit_and_reserved(world: World) -> None:
    company, _ = world.linked_company()
    order = an_order(world, company)
    payment = world.user.receive_payment(order_id=order["id"], amount="50.00")
    world.settle()

    found = items(world, company)

    [deposit], [reserved] = found["deposits"], found["reserved"]
    assert (deposit["erp_id"], deposit["erp_open"], deposit["quickbooks_open"]) == (payment["id"], "50.00", "50.00")
    assert deposit["quickbooks_id"] == world.one("Payment")["Id"]
    assert (reserved["kind"], reserved["erp_id"]) == ("PAYMENT", payment["id"])
    assert (found["unapplied"], found["credits"]) == ([], [])


def test_what_only_quickbooks_has_is_shown_without_an_id_of_the_erp(one_way: World) -> None:
    company, customer = one_way.linked_company()
    one_way.person.create_invoice(customer, "40.00", number="Q-1")
    memo = one_way.person.write_credit_memo(customer, "15.00", number="CM-9")
    one_way.settle()
    one_way.reconcile()

    found = items(one_way, company)

    [invoice], [credit] = found["invoices"], found["credits"]
    assert (invoice["erp_id"], invoice["quickbooks_number"], invoice["erp_open"]) == (None, "Q-1", None)
    assert (credit["quickbooks_id"], credit["quickbooks_open"]) == (memo["Id"], "15.00")
    assert found["applicable"] == []


def test_a_credit_that_stays_in_the_erp_one_way_is_open_there_alone(one_way: World) -> None:
    company, _ = one_way.linked_company()
    credit = one_way.user.create_credit(company_id=company, amount="20.00")
    invoice = one_way.user.create_invoice(company_id=company, amount="60.00")
    one_way.settle()

    found = items(one_way, company)

    [shown] = found["credits"]
    assert (shown["erp_open"], shown["quickbooks_open"], shown["quickbooks_id"]) == ("20.00", None, None)
    assert found["applicable"] == [{"credit_id": credit["id"], "invoice_id": invoice["id"], "maximum": "20.00"}]


# ------------------------------------------------------------------------------------------ invoice guards


def test_an_invoice_with_payments_keeps_its_customer_until_they_are_void(world: World) -> None:
    _an_invoice_with_payments_keeps_its_customer(world)
    world.check()


def test_an_invoice_with_payments_keeps_its_customer_one_way_too(one_way: World) -> None:
    _an_invoice_with_payments_keeps_its_customer(one_way)
    one_way.check()


def _an_invoice_with_payments_keeps_its_customer(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    payment = world.user.receive_payment(invoice_id=invoice["id"], amount="40.00")
    world.settle()

    change = invoice_guards(world, invoice)["change_customer"]

    assert (change["allowed"], change["reason"]) == (False, MAPPED_AND_PAID)
    [blocking] = change["blocking"]
    assert (blocking["kind"], blocking["erp_id"], blocking["erp_number"]) == (
        "PAYMENT",
        payment["id"],
        payment["payment_number"],
    )
    assert blocking["quickbooks_id"] == world.one("Payment")["Id"]

    world.user.void_payment(payment_id=payment["id"])
    world.settle()

    assert invoice_guards(world, invoice)["change_customer"] == {"allowed": True, "reason": None, "blocking": []}


def test_an_overpayment_credit_keeps_the_customer_too(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    world.settle()

    change = invoice_guards(world, invoice)["change_customer"]

    assert not change["allowed"]
    assert MAPPED_AND_PAID in change["reason"]
    assert OVERPAID in change["reason"]
    assert sorted(blocker["kind"] for blocker in change["blocking"]) == ["CREDIT", "PAYMENT"]


def test_an_invoice_that_never_reached_quickbooks_may_change_its_customer_though_it_is_paid(unconnected: World) -> None:
    company, _ = unconnected.linked_company()
    invoice = unconnected.user.create_invoice(company_id=company, amount="100.00")
    unconnected.user.receive_payment(invoice_id=invoice["id"], amount="40.00")
    unconnected.clock.sleep(60)
    unconnected.connect()
    unconnected.settle()

    assert invoice_guards(unconnected, invoice)["change_customer"]["allowed"]


def test_a_payment_that_only_quickbooks_has_keeps_the_customer_as_well(one_way: World) -> None:
    company, customer = one_way.linked_company()
    invoice = one_way.user.create_invoice(company_id=company, amount="100.00")
    one_way.settle()
    payment = one_way.person.take_payment(customer, "25.00", {one_way.one("Invoice")["Id"]: "25.00"})
    one_way.settle()
    one_way.reconcile()

    change = invoice_guards(one_way, invoice)["change_customer"]

    assert (change["allowed"], change["reason"]) == (False, MAPPED_AND_PAID)
    assert [(one["erp_id"], one["quickbooks_id"]) for one in change["blocking"]] == [(None, payment["Id"])]


def test_what_quickbooks_would_refuse_is_said_before(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    world.settle()
    assert invoice_guards(world, invoice)["delete"]["allowed"]
    world.person.deposit([world.one("Payment")["Id"]])
    world.settle()
    world.reconcile()

    guards = invoice_guards(world, invoice)

    assert "remove it from the deposit first" in guards["delete"]["reason"]
    assert guards["void"]["allowed"]


def test_closed_books_keep_an_invoice_as_it_is(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.person.close_books("2026-03-31")
    world.wait(hours=7)

    guards = invoice_guards(world, invoice)

    assert "2026-03-31" in guards["void"]["reason"]
    assert [blocker["erp_id"] for blocker in guards["delete"]["blocking"]] == [invoice["id"]]


def test_a_voided_invoice_is_not_voided_again(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.cancel_order(invoice["order"]["id"])
    world.settle()

    assert not invoice_guards(world, invoice)["void"]["allowed"]


# ------------------------------------------------------------------------------------------- credit guards


def test_a_manual_credit_may_be_edited_down_to_what_is_used(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="150.00")
    invoice = world.user.create_invoice(company_id=company, amount="60.00")
    payment = world.user.receive_payment(
        invoice_id=invoice["id"], amount="60.00", method=None, credits=[{"credit_id": credit["id"], "amount": "60.00"}]
    )
    world.settle()

    guards = credit_guards(world, credit)

    assert (guards["edit_amount"]["allowed"], guards["edit_amount"]["minimum"]) == (True, "60.00")
    assert (guards["cancel"]["allowed"], guards["cancel"]["modes"]) == (True, ["balance_only", "revert"])
    assert not guards["delete"]["allowed"]
    assert "unused" in guards["delete"]["reason"]
    assert [blocker["erp_id"] for blocker in guards["delete"]["blocking"]] == [payment["id"]]


def test_an_unused_manual_credit_may_be_edited_cancelled_and_deleted(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="150.00")
    world.settle()

    guards = credit_guards(world, credit)

    assert [guards[name]["allowed"] for name in ("edit_amount", "cancel", "delete")] == [True, True, True]
    assert guards["edit_amount"]["minimum"] == "0.00"


def test_what_quickbooks_used_counts_though_the_erp_knows_nothing_of_it(one_way: World) -> None:
    """One-way, a return's memo is put on an invoice of QuickBooks' own: no edit goes below that."""
    company, customer = one_way.linked_company()
    returned = one_way.user.create_return(company_id=company, items=[{"quantity": "1", "price": "90"}])
    one_way.user.complete_return(returned["id"])
    one_way.settle()
    [credit] = one_way.account.all("credit", company)
    foreign = one_way.person.create_invoice(customer, "70.00")
    one_way.person.apply_credit(one_way.one("CreditMemo")["Id"], foreign["Id"], "70.00")
    one_way.settle()
    one_way.reconcile()

    guards = credit_guards(one_way, credit)

    assert guards["edit_amount"]["minimum"] == "70.00"
    assert not guards["delete"]["allowed"]
    assert [blocker["quickbooks_type"] for blocker in guards["delete"]["blocking"]][-1] == "PAYMENT"


def test_a_refund_counts_as_used(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="100.00")
    world.settle()
    world.user.refund_credit(credit["id"], "35.00")
    world.settle()

    guards = credit_guards(world, credit)

    assert guards["edit_amount"]["minimum"] == "35.00"
    assert [blocker["kind"] for blocker in guards["delete"]["blocking"]] == ["REFUND"]


def test_an_overpayment_credit_says_void_the_associated_payment_instead(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    payment = world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    world.settle()
    [credit] = world.account.all("credit", company)

    guards = credit_guards(world, credit)

    for guard in guards.values():
        assert (guard["allowed"], guard["reason"]) == (False, OVERPAYMENT)
        assert [blocker["erp_id"] for blocker in guard["blocking"]] == [payment["id"]]
    assert "void the associated payment instead" in OVERPAYMENT
    assert guards["cancel"]["modes"] == []


def test_a_prepayment_of_quickbooks_is_no_more_editable_than_an_overpayment(world: World) -> None:
    company, customer = world.linked_company()
    world.person.take_payment(customer, "500.00")
    world.settle()
    [credit] = world.account.all("credit", company)

    guards = credit_guards(world, credit)

    assert {guard["reason"] for guard in guards.values()} == {OVERPAYMENT}


def test_of_a_returns_credit_only_the_notes_change(world: World) -> None:
    company, _ = world.linked_company()
    returned = world.user.create_return(company_id=company, items=[{"quantity": "1", "price": "90"}])
    world.user.complete_return(returned["id"])
    world.settle()
    [credit] = world.account.all("credit", company)

    guards = credit_guards(world, credit)

    assert [guards[name]["allowed"] for name in ("edit_amount", "cancel", "delete")] == [False, False, False]
    assert "return" in guards["edit_amount"]["reason"]


def test_a_memo_of_quickbooks_keeps_its_amount_in_the_erp(world: World) -> None:
    company, customer = world.linked_company()
    world.person.write_credit_memo(customer, "80.00", number="CM-77")
    world.settle()
    [credit] = world.account.all("credit", company)

    guards = credit_guards(world, credit)

    assert [guards[name]["allowed"] for name in ("edit_amount", "cancel", "delete")] == [False, True, True]


def test_guards_say_the_same_as_the_erp_does(world: World) -> None:
    """What a guard allows the ERP's own rules allow, and what it forbids they refuse."""
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    manual = world.user.create_credit(company_id=company, amount="20.00")
    world.settle()

    for credit in world.account.all("credit", company):
        guards = credit_guards(world, credit)
        assert _is_refused(lambda id=credit["id"]: world.user.delete_credit(id)) is not guards["delete"]["allowed"]
    assert world.account.get("credit", manual["id"])["deleted_at"]
    other = world.user.create_company(name="Other")
    changed = _is_refused(lambda: world.user.edit_invoice(invoice_id=invoice["id"], company_id=other["id"]))
    assert changed is not invoice_guards(world, invoice)["change_customer"]["allowed"]
    world.settle()
    world.check()


def _is_refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except UserRefused:
        return True
    return False


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda desk: desk.open_items("acc-1", "nobody"), "unknown_company"),
        (lambda desk: desk.invoice_guards("acc-1", "nothing"), "unknown_invoice"),
        (lambda desk: desk.credit_guards("acc-1", "nothing"), "unknown_credit"),
        (lambda desk: desk.credit_guards("acc-9", "nothing"), "unknown_account"),
        (
            lambda desk: desk.refresh("acc-1", company_id=None, invoice_id="nothing", actor="erp"),
            "unknown_invoice",
        ),
        (lambda desk: desk.refresh("acc-1", company_id="nobody", invoice_id=None, actor="erp"), "unknown_company"),
    ],
)
def test_what_nobody_told_of_is_not_found(world: World, ask: Callable[[Desk], object], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        ask(world.desk)

    assert (refused.value.reason, refused.value.code) == (Reason.NOT_FOUND, code)


def test_a_deleted_credit_is_not_found(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="10.00")
    world.user.delete_credit(credit["id"])
    world.settle()

    with pytest.raises(Rejected) as refused:
        world.desk.credit_guards("acc-1", credit["id"])

    assert refused.value.code == "unknown_credit"


# ------------------------------------------------------------------------------------------------- refresh


def refresh(world: World, **whose: str | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"company_id": None, "invoice_id": None, **whose}
    return world.desk.refresh("acc-1", **asked, actor="token:erp")


def test_a_refresh_brings_what_quickbooks_took_before_the_erp_takes_a_payment(world: World) -> None:
    company, customer = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.person.take_payment(customer, "100.00", {world.one("Invoice")["Id"]: "100.00"})

    answer = refresh(world, invoice_id=invoice["id"])

    assert answer["fresh"]
    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "0.00"
    world.settle()
    world.check()


def test_an_invoice_of_a_moment_ago_can_be_refreshed_before_its_notice_came(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")

    assert refresh(world, invoice_id=invoice["id"])["fresh"]


@pytest.mark.parametrize("fault", ["timeout_before", "http_503_html", "throttle_json"])
def test_a_quickbooks_that_does_not_answer_means_busy_and_afterwards_fresh(world: World, fault: str) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.qbo.faults.add(match={}, kind=fault, times=None)

    with pytest.raises(Rejected) as busy:
        refresh(world, company_id=company)
    assert (busy.value.reason, busy.value.code) == (Reason.BUSY, "busy")
    assert busy.value.retry_after_s

    world.qbo.faults.clear()
    world.wait(minutes=6)
    assert refresh(world, company_id=company)["fresh"]
    world.check()


class SlowWorld(World):
    """A QuickBooks that answers only once `gate` is open, and a desk that is not patient."""

    def __init__(self, database_url: str) -> None:
        self.gate = threading.Event()
        self.gate.set()
        super().__init__(database_url)
        self.desk.refresh_s = 0.2

    def session(self) -> requests.Session:
        session = super().session()
        session.mount(QBO_URL, WsgiAdapter(self._when_open))
        return session

    def open_up(self) -> None:
        """Let QuickBooks answer, and the pull that nobody waits for any more come to its end."""
        self.gate.set()
        self.desk.refresh_s = 20
        for pull in [thread for thread in threading.enumerate() if thread.name == "refresh"]:
            pull.join()

    def _when_open(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.gate.wait(30)
        return self.qbo.app(environ, start_response)


def test_a_slow_quickbooks_means_busy_in_time_and_the_pull_goes_on(database_url: str) -> None:
    world = SlowWorld(database_url)
    company, customer = world.linked_company()
    world.settle()
    world.person.write_credit_memo(customer, "20.00")
    world.gate.clear()

    with pytest.raises(Rejected) as busy:
        refresh(world, company_id=company)
    assert busy.value.code == "busy"

    world.open_up()
    assert [credit["amount"] for credit in world.account.all("credit", company)] == ["20.00"]
    assert refresh(world, company_id=company)["fresh"]
    world.close()


def test_a_connection_that_lost_its_grant_is_not_called_busy(world: World) -> None:
    world.desk.disconnect("acc-1", mode="soft", confirm=world.account.name, actor=world.actor)
    world.settle()

    with pytest.raises(Rejected) as refused:
        refresh(world, company_id="any")

    assert (refused.value.reason, refused.value.code) == (Reason.CONFLICT, "not_connected")


# ------------------------------------------------------------------------------------------- through the web


class Browser:
    """The real application over the real engine, called with a role's token."""

    def __init__(self, world: World, role: str) -> None:
        self._client = create_app(
            desk=world.desk,
            intake=world.service.intake,
            figures=world.service.figures,
            public_url="https://sync.example",
        ).test_client()
        world.desk.bootstrap_tokens[f"{role}-token"] = role
        self._headers = {"Authorization": f"Bearer {role}-token"}

    def get(self, path: str, accept: str = "application/json") -> Any:
        return self._client.get(f"/api/v1/connections/acc-1/{path}", headers=self._headers | {"Accept": accept})

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._client.post(f"/api/v1/connections/acc-1/{path}", headers=self._headers, json=body)


def rows(response: Any) -> list[dict[str, str]]:
    assert (response.status_code, response.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(response.text)))


def test_links_and_tie_out_come_as_csv_that_no_spreadsheet_runs(world: World) -> None:
    company, customer = world.linked_company(name="=HYPERLINK(1)")
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    support = Browser(world, "support")

    [line] = [row for row in rows(support.get("links?kind=INVOICE", "text/csv")) if row["erp_id"] == invoice["id"]]
    [proof] = rows(support.get("tie-out", "text/csv"))

    assert (line["quickbooks_id"], line["status"]) == (world.one("Invoice")["Id"], "SYNCED")
    assert (proof["name"], proof["quickbooks_id"]) == ("'=HYPERLINK(1)", customer)
    assert (proof["erp_ar"], proof["difference"]) == ("100.00", "0.00")


def test_the_erp_asks_over_http_and_gets_the_contracts_answers(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    credit = world.user.create_credit(company_id=company, amount="20.00")
    world.settle()
    erp = Browser(world, "erp")

    found = erp.get(f"companies/{company}/open-items").get_json()
    assert found["applicable"] == [{"credit_id": credit["id"], "invoice_id": invoice["id"], "maximum": "20.00"}]
    assert erp.get(f"invoices/{invoice['id']}/guards").get_json()["change_customer"]["allowed"]
    assert erp.get(f"credits/{credit['id']}/guards").get_json()["edit_amount"]["minimum"] == "0.00"
    assert erp.get("credits/nothing/guards").status_code == 404
    assert erp.post("refresh", {"invoice_id": invoice["id"]}).get_json()["fresh"]
    assert erp.post("refresh", {"invoice_id": "nothing"}).get_json()["code"] == "unknown_invoice"
    assert erp.get("legacy-overpayments").get_json()["code"] == "support_only"


def test_busy_says_when_to_ask_again(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.qbo.faults.add(match={}, kind="timeout_before", times=None)

    answer = Browser(world, "erp").post("refresh", {"company_id": company})

    assert (answer.status_code, answer.get_json()["code"]) == (503, "busy")
    assert int(answer.headers["Retry-After"]) > 0
