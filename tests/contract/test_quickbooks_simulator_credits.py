"""How credits, payments and invoices move each other, over the API (REFERENCE 3, 4, 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.contract.quickbooks_simulator_world import (
    World,
    payment,
    sales_form,
    sales_line,
    token_of,
    world,
)

__all__ = ["world"]


@pytest.fixture
def customer(world: World) -> str:
    return world.customer()


def invoice_of(world: World, customer: str, amount: str, **more: Any) -> Any:
    return world.post("Invoice", sales_form(customer, amount, **more))


def memo_of(world: World, customer: str, amount: str, **more: Any) -> Any:
    return world.post("CreditMemo", sales_form(customer, amount, **more))


def applied(world: World, customer: str, memo: Any, invoice: Any, amount: str) -> Any:
    lines = (("Invoice", invoice["Id"], amount), ("CreditMemo", memo["Id"], amount))
    return world.post("Payment", payment(customer, "0", *lines))


def test_a_credit_memo_lowers_what_the_customer_owes_at_once(world: World, customer: str) -> None:
    memo_of(world, customer, "100.00")

    assert world.get("Customer", customer)["Balance"] == Decimal("-100.00")


def test_applying_a_credit_moves_both_documents_and_no_money(world: World, customer: str) -> None:
    invoice, memo = invoice_of(world, customer, "250.00"), memo_of(world, customer, "100.00")

    linking = applied(world, customer, memo, invoice, "100.00")

    assert (linking["TotalAmt"], linking["UnappliedAmt"], "DepositToAccountRef" in linking) == (0, 0, False)
    after, used = world.get("Invoice", invoice["Id"]), world.get("CreditMemo", memo["Id"])
    assert (after["Balance"], after["SyncToken"]) == (Decimal("150.00"), "1")
    assert after["LinkedTxn"] == [{"TxnId": linking["Id"], "TxnType": "Payment"}]
    assert (used["RemainingCredit"], used["Balance"], used["TotalAmt"]) == (0, 0, Decimal("100.00"))
    assert "LinkedTxn" not in used
    assert world.company.balance(customer) == 15_000


def test_cash_and_credit_pay_one_invoice_together(world: World, customer: str) -> None:
    invoice, memo = invoice_of(world, customer, "100.00"), memo_of(world, customer, "40.00")

    paid = world.post(
        "Payment",
        payment(customer, "60.00", ("Invoice", invoice["Id"], "100.00"), ("CreditMemo", memo["Id"], "40.00")),
    )

    assert (paid["UnappliedAmt"], paid["DepositToAccountRef"]) == (0, {"value": "4"})
    assert world.get("Invoice", invoice["Id"])["Balance"] == 0


def test_what_is_paid_beyond_the_balance_stays_unapplied(world: World, customer: str) -> None:
    invoice = invoice_of(world, customer, "5.00")

    paid = world.post("Payment", payment(customer, "30.00", ("Invoice", invoice["Id"], "30.00")))

    assert (paid["Line"][0]["Amount"], paid["UnappliedAmt"]) == (Decimal("5.00"), Decimal("25.00"))


def test_unapplied_money_is_applied_later_by_one_more_line(world: World, customer: str) -> None:
    first, second = invoice_of(world, customer, "100.00"), invoice_of(world, customer, "50.00")
    paid = world.post("Payment", payment(customer, "120.00", ("Invoice", first["Id"], "100.00")))

    more = payment(customer, "120.00", ("Invoice", first["Id"], "100.00"), ("Invoice", second["Id"], "20.00"))
    changed = world.post("Payment", {**more, **token_of(paid)})

    assert (changed["UnappliedAmt"], changed["SyncToken"], changed["TotalAmt"]) == (0, "1", Decimal("120.00"))
    assert world.get("Invoice", second["Id"])["Balance"] == Decimal("30.00")
    assert world.get("Invoice", first["Id"])["SyncToken"] == "1", "its link did not change"


def test_an_update_with_no_lines_takes_every_application_off(world: World, customer: str) -> None:
    invoice = invoice_of(world, customer, "100.00")
    paid = world.post("Payment", payment(customer, "100.00", ("Invoice", invoice["Id"], "100.00")))

    changed = world.post("Payment", {**payment(customer, "100.00"), **token_of(paid)})

    assert (changed["Line"], changed["UnappliedAmt"]) == ([], Decimal("100.00"))
    assert world.get("Invoice", invoice["Id"])["LinkedTxn"] == []


def test_deleting_the_zero_payment_gives_the_credit_back(world: World, customer: str) -> None:
    invoice, memo = invoice_of(world, customer, "100.00"), memo_of(world, customer, "100.00")
    linking = applied(world, customer, memo, invoice, "100.00")

    world.delete("Payment", linking)

    assert world.get("CreditMemo", memo["Id"])["RemainingCredit"] == Decimal("100.00")
    assert world.get("Invoice", invoice["Id"])["SyncToken"] == "2"
    assert world.fault(world.raw("GET", f"payment/{linking['Id']}")) == "610"


def test_a_voided_payment_stays_and_reopens_its_invoice(world: World, customer: str) -> None:
    invoice = invoice_of(world, customer, "100.00")
    paid = world.post(
        "Payment", payment(customer, "100.00", ("Invoice", invoice["Id"], "100.00"), PrivateNote="cash box")
    )

    voided = world.post("Payment", {**token_of(paid), "sparse": True}, operation="update", include="void")

    assert (voided["TotalAmt"], voided["UnappliedAmt"], voided["Line"]) == (0, 0, [])
    assert voided["PrivateNote"].startswith("Voided")
    assert voided["PrivateNote"].endswith("cash box")
    assert world.get("Invoice", invoice["Id"])["Balance"] == Decimal("100.00")


def test_voiding_a_credit_memo_by_the_api_does_nothing_and_says_200(world: World, customer: str) -> None:
    memo = memo_of(world, customer, "40.00")

    answer = world.post("CreditMemo", token_of(memo), operation="void")

    assert answer == memo


def test_a_void_carries_the_live_token_or_is_stale(world: World, customer: str) -> None:
    """A payment moves its invoice's token: the stored one is old (REFERENCE 15 #7)."""
    invoice = invoice_of(world, customer, "100.00")
    world.post("Payment", payment(customer, "10.00", ("Invoice", invoice["Id"], "10.00")))

    assert world.refused("Invoice", token_of(invoice), operation="void") == "5010"


def test_voiding_a_paid_invoice_leaves_the_money_unapplied(world: World, customer: str) -> None:
    invoice = invoice_of(world, customer, "100.00")
    paid = world.post("Payment", payment(customer, "100.00", ("Invoice", invoice["Id"], "100.00")))

    world.post("Invoice", token_of(world.get("Invoice", invoice["Id"])), operation="void")

    assert world.get("Payment", paid["Id"])["UnappliedAmt"] == Decimal("100.00")
    assert world.company.balance(customer) == world.company.receivables(customer) == -10_000


def test_an_invoice_reduced_below_its_payments_shrinks_the_newest_link(world: World, customer: str) -> None:
    invoice = invoice_of(world, customer, "100.00")
    old = world.post("Payment", payment(customer, "70.00", ("Invoice", invoice["Id"], "70.00")))
    new = world.post("Payment", payment(customer, "30.00", ("Invoice", invoice["Id"], "30.00")))
    live = world.get("Invoice", invoice["Id"])

    reduced = world.post("Invoice", {**token_of(live), "sparse": True, "Line": [sales_line("80.00")]})

    assert (reduced["TotalAmt"], reduced["Balance"]) == (Decimal("80.00"), 0)
    assert world.get("Payment", new["Id"])["UnappliedAmt"] == Decimal("20.00")
    assert world.get("Payment", old["Id"])["UnappliedAmt"] == 0


def test_a_write_that_changes_nothing_moves_nothing(world: World, customer: str) -> None:
    memo = memo_of(world, customer, "40.00", PrivateNote="as it is")
    world.clock.turn(minutes=10)

    again = world.post("CreditMemo", {**token_of(memo), "sparse": True, "PrivateNote": "as it is"})

    assert again == memo


def test_a_full_update_forgets_what_it_does_not_send(world: World, customer: str) -> None:
    memo = memo_of(world, customer, "40.00", PrivateNote="old", CustomerMemo={"value": "hello"}, TxnDate="2026-01-05")

    changed = world.post("CreditMemo", {**sales_form(customer, "40.00"), **token_of(memo)})

    assert "PrivateNote" not in changed
    assert "CustomerMemo" not in changed
    assert (changed["TxnDate"], changed["DocNumber"]) == ("2026-11-20", memo["DocNumber"])


def test_a_sparse_update_keeps_the_rest_but_replaces_all_lines(world: World, customer: str) -> None:
    form = sales_form(customer, "40.00", PrivateNote="kept")
    form["Line"].append(sales_line("2.50"))
    memo = world.post("CreditMemo", form)

    changed = world.post(
        "CreditMemo",
        {**token_of(memo), "sparse": True, "Line": [{**sales_line("7.00"), "Id": "2"}, sales_line("1.00")]},
    )

    assert changed["PrivateNote"] == "kept"
    assert [line.get("Id") for line in changed["Line"]] == ["2", "3", None]
    assert changed["TotalAmt"] == Decimal("8.00")


def test_an_explicit_null_clears_a_field(world: World, customer: str) -> None:
    memo = memo_of(world, customer, "40.00", PrivateNote="old")

    assert "PrivateNote" not in world.post("CreditMemo", {**token_of(memo), "sparse": True, "PrivateNote": None})


def test_invoices_and_credit_memos_share_one_sequence_of_numbers(world: World, customer: str) -> None:
    numbers = [invoice_of(world, customer, "1.00")["DocNumber"], memo_of(world, customer, "1.00")["DocNumber"]]
    numbers.append(invoice_of(world, customer, "1.00", DocNumber="2000")["DocNumber"])
    numbers.append(invoice_of(world, customer, "1.00")["DocNumber"])

    assert numbers == ["1001", "1002", "2000", "2001"]


def test_a_company_that_numbers_by_hand_gives_no_number(world: World, customer: str) -> None:
    world.company.preferences.custom_txn_numbers = True

    assert "DocNumber" not in memo_of(world, customer, "1.00")


def test_automatic_sales_tax_is_added_unless_the_line_is_untaxed(world: World, customer: str) -> None:
    world.company.preferences.automatic_sales_tax_percent = "8.25"

    taxed = memo_of(world, customer, "100.00")
    untaxed = world.post(
        "CreditMemo", {"CustomerRef": {"value": customer}, "Line": [sales_line("100.00", TaxCodeRef={"value": "NON"})]}
    )

    assert (taxed["TotalAmt"], taxed["TxnTaxDetail"]["TotalTax"]) == (Decimal("108.25"), Decimal("8.25"))
    assert untaxed["TotalAmt"] == Decimal("100.00")
    assert world.company.balance(customer) == world.company.receivables(customer) == -20_825


def test_a_discount_is_subtracted_and_a_line_without_item_counts_nothing(world: World, customer: str) -> None:
    form = sales_form(customer, "200.00")
    form["Line"] += [
        {"Amount": 55, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}},
        {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10}},
    ]

    assert world.post("Invoice", form)["TotalAmt"] == Decimal("180.00")


def test_inventory_leaves_with_an_invoice_and_returns_with_a_credit_memo(world: World, customer: str) -> None:
    def on_hand() -> Any:
        return world.get("Item", "3")["QtyOnHand"]

    form = {"CustomerRef": {"value": customer}, "Line": [sales_line("50.00", "3", Qty=2, UnitPrice=25)]}
    world.post("Invoice", form)
    sold = on_hand()
    memo = world.post("CreditMemo", form)
    returned = on_hand()
    world.delete("CreditMemo", memo)

    assert (sold, returned, on_hand()) == (98, 100, 98)


def test_a_cheque_on_receivables_pays_a_credit_out(world: World, customer: str) -> None:
    memo = memo_of(world, customer, "90.00")
    cheque = world.post("Purchase", cheque_for(customer, 30))
    lines = (("Check", cheque["Id"], "30.00"), ("CreditMemo", memo["Id"], "30.00"))

    linking = world.post("Payment", payment(customer, "0", *lines))

    assert [line["LinkedTxn"][0]["TxnType"] for line in linking["Line"]] == ["Check", "CreditMemo"]
    assert world.get("CreditMemo", memo["Id"])["RemainingCredit"] == Decimal("60.00")
    assert world.company.balance(customer) == world.company.receivables(customer) == -6_000


def cheque_for(customer: str, amount: int) -> dict[str, Any]:
    detail = {"AccountRef": {"value": "84"}}
    line = {"Amount": amount, "DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": detail}
    party = {"value": customer, "type": "Customer"}
    return {"PaymentType": "Check", "AccountRef": {"value": "35"}, "EntityRef": party, "Line": [line]}


def test_a_refund_receipt_pays_out_without_touching_receivables(world: World, customer: str) -> None:
    made = world.post("RefundReceipt", sales_form(customer, "20.00", DepositToAccountRef={"value": "35"}))

    assert (made["TotalAmt"], made["Balance"]) == (Decimal("20.00"), 0)
    assert world.company.balance(customer) == 0


def test_a_deposited_payment_is_frozen_without_a_new_token(world: World, customer: str) -> None:
    paid = world.post("Payment", payment(customer, "80.00"))
    deposit = world.company.person.deposit([paid["Id"]])

    frozen = world.get("Payment", paid["Id"])

    assert (frozen["SyncToken"], frozen["MetaData"]) == (paid["SyncToken"], paid["MetaData"])
    assert frozen["LinkedTxn"] == [{"TxnId": deposit["Id"], "TxnType": "Deposit"}]
    assert world.refused("Payment", token_of(paid), operation="delete") == "6540"
    world.company.person.remove_deposit(deposit["Id"])
    assert world.delete("Payment", paid)["status"] == "Deleted"


def test_closed_books_refuse_every_write_of_the_api_and_let_a_person_pass(world: World, customer: str) -> None:
    memo = memo_of(world, customer, "40.00", TxnDate="2026-03-31")
    world.company.person.close_books("2026-03-31")

    refused = [
        world.refused("CreditMemo", sales_form(customer, "1.00", TxnDate="2026-03-31")),
        world.refused("CreditMemo", {**token_of(memo), "sparse": True, "TxnDate": "2026-04-01"}),
        world.refused("CreditMemo", token_of(memo), operation="delete"),
    ]

    assert refused == ["6210"] * 3
    assert world.raw("GET", "preferences").json()["Preferences"]["AccountingInfoPrefs"]["BookCloseDate"] == "2026-03-31"
    assert world.company.person.edit_credit_memo(memo["Id"], amount="30.00")["TotalAmt"] == Decimal("30.00")
    world.company.person.close_books("2026-03-31", password=False)
    assert world.refused("CreditMemo", sales_form(customer, "1.00", TxnDate="2026-03-31")) == "6200"


def test_a_credit_of_a_closed_period_can_be_applied_today(world: World, customer: str) -> None:
    memo = memo_of(world, customer, "40.00", TxnDate="2026-03-31")
    invoice = invoice_of(world, customer, "40.00", TxnDate="2026-03-31")
    world.company.person.close_books("2026-03-31")

    applied(world, customer, memo, invoice, "40.00")

    assert world.get("Invoice", invoice["Id"])["Balance"] == 0


def test_a_company_with_foreign_customers_wants_the_currency_and_the_right_one(world: World) -> None:
    world.company.preferences.multi_currency = True
    customer = world.company.person.create_customer("Maple", currency="CAD")["Id"]

    assert world.refused("Invoice", sales_form(customer, "10.00")) == "2020"
    assert world.refused("Invoice", sales_form(customer, "10.00", CurrencyRef={"value": "USD"})) == "2220"
    form = sales_form(customer, "10.00", CurrencyRef={"value": "CAD"}, ExchangeRate=Decimal("0.75"))
    made = world.post("Invoice", form)
    assert (made["ExchangeRate"], made["HomeTotalAmt"], made["CurrencyRef"]["value"]) == (
        Decimal("0.75"),
        Decimal("7.50"),
        "CAD",
    )


def test_the_customers_time_moves_with_each_document_but_not_its_token(world: World, customer: str) -> None:
    before = world.get("Customer", customer)
    world.clock.turn(minutes=5)

    memo_of(world, customer, "10.00")

    after = world.get("Customer", customer)
    assert after["SyncToken"] == before["SyncToken"]
    assert after["MetaData"]["LastUpdatedTime"] > before["MetaData"]["LastUpdatedTime"]


def test_names_are_unique_also_among_the_inactive(world: World, customer: str) -> None:
    shown = world.get("Customer", customer)
    gone = world.post("Customer", {**token_of(shown), "sparse": True, "Active": False})

    assert (gone["DisplayName"], gone["Active"]) == ("Acme (deleted)", False)
    assert world.refused("Customer", {"DisplayName": "acme (deleted)"}) == "6240"
    assert "Customer" not in world.query("select * from Customer where DisplayName = 'Acme (deleted)'")
    statement = "select * from Customer where DisplayName = 'Acme (deleted)' and Active in (true, false)"
    assert len(world.query(statement)["Customer"]) == 1


def test_a_customer_who_owes_can_not_be_made_inactive_by_the_api(world: World, customer: str) -> None:
    invoice_of(world, customer, "10.00")
    shown = world.get("Customer", customer)

    assert world.refused("Customer", {**token_of(shown), "sparse": True, "Active": False}) == "6220"


def test_a_merged_customer_is_gone_and_its_documents_belong_to_the_other(world: World, customer: str) -> None:
    other = world.customer("Beta")
    memo = memo_of(world, customer, "40.00")
    before = world.clock.now
    world.sim.webhooks.drain()

    world.company.person.merge_customers(customer, other)

    assert world.get("CreditMemo", memo["Id"])["CustomerRef"] == {"value": other, "name": "Beta"}
    assert world.company.balance(other) == world.company.receivables(other) == -4_000
    assert world.fault(world.raw("GET", f"customer/{customer}")) == "610"
    assert world.refused("Customer", {"Id": customer, "SyncToken": "0", "sparse": True, "Notes": "x"}) == "6000"
    assert world.refused("Invoice", sales_form(customer, "1.00")) == "610"
    assert {"Deleted"} <= {row.get("status") for row in world.cdc("Customer", before)["Customer"]}
    [(_, body)] = world.sim.webhooks.drain()
    assert b"qbo.customer.merged.v1" in body
    assert f'{{"deletedid": "{customer}"}}'.encode() in body


def test_a_sub_customer_is_counted_in_its_parents_balance_with_jobs(world: World, customer: str) -> None:
    child = world.post("Customer", {"DisplayName": "Kitchen", "ParentRef": {"value": customer}, "Job": True})
    invoice_of(world, child["Id"], "10.00")

    parent = world.get("Customer", customer)

    assert (parent["Balance"], parent["BalanceWithJobs"]) == (0, Decimal("10.00"))
    assert world.get("Customer", child["Id"])["FullyQualifiedName"] == "Acme:Kitchen"


def bad(**more: Any) -> dict[str, Any]:
    return {**sales_form("1", "10.00"), **more}


REFUSED_FORMS = [
    ("2010", bad(Colour="green")),
    ("2010", bad(Line=[{**sales_line("1.00"), "Colour": "green"}])),
    ("2020", {"Line": [sales_line("1.00")]}),
    ("2020", {"CustomerRef": {"value": "1"}}),
    ("2020", bad(Line=[{"DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "2"}}}])),
    ("2250", bad(Line=[{"DetailType": "DescriptionOnly", "Description": "nothing"}])),
    ("2050", bad(DocNumber="1234567890123456789012")),
    ("2050", bad(PrivateNote="x" * 4001)),
    ("2040", bad(PrivateNote="凡例")),
    ("2060", bad(TxnDate="tomorrow")),
    ("2070", bad(TxnDate="2026-02-30")),
    ("2080", bad(Line=[{**sales_line("1.00"), "Amount": "ten"}])),
    ("2120", bad(CustomerRef="1")),
    ("2170", bad(EmailStatus="Sent")),
    ("2210", bad(BillEmail={"Address": "nobody"})),
    ("2230", bad(ApplyTaxAfterDiscount="perhaps")),
    ("2290", bad(Line=[sales_line("-1.00")])),
    ("2500", bad(CustomerRef={"value": "99"})),
    ("2500", bad(Line=[sales_line("1.00", "99")])),
    ("610", bad(Line=[sales_line("1.00", "4")])),
    ("6070", bad(Line=[sales_line("1.00", Qty=2, UnitPrice=3)])),
    ("6100", bad(Line=[sales_line("1.00", TaxCodeRef={"value": "2"})])),
    ("6270", bad(TxnDate="2019-12-31", Line=[sales_line("25.00", "3", Qty=1, UnitPrice=25)])),
    ("6520", bad(Line=[sales_line("25.00", "3")])),
]


@pytest.mark.parametrize(
    ("code", "form"), REFUSED_FORMS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(REFUSED_FORMS)]
)
def test_a_form_that_breaks_a_rule_is_refused_and_leaves_nothing(
    world: World, customer: str, code: str, form: dict[str, Any]
) -> None:
    assert world.refused("CreditMemo", form) == code
    assert world.company.all("CreditMemo") == []
    assert world.company.books.ledger.total() == 0


def test_an_inactive_customer_is_6250_on_a_form_and_610_on_a_payment(world: World, customer: str) -> None:
    world.company.person.deactivate(customer)

    assert world.refused("CreditMemo", sales_form(customer, "1.00")) == "6250"
    assert world.refused("Payment", payment(customer, "1.00")) == "610"


REFUSED_PAYMENTS = [
    ("2010", {"DocNumber": "P-1", "CustomerRef": {"value": "1"}, "TotalAmt": 1}),
    ("2050", {"PaymentRefNum": "1234567890123456789012", "CustomerRef": {"value": "1"}, "TotalAmt": 1}),
    ("6000", {"CustomerRef": {"value": "1"}}),
    ("2020", {"TotalAmt": 1}),
    ("2020", {"CustomerRef": {"value": "1"}, "TotalAmt": 1, "Line": [{"Amount": 1}]}),
    ("2240", payment("1", "1.00", ("Invoice", "1", "-1.00"))),
    ("620", payment("1", "1.00", ("Payment", "1", "1.00"))),
    ("2170", payment("1", "1.00", ("Promise", "1", "1.00"))),
    ("610", payment("1", "1.00", ("Invoice", "77", "1.00"))),
    ("6000", payment("1", "1.00", DepositToAccountRef={"value": "79"})),
]


@pytest.mark.parametrize(
    ("code", "body"), REFUSED_PAYMENTS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(REFUSED_PAYMENTS)]
)
def test_a_payment_that_breaks_a_rule_is_refused_and_leaves_nothing(
    world: World, customer: str, code: str, body: dict[str, Any]
) -> None:
    assert world.refused("Payment", body) == code
    assert world.company.all("Payment") == []


def test_a_journal_entry_must_balance_and_name_its_customer(world: World, customer: str) -> None:
    entry = {"Line": [journal_line(10, "Debit", "35"), journal_line(9, "Credit", "79")]}
    assert world.refused("JournalEntry", entry) == "2300"

    entry = {"Line": [journal_line(10, "Debit", "35"), journal_line(10, "Credit", "84")]}
    assert world.refused("JournalEntry", entry) == "6000"


def journal_line(amount: int, side: str, account: str) -> dict[str, Any]:
    detail = {"PostingType": side, "AccountRef": {"value": account}}
    return {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}


def test_a_journal_entry_that_credits_receivables_can_settle_an_invoice(world: World, customer: str) -> None:
    invoice = invoice_of(world, customer, "100.00")
    entry = world.company.person.journal_entry(customer, "25.00")

    world.post(
        "Payment", payment(customer, "0", ("Invoice", invoice["Id"], "25.00"), ("JournalEntry", entry["Id"], "25.00"))
    )

    assert world.get("Invoice", invoice["Id"])["Balance"] == Decimal("75.00")
    assert world.company.balance(customer) == world.company.receivables(customer) == 7_500


def test_creations_are_counted_by_their_marker_even_when_deleted(world: World, customer: str) -> None:
    memo = memo_of(world, customer, "1.00", PrivateNote="for people\nqbo-sync CR-1")
    world.delete("CreditMemo", memo)
    memo_of(world, customer, "1.00", PrivateNote="qbo-sync CR-1")

    assert world.company.created["CreditMemo", "qbo-sync CR-1"] == 2
