"""What holds for any books: small consistent ledgers of the ERP, synced into a tiny QuickBooks."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from builders import SHOP
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger import ACTS, Ledger, declared
from syncing import Loop

from mappings.distru.declarations import Told, declare_payment
from mappings.distru.projection import Terms, is_held_by_payment, project
from mappings.distru.records import read_books
from mappings.documents import Invoice, Payment, from_json, same_money, to_json
from mappings.keys import owner
from mappings.money import cents
from mappings.planner import in_step
from mappings.quickbooks import read_object
from mappings.tieout import contribution, erp_receivable, tie_out

ACT = st.tuples(st.sampled_from(ACTS), st.integers(0, 9), st.integers(0, 9), st.integers(1, 120).map(lambda n: n * 25))
LIFE = st.lists(ACT, min_size=1, max_size=14)
CHAPTERS = st.lists(st.lists(ACT, min_size=1, max_size=8), min_size=1, max_size=3)
MODES = st.booleans()


def lived(acts: list[Any]) -> Ledger:
    ledger = Ledger()
    for act in acts:
        ledger.act(*act)
    return ledger


law = settings(max_examples=120, deadline=None, derandomize=True, database=None)


@law
@given(LIFE)
def test_every_payment_adds_up(acts: list[Any]) -> None:
    """total + Σ credits = Σ invoices + Σ refunds + outside + refunded + unapplied, and what is unapplied is never a
    debt."""
    projection = project(read_books(lived(acts).records()), Terms(two_way=True))

    assert not projection.waits
    for side in projection.documents.values():
        if isinstance(side, Payment):
            credits, invoices, refunds = (
                sum(p.amount for p in of) for of in (side.credits, side.invoices, side.refunds)
            )
            assert side.total + credits == invoices + refunds + side.outside + side.refunded + side.unapplied
            assert 0 <= side.unapplied <= side.total


@law
@given(LIFE)
def test_receivables_are_the_sum_of_the_documents(acts: list[Any]) -> None:
    books = read_books(lived(acts).records())

    projection = project(books, Terms(two_way=True))

    assert erp_receivable(books) == sum(map(contribution, projection.documents.values()))


@law
@given(CHAPTERS, MODES)
def test_a_plan_done_leaves_nothing_to_do_and_no_moment_is_wrong(chapters: list[list[Any]], two_way: bool) -> None:
    """After each plan the next one is empty; TinyQuickBooks proves after each single step that nothing is overpaid."""
    ledger, loop = Ledger(), Loop(two_way=two_way)
    for acts in chapters:
        for act in acts:
            ledger.act(*act)

        planned = loop.sync(ledger.records())

        assert not planned.conflicts
        assert not planned.waits
        again = loop.plan(ledger.records())
        assert again.steps == ()
        assert again.conflicts == ()


@law
@given(CHAPTERS)
def test_after_a_sync_both_books_tie_out(chapters: list[list[Any]]) -> None:
    ledger, loop = Ledger(), Loop()
    for acts in chapters:
        for act in acts:
            ledger.act(*act)
        loop.sync(ledger.records())

    others = [(entity[0], raw) for entity, raw in loop.qbo.objects.items()]
    figures = tie_out(
        loop.books(ledger.records()), loop.project(ledger.records()).documents, loop.held(), others, frozenset({"84"})
    )

    assert figures.difference == 0
    assert figures.explained == ()
    assert figures.erp_credit + resting(ledger) == figures.quickbooks_credit


def resting(ledger: Ledger) -> int:
    """Money and memo uses that pay no live invoice: QuickBooks shows them as credit."""
    dead = [p for p in ledger.payments.values() if p.posted and (p.invoice is None or ledger.bills[p.invoice].voided)]
    return sum(p.amount for p in dead)


@law
@given(LIFE, LIFE, st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(before: list[Any], after: list[Any], random: Any) -> None:
    ledger, loop = lived(before), Loop()
    loop.sync(ledger.records())
    for act in after:
        ledger.act(*act)
    shuffled = ledger.records()
    random.shuffle(shuffled)

    assert loop.plan(shuffled, backwards=True) == loop.plan(ledger.records())


@law
@given(CHAPTERS)
def test_what_is_written_is_read_back_as_the_same_money(chapters: list[list[Any]]) -> None:
    ledger, loop = Ledger(), Loop()
    for acts in chapters:
        for act in acts:
            ledger.act(*act)
        loop.sync(ledger.records())

    for key, side in loop.project(ledger.records()).documents.items():
        if key in loop.entities and loop.entities[key] in loop.qbo.objects:
            kind, object_id = loop.entities[key]
            back = read_object(kind, loop.qbo.objects[(kind, object_id)], key, loop.known(), "shop")
            assert same_money(back, side)


@law
@given(LIFE)
def test_a_document_survives_being_kept_as_json(acts: list[Any]) -> None:
    for side in project(read_books(lived(acts).records()), Terms(two_way=True)).documents.values():
        assert from_json(json.loads(json.dumps(to_json(side)))) == side


@law
@given(CHAPTERS, MODES)
def test_the_phases_of_a_plan_only_rise(chapters: list[list[Any]], two_way: bool) -> None:
    ledger, loop = Ledger(), Loop(two_way=two_way)
    for acts in chapters:
        for act in acts:
            ledger.act(*act)
        phases = [step.phase for step in loop.sync(ledger.records()).steps]
        assert all(one <= other for one, other in pairwise(phases))


@law
@given(LIFE)
def test_the_lines_of_a_form_sum_to_its_total(acts: list[Any]) -> None:
    for side in project(read_books(lived(acts).records()), Terms(two_way=True)).documents.values():
        if lines := getattr(side, "lines", ()):
            discount = side.discount if isinstance(side, Invoice) else 0
            assert sum(line.amount for line in lines) - discount == side.total
            assert all(line.amount >= 0 for line in lines)


@settings(law, max_examples=200)
@given(LIFE, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3000)), min_size=1, max_size=4))
def test_what_a_person_does_to_a_payment_in_quickbooks_becomes_true_in_the_erp(
    acts: list[Any], edits: list[tuple[int, int, int]]
) -> None:
    """The declaration satisfies the contract's sum; applied by the contract's sentences it gives the same document."""
    ledger, loop = lived(acts), Loop()
    loop.sync(ledger.records())
    for which, where, amount in edits:
        key = loop.relinked(which, where, amount)
        if key is None:
            continue
        books, terms, document = loop.books(ledger.records()), loop.terms(), loop.echo(key)
        assert isinstance(document, Payment)
        said = declare_payment(document, key, books, terms, Told("1", SHOP))

        own = {
            c.id
            for c in books.credits.values()
            if is_held_by_payment(c, terms)
            and (terms.owners.get(("CREDIT", c.id)) or owner(terms.owners, "PAYMENT", c.payment or "")) == key
        }
        assert sums_up(said, own)
        carried = {p for p in ledger.payments if owner(terms.owners, "PAYMENT", p) == key}
        made = declared(ledger, said, carried, own)
        loop.records[key] = (*loop.records.get(key, ()), *made)

        projection = loop.project(ledger.records())
        assert not projection.waits
        held = loop.held().documents
        for other, there in held.items():
            assert in_step(projection.documents.get(other), there), other
        loop.agree(projection, held)


def sums_up(said: dict[str, Any], own: set[str]) -> bool:
    """total_amount = Σ amount - Σ uses of other credits + unapplied_amount + outside_amount + refunded_amount."""
    uses = [use for application in said["applications"] for use in application["credit_uses"]]
    others = sum(cents(use["amount"]) for use in uses if use["credit_id"] not in own)
    amounts = sum(cents(application["amount"]) for application in said["applications"])
    rest = sum(cents(said[f"{name}_amount"]) for name in ("unapplied", "outside", "refunded"))
    return cents(said["total_amount"]) == amounts - others + rest and cents(said["outside_amount"]) == 0
