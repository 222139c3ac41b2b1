"""Every open question of REFERENCE section 14, in each of its positions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import requests

from fixtures.simulators.quickbooks import Switches, positions
from tests.contract.quickbooks_simulator_world import World, exact, payment, sales_form, sales_line, token_of, world

__all__ = ["world"]


@pytest.fixture
def customer(world: World) -> str:
    return world.customer()


def documents(world: World, customer: str, invoice: str, memo: str) -> tuple[Any, Any]:
    return (
        world.post("Invoice", sales_form(customer, invoice)),
        world.post("CreditMemo", sales_form(customer, memo)),
    )


def linking(customer: str, invoice: Any, memo: Any, charge: str, credit: str) -> dict[str, Any]:
    return payment(customer, "0", ("Invoice", invoice["Id"], charge), ("CreditMemo", memo["Id"], credit))


def live(world: World, entity: str, shown: Any) -> dict[str, str]:
    return token_of(world.get(entity, shown["Id"]))


def test_an_unknown_switch_or_position_is_refused() -> None:
    switches = Switches()

    with pytest.raises(AttributeError):
        switches.over_paid_line = "clamp"
    with pytest.raises(ValueError, match="cannot be"):
        switches.overpaid_line = "perhaps"  # type: ignore[assignment]
    assert positions("closed_books") == ("refuse", "ignore_links")


@pytest.mark.parametrize(("position", "shown"), [("clamp", "5.00"), ("keep_amount", "30.00")])
def test_1_a_line_above_the_balance_is_cut_or_shown_as_sent(
    world: World, customer: str, position: Any, shown: str
) -> None:
    world.company.switches.overpaid_line = position
    invoice = world.post("Invoice", sales_form(customer, "5.00"))

    paid = world.post("Payment", payment(customer, "30.00", ("Invoice", invoice["Id"], "30.00")))

    assert (paid["Line"][0]["Amount"], paid["UnappliedAmt"]) == (Decimal(shown), Decimal("25.00"))
    assert world.company.overapplied == []


def test_2_a_credit_line_above_what_remains_is_refused_or_cut(world: World, customer: str) -> None:
    invoice, memo = documents(world, customer, "100.00", "40.00")
    body = linking(customer, invoice, memo, "60.00", "60.00")
    assert world.refused("Payment", body) == "6000"

    world.company.switches.over_applied_credit = "clamp"
    made = world.post("Payment", body)

    assert [line["Amount"] for line in made["Line"]] == [Decimal("40.00"), Decimal("40.00")]


def test_2_charges_above_cash_and_credits_are_refused_or_cut(world: World, customer: str) -> None:
    invoice = world.post("Invoice", sales_form(customer, "100.00"))
    body = payment(customer, "60.00", ("Invoice", invoice["Id"], "80.00"))
    assert world.refused("Payment", body) == "6000"

    world.company.switches.over_applied_credit = "clamp"

    assert world.post("Payment", body)["Line"][0]["Amount"] == Decimal("60.00")


@pytest.mark.parametrize("code", positions("missing_link_target"))
def test_3_a_link_to_nothing_has_one_of_three_faults(world: World, customer: str, code: Any) -> None:
    world.company.switches.missing_link_target = code

    assert world.refused("Payment", payment(customer, "1.00", ("Invoice", "77", "1.00"))) == code


def test_4_another_customers_invoice_is_not_linked_or_refused(world: World, customer: str) -> None:
    invoice = world.post("Invoice", sales_form(world.customer("Beta"), "10.00"))
    body = payment(customer, "10.00", ("Invoice", invoice["Id"], "10.00"))

    made = world.post("Payment", body)
    world.company.switches.foreign_customer_link = "refuse"

    assert (made["Line"], made["UnappliedAmt"]) == ([], Decimal("10.00"))
    assert world.refused("Payment", body) == "6000"


def test_5_a_paid_invoice_can_not_be_deleted_or_frees_its_payment(world: World, customer: str) -> None:
    invoice = world.post("Invoice", sales_form(customer, "10.00"))
    paid = world.post("Payment", payment(customer, "10.00", ("Invoice", invoice["Id"], "10.00")))
    body = live(world, "Invoice", invoice)
    assert world.refused("Invoice", body, operation="delete") == "6000"

    world.company.switches.delete_linked_invoice = "unapply"
    world.post("Invoice", body, operation="delete")

    assert world.get("Payment", paid["Id"])["UnappliedAmt"] == Decimal("10.00")


def test_6_voiding_a_paid_invoice_can_be_refused(world: World, customer: str) -> None:
    invoice = world.post("Invoice", sales_form(customer, "10.00"))
    world.post("Payment", payment(customer, "10.00", ("Invoice", invoice["Id"], "10.00")))
    world.company.switches.void_paid_invoice = "refuse"

    assert world.refused("Invoice", live(world, "Invoice", invoice), operation="void") == "6000"


def test_7_an_applied_memo_can_not_be_deleted_or_reopens_its_invoice(world: World, customer: str) -> None:
    invoice, memo = documents(world, customer, "100.00", "40.00")
    world.post("Payment", linking(customer, invoice, memo, "40.00", "40.00"))
    body = live(world, "CreditMemo", memo)
    assert world.refused("CreditMemo", body, operation="delete") == "6000"

    world.company.switches.delete_applied_memo = "unapply"
    world.post("CreditMemo", body, operation="delete")

    assert world.get("Invoice", invoice["Id"])["Balance"] == Decimal("100.00")
    assert world.company.balance(customer) == world.company.receivables(customer) == 10_000


def test_8_reducing_an_invoice_below_its_payments_can_be_refused(world: World, customer: str) -> None:
    invoice = world.post("Invoice", sales_form(customer, "100.00"))
    world.post("Payment", payment(customer, "100.00", ("Invoice", invoice["Id"], "100.00")))
    world.company.switches.invoice_below_applied = "refuse"

    change = {**live(world, "Invoice", invoice), "sparse": True, "Line": [sales_line("80.00")]}

    assert world.refused("Invoice", change) == "6000"


def test_9_a_memo_below_its_uses_is_refused_or_shrinks_them(world: World, customer: str) -> None:
    invoice, memo = documents(world, customer, "100.00", "60.00")
    used = world.post("Payment", linking(customer, invoice, memo, "60.00", "60.00"))
    change = {**live(world, "CreditMemo", memo), "sparse": True, "Line": [sales_line("50.00")]}
    assert world.refused("CreditMemo", change) == "6000"

    world.company.switches.memo_below_applied = "shrink"
    reduced = world.post("CreditMemo", change)

    assert (reduced["TotalAmt"], reduced["RemainingCredit"]) == (Decimal("50.00"), 0)
    assert [line["Amount"] for line in world.get("Payment", used["Id"])["Line"]] == [Decimal("50.00")] * 2
    assert world.get("Invoice", invoice["Id"])["Balance"] == Decimal("50.00")


@pytest.mark.parametrize(("moves", "token"), [(True, "1"), (False, "0")])
def test_11_an_applied_memo_moves_its_token_or_not(world: World, customer: str, moves: bool, token: str) -> None:
    world.company.switches.memo_moves_when_applied = moves
    invoice, memo = documents(world, customer, "100.00", "60.00")

    world.post("Payment", linking(customer, invoice, memo, "60.00", "60.00"))

    assert world.get("CreditMemo", memo["Id"])["SyncToken"] == token


def test_14_a_repeated_requestid_gives_the_first_answer_even_for_a_deleted_object(world: World, customer: str) -> None:
    memo = world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")
    world.delete("CreditMemo", memo)

    again = world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")

    assert again == memo
    assert world.company.all("CreditMemo") == []


def test_14_a_requestid_can_be_forgotten_or_ignored(world: World, customer: str) -> None:
    world.company.switches.requestid_lifetime_s = 60
    first = world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")
    world.clock.turn(seconds=59)
    remembered = world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")
    world.clock.turn(seconds=1)
    forgotten = world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")
    world.company.switches.requestid_lifetime_s = 0
    ignored = world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")

    assert remembered["Id"] == first["Id"]
    assert len({first["Id"], forgotten["Id"], ignored["Id"]}) == 3


def test_15_a_requestid_with_another_body_is_replayed_or_refused(world: World, customer: str) -> None:
    first = world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")
    other = sales_form(customer, "11.00")

    assert world.post("CreditMemo", other, requestid="r-1") == first
    world.company.switches.requestid_other_body = "600"
    assert world.refused("CreditMemo", other, requestid="r-1") == "600"


@pytest.mark.parametrize("position", positions("requestid_after_fault"))
def test_16_a_requestid_after_a_refusal_runs_again_or_repeats_the_fault(
    world: World, customer: str, position: Any
) -> None:
    world.company.switches.requestid_after_fault = position
    world.company.person.deactivate(customer)
    assert world.refused("CreditMemo", sales_form(customer, "10.00"), requestid="r-1") == "6250"
    world.company.person.reactivate(customer)

    answer = world.raw("POST", "creditmemo", sales_form(customer, "10.00"), requestid="r-1")

    assert answer.status_code == (200 if position == "execute" else 400)


def test_16_the_first_answer_to_every_write_can_be_lost(world: World, customer: str) -> None:
    world.company.switches.lose_first_answer = True

    with pytest.raises(requests.ReadTimeout):
        world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")
    found = world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")

    assert [memo["Id"] for memo in world.company.all("CreditMemo")] == [found["Id"]]


def test_17_a_requestid_serves_the_whole_company_or_one_entity(world: World, customer: str) -> None:
    world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-1")
    shared = world.raw("POST", "invoice", sales_form(customer, "10.00"), requestid="r-1")
    world.company.switches.requestid_scope = "entity"
    world.post("CreditMemo", sales_form(customer, "10.00"), requestid="r-2")
    own = world.raw("POST", "invoice", sales_form(customer, "10.00"), requestid="r-2")

    assert "CreditMemo" in shared.json()
    assert "Invoice" in own.json()


def test_18_a_new_credit_is_applied_to_the_oldest_invoices(world: World, customer: str) -> None:
    world.company.switches.auto_apply_credit = "on_credit"
    newer = world.post("Invoice", sales_form(customer, "50.00", TxnDate="2026-11-10"))
    older = world.post("Invoice", sales_form(customer, "70.00", TxnDate="2026-11-01"))

    memo = world.post("CreditMemo", sales_form(customer, "100.00"))

    [linked] = world.company.all("Payment")
    assert linked["PrivateNote"] == "Created by QB Online to link credits to charges."
    assert [line["LinkedTxn"][0]["TxnId"] for line in linked["Line"]] == [older["Id"], newer["Id"], memo["Id"]]
    assert [line["Amount"] for line in linked["Line"]] == [Decimal("70.00"), Decimal("30.00"), Decimal("100.00")]
    assert memo["RemainingCredit"] == 0
    assert (memo["MetaData"]["CreateTime"][17:19], linked["MetaData"]["CreateTime"][17:19]) == ("00", "01")
    assert world.raw("GET", "preferences").json()["Preferences"]["SalesFormsPrefs"]["AutoApplyCredit"] is True


def test_18_old_credits_are_applied_to_the_next_invoice(world: World, customer: str) -> None:
    world.company.switches.auto_apply_credit = "on_invoice"
    world.company.person.write_credit_memo(customer, "30.00")

    invoice = world.company.person.create_invoice(customer, "100.00")

    assert world.get("Invoice", invoice["Id"])["Balance"] == Decimal("70.00")


@pytest.mark.parametrize(
    ("position", "told"), [("payment", {"payment"}), ("all", {"payment", "invoice", "creditmemo"})]
)
def test_19_documents_moved_by_a_link_notify_or_not(world: World, customer: str, position: Any, told: set[str]) -> None:
    world.company.switches.derived_webhooks = position
    invoice, memo = documents(world, customer, "100.00", "60.00")
    world.sim.webhooks.drain()

    world.post("Payment", linking(customer, invoice, memo, "60.00", "60.00"))

    [(_, body)] = world.sim.webhooks.drain()
    assert {name for name in ("payment", "invoice", "creditmemo") if f"qbo.{name}.".encode() in body} == told


@pytest.mark.parametrize(("position", "count"), [("inclusive", 1), ("exclusive", 0)])
def test_20_a_change_in_the_second_asked_for_is_listed_or_not(
    world: World, customer: str, position: Any, count: int
) -> None:
    world.company.switches.cdc_boundary = position
    world.post("CreditMemo", sales_form(customer, "10.00"))

    assert len(world.cdc("CreditMemo", world.clock.now).get("CreditMemo", [])) == count


def test_20_changes_can_come_late(world: World, customer: str) -> None:
    world.company.switches.cdc_lag_s = 120
    start = world.clock.now
    world.post("CreditMemo", sales_form(customer, "10.00"))

    world.clock.turn(seconds=119)
    early = world.cdc("CreditMemo", start)
    world.clock.turn(seconds=1)

    assert early == {}
    assert len(world.cdc("CreditMemo", start)["CreditMemo"]) == 1


def test_21_an_answer_is_cut_at_the_cap_without_a_mark(world: World, customer: str) -> None:
    world.company.switches.cdc_cap = 3
    for _ in range(5):
        world.post("CreditMemo", sales_form(customer, "10.00"))

    assert len(world.cdc("CreditMemo", world.clock.now)["CreditMemo"]) == 3


def test_22_a_line_with_two_links_is_stored_as_two_or_refused(world: World, customer: str) -> None:
    invoice, memo = documents(world, customer, "100.00", "60.00")
    body = payment(customer, "0", ("Invoice", invoice["Id"], "60.00"))
    body["Line"][0]["LinkedTxn"].append({"TxnId": memo["Id"], "TxnType": "CreditMemo"})
    made = world.post("Payment", body)
    world.company.switches.two_links_in_a_line = "refuse"

    assert [line["LinkedTxn"][0]["TxnType"] for line in made["Line"]] == ["Invoice", "CreditMemo"]
    assert world.refused("Payment", body) == "6000"


def test_23_a_payment_of_a_closed_period_can_be_answered_with_200_and_not_applied(world: World, customer: str) -> None:
    paid = world.post("Payment", payment(customer, "50.00", TxnDate="2026-03-31"))
    invoice = world.post("Invoice", sales_form(customer, "50.00"))
    world.company.person.close_books("2026-03-31")
    change = payment(customer, "50.00", ("Invoice", invoice["Id"], "50.00"), TxnDate="2026-03-31")
    assert world.refused("Payment", {**change, **token_of(paid)}) == "6210"

    world.company.switches.closed_books = "ignore_links"
    answer = world.post("Payment", {**change, **token_of(paid)})

    assert (answer["Line"], answer["UnappliedAmt"]) == ([], Decimal("50.00"))


def test_24_a_sparse_change_of_a_payment_is_free_for_the_note_and_strict_for_money(world: World, customer: str) -> None:
    paid = world.post("Payment", payment(customer, "50.00"))
    noted = world.post("Payment", {**token_of(paid), "sparse": True, "PrivateNote": "memo"})
    assert world.refused("Payment", {**token_of(noted), "sparse": True, "TotalAmt": 60}) == "2020"

    world.company.switches.sparse_payment_money = "accept"

    assert world.post("Payment", {**token_of(noted), "sparse": True, "TotalAmt": 60})["TotalAmt"] == Decimal("60.00")


@pytest.mark.parametrize(("position", "date"), [("today", "2026-11-20"), ("kept", "2026-01-05")])
def test_25_a_full_update_without_a_date_moves_to_today_or_stays(
    world: World, customer: str, position: Any, date: str
) -> None:
    world.company.switches.full_update_date = position
    memo = world.post("CreditMemo", sales_form(customer, "10.00", TxnDate="2026-01-05"))

    assert world.post("CreditMemo", {**sales_form(customer, "11.00"), **token_of(memo)})["TxnDate"] == date


@pytest.mark.parametrize(("position", "number"), [("kept", "CR-1"), ("replaced", "1001")])
def test_26_a_number_sent_while_quickbooks_numbers_is_kept_or_replaced(
    world: World, customer: str, position: Any, number: str
) -> None:
    world.company.switches.number_when_automatic = position

    assert world.post("CreditMemo", sales_form(customer, "10.00", DocNumber="CR-1"))["DocNumber"] == number


def test_27_a_duplicate_number_is_allowed_or_refused_unless_asked_for(world: World, customer: str) -> None:
    form = sales_form(customer, "10.00", DocNumber="CR-1")
    world.post("CreditMemo", form)
    world.post("CreditMemo", form)
    world.company.switches.duplicate_number = "6140"

    assert world.refused("CreditMemo", form) == "6140"
    assert world.post("CreditMemo", form, include="allowduplicatedocnum")["DocNumber"] == "CR-1"


@pytest.mark.parametrize(("form", "status"), [("json", 429), ("xml", 429), ("403", 403)])
def test_28_the_eleventh_call_of_a_second_is_throttled(world: World, form: Any, status: int) -> None:
    world.company.switches.enforce_limits = True
    world.company.switches.throttle_form = form

    answers = [world.raw("GET", "query", query="select * from Invoice") for _ in range(11)]
    world.clock.turn(seconds=1)
    later = world.raw("GET", "query", query="select * from Invoice")

    assert [answer.status_code for answer in answers] == [200] * 10 + [status]
    assert b"3001" in answers[-1].content
    assert answers[-1].text.startswith("<?xml") == (form == "xml")
    assert later.status_code == 200


def test_28_the_minute_and_the_batches_are_limited_too(world: World) -> None:
    world.company.switches.enforce_limits = True
    world.company.switches.calls_per_minute = 3
    world.company.switches.batches_per_minute = 1
    batch = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Invoice"}]}

    statuses = [world.raw("POST", "batch", batch).status_code for _ in range(2)]
    statuses += [world.raw("GET", "query", query="select * from Invoice").status_code for _ in range(3)]

    assert statuses == [200, 429, 200, 200, 429]


def test_31_a_parent_pays_its_childs_invoice_or_not(world: World, customer: str) -> None:
    child = world.post("Customer", {"DisplayName": "Kitchen", "ParentRef": {"value": customer}, "BillWithParent": True})
    invoice = world.post("Invoice", sales_form(child["Id"], "10.00"))
    body = payment(customer, "10.00", ("Invoice", invoice["Id"], "10.00"))

    assert world.post("Payment", body)["Line"] == []
    world.company.switches.parent_pays_child = True
    assert world.post("Payment", body)["UnappliedAmt"] == 0


def test_32_a_later_minor_version_is_ignored(world: World) -> None:
    assert world.raw("GET", "query", query="select * from Invoice", minorversion="80").status_code == 200


def test_34_a_long_payment_reference_can_be_cut(world: World, customer: str) -> None:
    world.company.switches.long_reference = "truncate"

    made = world.post("Payment", payment(customer, "1.00", PaymentRefNum="1234567890123456789012"))

    assert made["PaymentRefNum"] == "123456789012345678901"


def test_35_a_negative_total_is_refused(world: World, customer: str) -> None:
    form = sales_form(customer, "10.00")
    form["Line"].append({"Amount": 11, "DetailType": "DiscountLineDetail", "DiscountLineDetail": {}})
    assert world.refused("Invoice", form) == "6000"

    world.company.switches.negative_total = "accept"

    assert world.post("Invoice", form)["TotalAmt"] == Decimal("-1.00")


def test_a_negative_line_is_refused_or_counted(world: World, customer: str) -> None:
    form = sales_form(customer, "10.00")
    form["Line"].append(sales_line("-4.00"))
    assert world.refused("Invoice", form) == "2290"

    world.company.switches.negative_line = "accept"

    assert world.post("Invoice", form)["TotalAmt"] == Decimal("6.00")


def test_36_more_than_a_thousand_rows_are_refused_or_cut(world: World) -> None:
    statement = "select * from Item maxresults 1001"
    assert world.fault(world.raw("GET", "query", query=statement)) == "4001"

    world.company.switches.over_1000_rows = "clamp"

    assert world.query(statement)["maxResults"] == 3


def test_37_a_line_amount_may_differ_by_less_than_a_cent(world: World, customer: str) -> None:
    form = {"CustomerRef": {"value": customer}, "Line": [sales_line("86.42", Qty=7, UnitPrice=Decimal("12.345"))]}

    assert world.post("CreditMemo", form)["TotalAmt"] == Decimal("86.42")


@pytest.mark.parametrize(
    ("entity", "params"),
    [
        ("Payment", {"operation": "void"}),
        ("Invoice", {"operation": "update", "include": "void"}),
    ],
)
def test_the_other_entitys_void_form_is_refused_or_an_update(
    world: World, customer: str, entity: str, params: dict[str, str]
) -> None:
    body = payment(customer, "10.00") if entity == "Payment" else sales_form(customer, "10.00")
    made = world.post(entity, body)
    form = {**token_of(made), "sparse": True, "PrivateNote": "x"}
    assert world.refused(entity, form, **params) == "500"

    world.company.switches.wrong_void_form = "update"

    assert world.post(entity, form, **params)["TotalAmt"] == Decimal("10.00")


def test_the_customer_of_a_linked_document_stays_or_its_links_go(world: World, customer: str) -> None:
    other = world.customer("Beta")
    invoice, memo = documents(world, customer, "100.00", "60.00")
    world.post("Payment", linking(customer, invoice, memo, "60.00", "60.00"))
    change = {**live(world, "CreditMemo", memo), "sparse": True, "CustomerRef": {"value": other}}
    assert world.refused("CreditMemo", change) == "6000"

    world.company.switches.customer_change_when_linked = "drop"
    moved = world.post("CreditMemo", change)

    assert (moved["CustomerRef"]["value"], moved["RemainingCredit"]) == (other, Decimal("60.00"))
    assert [world.company.balance(id) for id in (customer, other)] == [10_000, -6_000]
    assert [world.company.receivables(id) for id in (customer, other)] == [10_000, -6_000]


@pytest.mark.parametrize(("position", "left"), [("kept", 1), ("deleted", 0)])
def test_a_zero_payment_that_lost_its_lines_stays_or_goes(
    world: World, customer: str, position: Any, left: int
) -> None:
    world.company.switches.empty_zero_payment = position
    invoice, memo = documents(world, customer, "60.00", "60.00")
    world.post("Payment", linking(customer, invoice, memo, "60.00", "60.00"))

    world.post("Invoice", live(world, "Invoice", invoice), operation="void")

    assert len(world.company.all("Payment")) == left
    assert world.get("CreditMemo", memo["Id"])["RemainingCredit"] == Decimal("60.00")


def test_text_beyond_latin_1_can_be_stored(world: World, customer: str) -> None:
    world.company.switches.wide_text = "stored"

    assert world.post("CreditMemo", sales_form(customer, "1.00", PrivateNote="凡例"))["PrivateNote"] == "凡例"


def test_credits_above_charges_are_refused_or_cut(world: World, customer: str) -> None:
    invoice, memo = documents(world, customer, "40.00", "60.00")
    body = linking(customer, invoice, memo, "40.00", "60.00")
    assert world.refused("Payment", body) == "6000"

    world.company.switches.excess_credit = "clamp"
    world.post("Payment", body)

    assert world.get("CreditMemo", memo["Id"])["RemainingCredit"] == Decimal("20.00")


def test_an_inactive_item_is_610_or_2500(world: World, customer: str) -> None:
    world.company.switches.inactive_reference = "2500"

    assert world.refused("CreditMemo", sales_form(customer, "1.00", "4")) == "2500"


def test_an_echoed_extension_is_ignored_or_refused(world: World, customer: str) -> None:
    memo = world.post("CreditMemo", sales_form(customer, "1.00"))
    assert world.post("CreditMemo", memo) == memo

    world.company.switches.echoed_extensions = "refused"

    assert world.refused("CreditMemo", memo) == "2010"


def test_a_link_to_a_cheque_can_silently_vanish(world: World, customer: str) -> None:
    world.company.switches.purchase_link = "dropped"
    world.company.person.write_credit_memo(customer, "60.00")
    cheque = world.company.person.refund_credit("1", "20.00")["Line"]

    assert cheque == []
    assert world.get("CreditMemo", "1")["RemainingCredit"] == Decimal("60.00")


@pytest.mark.parametrize("position", positions("batch_replay"))
def test_a_replayed_batch_gives_its_answers_or_a_bare_6000(world: World, customer: str, position: Any) -> None:
    world.company.switches.batch_replay = position
    items = [{"bId": "1", "operation": "create", "CreditMemo": sales_form(customer, "10.00")}]

    answers = [
        exact(world.raw("POST", "batch", {"BatchItemRequest": items}, requestid="r"))["BatchItemResponse"][0]
        for _ in range(2)
    ]

    assert len(world.company.all("CreditMemo")) == 1
    assert (answers[0] == answers[1]) == (position == "replay")
