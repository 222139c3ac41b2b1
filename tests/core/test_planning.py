"""(erp, quickbooks, agreed) → what to do, one document at a time, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from builders import SHOP

from mappings.distru.projection import Projection
from mappings.documents import CreditMemo, Document, Ending, Invoice, Key, Line, Part, Payment, Refund, Side, parts
from mappings.findings import Finding
from mappings.plan import Action, CompanyPlan, Conflict, Phase, Step
from mappings.planner import Agreed, Situation, importable, in_scope, in_step, plan
from mappings.quickbooks import Held

INVOICE = Invoice("invoice:A", SHOP, "2026-09-01", "INV-A", total=10000)
OTHER = Invoice("invoice:B", SHOP, "2026-09-01", "INV-B", total=10000)
MEMO = CreditMemo("credit:C", SHOP, "2026-09-01", "CR-C", total=5000, lines=(Line(5000, "Spoilt"),))
PAYMENT = Payment("payment:P", SHOP, "2026-09-02", "PAY-P", total=10000, invoices=(Part("invoice:A", 10000),))


def situation(
    erp: Mapping[Key, Side] | None = None,
    qbo: Mapping[Key, Side] | None = None,
    agreed: Mapping[Key, Side | Agreed] | None = None,
    **more: Any,
) -> Situation:
    """`agreed`: a plain side stands for both sides having held just that."""
    both = {k: a if isinstance(a, Agreed) else Agreed(a, a, linked=True) for k, a in (agreed or {}).items()}
    waits = more.pop("waits", {})
    entities = {key: ("X", key) for key in qbo or {}}
    settings = {"two_way": True} | more
    return Situation(SHOP, Projection(erp or {}, {}, {}, (), waits), Held(qbo or {}, entities), both, **settings)


def decide(key: Key, erp: Side, qbo: Side, agreed: Side | Agreed, **more: Any) -> Step | Conflict | None:
    planned = plan(
        situation({key: erp} if erp else {}, {key: qbo} if qbo else {}, {key: agreed} if agreed else {}, **more)
    )
    found = [*planned.steps, *planned.conflicts]
    assert len(found) <= 1
    return found[0] if found else None


def step(key: Key, erp: Side, qbo: Side, agreed: Side | Agreed, **more: Any) -> Step:
    found = decide(key, erp, qbo, agreed, **more)
    assert isinstance(found, Step)
    return found


def done(planned: CompanyPlan) -> list[tuple[str, Key]]:
    return [(step.action.value, step.key) for step in planned.steps]


LIVE: list[Document] = [INVOICE, MEMO, PAYMENT, Refund("refund:F", SHOP, "2026-09-05", total=2000)]


# ------------------------------------------------------------------------------------------------ one document


@pytest.mark.parametrize("document", LIVE)
def test_what_nobody_changed_is_left_alone(document: Document) -> None:
    assert decide(document.key, document, document, document) is None


@pytest.mark.parametrize("document", LIVE)
def test_what_is_new_in_the_erp_and_wanted_is_created(document: Document) -> None:
    found = step(document.key, document, None, None, wanted=frozenset({document.key}))

    assert (found.action, found.document, found.before) == (Action.CREATE, document, None)


@pytest.mark.parametrize("document", LIVE)
def test_what_was_there_before_the_connection_is_left_alone(document: Document) -> None:
    assert decide(document.key, document, None, None) is None


@pytest.mark.parametrize("two_way", [True, False])
@pytest.mark.parametrize("document", LIVE)
def test_what_changed_in_the_erp_is_updated(document: Document, two_way: bool) -> None:
    more = replace(document, total=document.total + 100)

    found = step(document.key, more, document, document, two_way=two_way)

    assert (found.action, found.document, found.before) == (Action.UPDATE, more, document)


@pytest.mark.parametrize(
    ("document", "ending", "action"),
    [
        (INVOICE, Ending.VOIDED, Action.VOID),
        (INVOICE, Ending.DELETED, Action.DELETE),
        (PAYMENT, Ending.VOIDED, Action.VOID),
        (PAYMENT, Ending.DELETED, Action.DELETE),
        (MEMO, Ending.VOIDED, Action.DELETE),
        (MEMO, Ending.DELETED, Action.DELETE),
        (LIVE[3], Ending.VOIDED, Action.DELETE),
    ],
)
def test_what_ended_in_the_erp_is_ended_as_quickbooks_can(document: Document, ending: Ending, action: Action) -> None:
    """A memo cannot be voided over the API (REFERENCE 3.2)."""
    assert step(document.key, ending, document, document).action is action


def test_what_ended_in_the_erp_before_both_agreed_is_remembered_or_told_again() -> None:
    """The ERP was told, held something else, and has ended that since: nothing stays open without a word."""
    elsewhere = replace(PAYMENT, invoices=(), outside=PAYMENT.total)

    assert step("payment:P", Ending.DELETED, elsewhere, Agreed(linked=True)).action is Action.REMEMBER
    assert step("payment:P", Ending.VOIDED, Ending.DELETED, Agreed(linked=True)).action is Action.REMEMBER
    assert step("payment:P", Ending.VOIDED, PAYMENT, Agreed(linked=True)).action is Action.DECLARE
    assert isinstance(decide("payment:P", Ending.VOIDED, PAYMENT, Agreed(linked=True), two_way=False), Conflict)


def test_a_linked_payment_that_lost_everything_is_deleted() -> None:
    empty = replace(PAYMENT, total=0, invoices=())

    assert step("payment:P", empty, PAYMENT, PAYMENT).action is Action.DELETE
    assert decide("payment:P", empty, None, None, wanted=frozenset({"payment:P"})) is None


def test_a_record_that_cannot_be_seen_ends_nothing() -> None:
    assert decide("payment:P", None, PAYMENT, PAYMENT) is None


def test_what_quickbooks_holds_already_is_only_remembered() -> None:
    found = step("credit:C", MEMO, replace(MEMO, lines=(), number="typed"), None)

    assert found.action is Action.REMEMBER
    assert found.erp == MEMO


@pytest.mark.parametrize("document", [MEMO, PAYMENT])
def test_two_way_what_changed_in_quickbooks_is_told_to_the_erp(document: Document) -> None:
    less = replace(document, total=document.total + 100)

    found = step(document.key, document, less, document)

    assert (found.action, found.document) == (Action.DECLARE, less)


@pytest.mark.parametrize("ending", list(Ending))
@pytest.mark.parametrize("document", [MEMO, PAYMENT])
def test_two_way_what_ended_in_quickbooks_ends_in_the_erp(document: Document, ending: Ending) -> None:
    """Scenarios 41, 42 and 44."""
    found = step(document.key, document, ending, document)

    assert (found.action, found.document) == (Action.DECLARE, ending)


@pytest.mark.parametrize("document", [MEMO, PAYMENT])
def test_one_way_what_a_person_changed_in_quickbooks_is_asked_about(document: Document) -> None:
    found = decide(document.key, document, replace(document, total=document.total + 100), document, two_way=False)

    assert isinstance(found, Conflict)
    assert (found.code, found.choices) == ("changed_in_quickbooks", ("use_erp",))


@pytest.mark.parametrize("two_way", [True, False])
def test_an_invoice_changed_or_deleted_in_quickbooks_is_asked_about_in_both_modes(two_way: bool) -> None:
    changed = decide("invoice:A", INVOICE, replace(INVOICE, total=1), INVOICE, two_way=two_way)
    gone = decide("invoice:A", INVOICE, Ending.DELETED, INVOICE, two_way=two_way)

    assert isinstance(changed, Conflict)
    assert isinstance(gone, Conflict)
    assert (changed.code, gone.code) == ("changed_in_quickbooks", "deleted_in_quickbooks")
    assert "deleted in QuickBooks by hand" in gone.cause


def test_an_invoice_given_to_another_customer_has_not_ended() -> None:
    there = replace(INVOICE, customer="other")
    names = {SHOP: "Sunset", "other": "Harbor"}
    given = decide("invoice:A", INVOICE, there, INVOICE, elsewhere={"invoice:A": there}, names=names)

    assert isinstance(given, Conflict)
    assert (given.code, given.choices) == ("moved_to_another_customer", ("use_erp",))
    assert "'Harbor'" in given.cause
    assert "'Sunset'" in given.cause


def test_an_invoice_that_a_person_wants_back_has_its_customer_changed() -> None:
    """`use_erp`: what both agreed on is bent to what QuickBooks holds."""
    there = replace(INVOICE, customer="other")
    found = step("invoice:A", INVOICE, there, there, elsewhere={"invoice:A": there})

    assert (found.action, found.before) == (Action.UPDATE, there)


def test_a_memo_that_ended_for_its_company_and_lives_elsewhere_is_brought_back_and_not_made_again() -> None:
    there = replace(MEMO, customer="other")
    bent = Agreed(Ending.DELETED, Ending.DELETED, linked=True)
    found = step(MEMO.key, MEMO, Ending.DELETED, bent, elsewhere={MEMO.key: there})

    assert (found.action, found.before) == (Action.UPDATE, there)


def test_what_lives_elsewhere_and_was_forgotten_is_asked_about_before_it_is_made() -> None:
    there = replace(INVOICE, customer="other")
    wanted = frozenset({"invoice:A"})
    found = plan(situation({"invoice:A": INVOICE}, wanted=wanted, elsewhere={"invoice:A": there}))

    assert found.steps == ()
    assert [(each.code, each.choices) for each in found.conflicts] == [("moved_to_another_customer", ())]


def test_a_negative_invoices_memo_is_the_erps_alone() -> None:
    memo = replace(MEMO, key="negative:A")

    assert isinstance(decide("negative:A", memo, replace(memo, total=1), memo), Conflict)


def test_ended_on_both_sides_is_only_remembered() -> None:
    assert step("payment:P", Ending.VOIDED, Ending.DELETED, PAYMENT).action is Action.REMEMBER


def test_an_invoice_whose_order_came_back_is_made_anew() -> None:
    """Scenario 80: QuickBooks cannot un-void."""
    found = step("invoice:A", INVOICE, Ending.VOIDED, Agreed(Ending.VOIDED, Ending.VOIDED, linked=True))

    assert (found.action, found.before) == (Action.CREATE, None)


def test_a_text_changed_in_the_erp_goes_out() -> None:
    """Scenario 13."""
    found = step("credit:C", replace(MEMO, note="new"), MEMO, MEMO)

    assert (found.action, found.reason) == (Action.UPDATE, "Its texts were changed in the ERP.")


def test_a_note_changed_in_quickbooks_comes_in_and_a_number_does_not() -> None:
    """Scenario 56."""
    note = step("credit:C", MEMO, replace(MEMO, customer_note="Dear"), MEMO)
    number = step("credit:C", MEMO, replace(MEMO, number="X-7", date="2026-09-09"), MEMO)

    assert (note.action, number.action) == (Action.DECLARE, Action.REMEMBER)
    one_way = step("credit:C", MEMO, replace(MEMO, customer_note="Dear"), MEMO, two_way=False)
    assert one_way.action is Action.REMEMBER


def test_what_waits_is_not_touched_but_said() -> None:
    why = Finding("waiting", "PAYMENT", "P", "invoice", "Waits.", "Nothing.", waits=True)
    both = {"payment:P": replace(PAYMENT, total=20000)}

    planned = plan(situation(both, {"payment:P": PAYMENT}, {"payment:P": PAYMENT}, waits={"payment:P": why}))

    assert planned.steps == ()
    assert planned.waits == {"payment:P": why}
    assert planned.outstanding == {"payment:P"}


# -------------------------------------------------------------------------------------------------- both moved


def test_both_moved_in_different_places_both_changes_are_kept() -> None:
    """The ERP used the overpayment on B while a person in QuickBooks gave it another number and a bigger total."""
    erp = replace(PAYMENT, total=12000, invoices=parts({"invoice:A": 10000, "invoice:B": 2000}))
    agreed = replace(PAYMENT, total=12000)
    qbo = replace(agreed, total=13000)

    found = step("payment:P", erp, qbo, agreed)

    assert found.action is Action.UPDATE
    assert found.document == replace(erp, total=13000)
    assert found.erp == erp
    assert found.then_declare


def test_both_moved_the_same_thing_quickbooks_is_the_truth() -> None:
    found = step("credit:C", replace(MEMO, total=6000), replace(MEMO, total=7000), MEMO)

    assert (found.action, found.reason) == (Action.DECLARE, "Changed in both; QuickBooks is the truth.")


def test_ended_here_and_changed_there() -> None:
    in_erp = step("payment:P", Ending.VOIDED, replace(PAYMENT, total=12000), PAYMENT)
    in_quickbooks = step("payment:P", replace(PAYMENT, total=12000), Ending.VOIDED, PAYMENT)

    assert in_erp.action is in_quickbooks.action is Action.DECLARE
    assert in_erp.reason.startswith("Ended in the ERP")
    assert in_quickbooks.reason.startswith("Ended in QuickBooks")


def test_both_did_the_same_it_is_only_remembered() -> None:
    both = replace(PAYMENT, total=12000)

    assert step("payment:P", both, both, PAYMENT).action is Action.REMEMBER


TAKEN = replace(PAYMENT, key="Payment@151", total=4331, invoices=())


@pytest.mark.parametrize(
    ("erp", "qbo"),
    [
        (replace(TAKEN, total=2386), replace(TAKEN, outside=1945)),
        (replace(TAKEN, total=3055), replace(TAKEN, total=5000, outside=1945)),
        (replace(TAKEN, total=2386), replace(TAKEN, refunded=1945)),
        (
            replace(TAKEN, total=0, invoices=(Part("invoice:A", 3000),), credits=(Part("credit:C", 3000),)),
            replace(TAKEN, invoices=(Part("invoice:A", 3000),), credits=(Part("credit:C", 4000),), outside=5331),
        ),
    ],
)
def test_what_the_erp_was_told_of_and_we_forgot_is_only_remembered(erp: Payment, qbo: Payment) -> None:
    """The ERP holds what QuickBooks' own documents left it; read with what was known before, it seems to have less."""
    found = step(TAKEN.key, erp, qbo, TAKEN)

    assert found.action is Action.REMEMBER
    assert found.erp == found.document == qbo


def test_what_the_erp_was_told_of_and_we_forgot_keeps_its_new_texts() -> None:
    used = replace(TAKEN, outside=1945)

    found = step(TAKEN.key, replace(TAKEN, total=2386, note="by hand"), used, TAKEN)

    assert (found.action, found.document) == (Action.UPDATE, replace(used, note="by hand"))


def test_money_that_differs_beside_what_quickbooks_used_is_not_taken_for_told() -> None:
    found = step(TAKEN.key, replace(TAKEN, total=2385), replace(TAKEN, outside=1945), TAKEN)

    assert found.action is not Action.REMEMBER


def test_met_for_the_first_time_with_different_money() -> None:
    qbo = replace(MEMO, total=7000)

    assert step("credit:C", MEMO, qbo, None).action is Action.DECLARE
    assert step("credit:C", MEMO, qbo, None, two_way=False).action is Action.UPDATE


def test_a_payment_that_only_quickbooks_documents_took_is_nothing_to_the_erp() -> None:
    outside = replace(PAYMENT, invoices=(), outside=10000)

    assert in_step(Ending.VOIDED, outside)
    assert in_step(None, outside)
    assert not in_step(None, PAYMENT)
    assert not in_step(Ending.VOIDED, replace(outside, total=12000))
    assert in_step(replace(PAYMENT, total=0, invoices=()), None)


# -------------------------------------------------------------------------------------------------------- coming in

BORN = replace(PAYMENT, key="Payment@9", invoices=())


def test_a_prepayment_taken_in_quickbooks_comes_in() -> None:
    """Scenario 32."""
    found = step("Payment@9", None, BORN, None, importable=frozenset({"Payment@9"}))

    assert (found.action, found.reason) == (Action.DECLARE, "New in QuickBooks.")
    assert decide("Payment@9", None, BORN, None) is None


@pytest.mark.parametrize(
    ("side", "comes_in"),
    [
        (BORN, True),
        (replace(BORN, outside=10000), False),
        (replace(BORN, outside=7000), True),
        (replace(BORN, invoices=(Part("invoice:A", 10000),)), True),
        (replace(MEMO, key="CreditMemo@9"), True),
        (replace(MEMO, key="CreditMemo@9", outside=5000), False),
        (replace(MEMO, key="CreditMemo@9", outside=3000, refunded=2000), False),
        (replace(INVOICE, key="Invoice@9"), False),
        (MEMO, False),
        (replace(BORN, date="2026-01-01"), False),
    ],
)
def test_what_two_way_sync_brings_to_the_erp(side: Document, comes_in: bool) -> None:
    """Scenarios 29 to 34."""
    assert importable(Held({side.key: side}), {}, "2026-06-01") == ({side.key} if comes_in else frozenset())


def test_what_the_erp_has_already_is_not_brought_again() -> None:
    held = Held({"Payment@9": BORN})

    assert importable(held, {"Payment@9": Agreed(BORN, BORN, linked=True)}, None) == frozenset()


# ------------------------------------------------------------------------------------------------------------ scope


def test_a_wanted_payment_brings_its_invoice_and_its_memo() -> None:
    mixed = replace(PAYMENT, credits=(Part("credit:C", 5000),), total=5000)
    erp = {"invoice:A": INVOICE, "credit:C": MEMO, "payment:P": mixed, "invoice:B": OTHER}

    assert in_scope(situation(erp, wanted=frozenset({"payment:P"}))) == {"payment:P", "invoice:A", "credit:C"}


def test_an_invoice_sent_for_the_first_time_brings_what_was_paid_on_it() -> None:
    erp = {"invoice:A": INVOICE, "payment:P": PAYMENT}

    assert in_scope(situation(erp, wanted=frozenset({"invoice:A"}))) == {"invoice:A", "payment:P"}
    assert in_scope(situation(erp, {}, {"invoice:A": INVOICE})) == {"invoice:A"}


# ------------------------------------------------------------------------------------------------------------ order


def test_invoices_then_memos_then_refunds_then_payments() -> None:
    mixed = replace(PAYMENT, credits=(Part("credit:C", 5000),), total=5000)
    tie = Payment(
        "settlement:F", SHOP, "2026-09-05", refunds=(Part("refund:F", 2000),), credits=(Part("credit:C", 2000),)
    )
    erp = {d.key: d for d in (tie, mixed, LIVE[3], MEMO, INVOICE)}

    planned = plan(situation(erp, wanted=frozenset(erp)))

    assert [key for _, key in done(planned)] == ["invoice:A", "credit:C", "refund:F", "payment:P", "settlement:F"]
    assert planned.outstanding == erp.keys()
    assert set(planned.steps[3].needs) == {"invoice:A", "credit:C"}


def test_a_link_comes_off_before_its_invoice_shrinks_and_a_link_goes_on_after_its_invoice_grows() -> None:
    before = {"invoice:A": INVOICE, "invoice:B": OTHER, "payment:P": PAYMENT, "payment:Q": _on("B", "payment:Q", 10000)}
    erp = {
        "invoice:A": replace(INVOICE, total=8000),
        "invoice:B": replace(OTHER, total=12000),
        "payment:P": replace(PAYMENT, invoices=(Part("invoice:A", 8000),)),
        "payment:Q": replace(_on("B", "payment:Q", 12000), total=12000),
    }

    planned = plan(situation(erp, before, before))

    assert [(s.key, s.phase) for s in planned.steps] == [
        ("payment:P", Phase.UNLINK),
        ("invoice:A", Phase.SHRINK),
        ("invoice:B", Phase.GROW),
        ("payment:Q", Phase.LINK),
    ]


def _on(invoice: str, key: Key, amount: int) -> Payment:
    return Payment(key, SHOP, "2026-09-02", total=10000, invoices=(Part(f"invoice:{invoice}", amount),))


def test_a_payment_that_moves_a_link_gives_up_first() -> None:
    erp = {"invoice:A": INVOICE, "invoice:B": OTHER, "payment:P": _on("B", "payment:P", 10000)}
    before = {"invoice:A": INVOICE, "invoice:B": OTHER, "payment:P": PAYMENT}

    first, second = plan(situation(erp, before, before)).steps

    assert (first.partial, first.phase, first.needs) == (True, Phase.UNLINK, ())
    assert isinstance(first.document, Payment)
    assert (first.document.invoices, first.document.total) == ((), 10000)
    assert (second.partial, second.phase, second.before) == (False, Phase.LINK, first.document)
    assert second.document == erp["payment:P"]


def test_two_payments_that_swap_their_invoices_overpay_none_on_the_way() -> None:
    before = {"invoice:A": INVOICE, "invoice:B": OTHER, "payment:P": _on("A", "payment:P", 10000)}
    before |= {"payment:Q": _on("B", "payment:Q", 10000)}
    erp = before | {"payment:P": _on("B", "payment:P", 10000), "payment:Q": _on("A", "payment:Q", 10000)}

    phases = [(s.key, s.phase, s.partial) for s in plan(situation(erp, before, before)).steps]

    assert phases == [
        ("payment:P", Phase.UNLINK, True),
        ("payment:Q", Phase.UNLINK, True),
        ("payment:P", Phase.LINK, False),
        ("payment:Q", Phase.LINK, False),
    ]


def test_a_payment_that_swaps_its_memo_is_valid_in_between() -> None:
    """Without any credit it cannot go on paying the invoice: the first half lets go of both."""
    other = replace(MEMO, key="credit:D")
    with_c = replace(PAYMENT, total=0, invoices=(Part("invoice:A", 5000),), credits=(Part("credit:C", 5000),))
    with_d = replace(with_c, credits=(Part("credit:D", 5000),))
    before = {"invoice:A": INVOICE, "credit:C": MEMO, "credit:D": other, "payment:P": with_c}
    erp = before | {"credit:C": replace(MEMO, total=1000), "payment:P": with_d}

    first, shrunk, last = plan(situation(erp, before, before)).steps

    assert [s.key for s in (first, shrunk, last)] == ["payment:P", "credit:C", "payment:P"]
    assert isinstance(first.document, Payment)
    assert first.document.unapplied == 0
    assert first.document.credits == ()
    assert first.document.invoices == ()


def test_a_refund_taken_back_is_off_its_payment_before_the_cheque_is_deleted() -> None:
    refund = LIVE[3]
    refunded = replace(PAYMENT, total=12000, refunds=(Part("refund:F", 2000),))
    used = replace(PAYMENT, total=12000, invoices=parts({"invoice:A": 10000, "invoice:B": 2000}))
    before = {"invoice:A": INVOICE, "invoice:B": OTHER, "refund:F": refund, "payment:P": refunded}

    planned = plan(situation(before | {"refund:F": Ending.DELETED, "payment:P": used}, before, before))

    assert [(s.action, s.key) for s in planned.steps] == [
        (Action.UPDATE, "payment:P"),
        (Action.DELETE, "refund:F"),
        (Action.UPDATE, "payment:P"),
    ]
    assert isinstance(planned.steps[0].document, Payment)
    assert planned.steps[0].document.refunds == ()


def test_a_memo_is_deleted_after_the_payment_that_used_it_let_go() -> None:
    mixed = replace(PAYMENT, credits=(Part("credit:C", 5000),), total=5000)
    before = {"invoice:A": INVOICE, "credit:C": MEMO, "payment:P": mixed}
    erp = before | {"credit:C": Ending.DELETED, "payment:P": Ending.VOIDED}

    assert done(plan(situation(erp, before, before))) == [("void", "payment:P"), ("delete", "credit:C")]


def test_the_same_input_in_another_order_gives_the_same_plan() -> None:
    before: dict[Key, Side] = {"invoice:A": INVOICE, "invoice:B": OTHER, "payment:P": PAYMENT, "credit:C": MEMO}
    erp = before | {"payment:P": _on("B", "payment:P", 10000), "credit:C": Ending.DELETED}

    def turned(sides: Mapping[Key, Side]) -> dict[Key, Side]:
        return dict(reversed(sides.items()))

    assert plan(situation(erp, before, before)) == plan(situation(turned(erp), turned(before), turned(before)))
