"""Whatever people and the API do, in any order: the books balance, and two counts of the same money agree."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.simulators.quickbooks import Company, QuickBooksSimulator, Refusal, positions
from fixtures.simulators.quickbooks.person import Person
from tests.contract.quickbooks_simulator_world import TurnableClock

CUSTOMERS = ("1", "2")
SWITCHED = (
    "overpaid_line",
    "over_applied_credit",
    "invoice_below_applied",
    "memo_below_applied",
    "auto_apply_credit",
    "empty_zero_payment",
    "foreign_customer_link",
    "excess_credit",
    "purchase_link",
    "memo_moves_when_applied",
)

Act = Callable[[Person, str, str, str, str], Any]
"""(person, customer, one document's id, another's, an amount)."""

ACTS: dict[str, Act] = {
    "invoice": lambda p, who, a, b, amount: p.create_invoice(who, amount),
    "credit": lambda p, who, a, b, amount: p.write_credit_memo(who, amount),
    "cash": lambda p, who, a, b, amount: p.take_payment(who, amount),
    "pay": lambda p, who, a, b, amount: p.take_payment(who, amount, {a: amount}),
    "pay mixed": lambda p, who, a, b, amount: p.take_payment(who, "5.00", {a: amount}, {b: amount}),
    "apply": lambda p, who, a, b, amount: p.apply_credit(b, a, amount),
    "unapply": lambda p, who, a, b, amount: p.unapply_credit(b, a),
    "edit invoice": lambda p, who, a, b, amount: p.edit_invoice(a, amount),
    "edit credit": lambda p, who, a, b, amount: p.edit_credit_memo(b, amount),
    "move credit": lambda p, who, a, b, amount: p.edit_credit_memo(b, customer_id=who),
    "edit cash": lambda p, who, a, b, amount: p.edit_payment(b, amount),
    "respread": lambda p, who, a, b, amount: p.edit_payment(b, invoices={a: amount}),
    "void invoice": lambda p, who, a, b, amount: p.void_invoice(a),
    "void credit": lambda p, who, a, b, amount: p.void_credit_memo(b),
    "void cash": lambda p, who, a, b, amount: p.void_payment(b),
    "delete invoice": lambda p, who, a, b, amount: p.delete_invoice(a),
    "delete credit": lambda p, who, a, b, amount: p.delete_credit_memo(b),
    "delete cash": lambda p, who, a, b, amount: p.delete_payment(b),
    "refund credit": lambda p, who, a, b, amount: p.refund_credit(b, amount),
    "refund cash": lambda p, who, a, b, amount: p.refund_payment(b, amount),
    "journal": lambda p, who, a, b, amount: p.journal_entry(who, amount),
    "deposit": lambda p, who, a, b, amount: p.deposit([b]),
}

acts = st.tuples(
    st.sampled_from(sorted(ACTS)),
    st.sampled_from(CUSTOMERS),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 20_000).map(lambda cents: str(Decimal(cents).scaleb(-2))),
)
habits = st.fixed_dictionaries({name: st.sampled_from(positions(name)) for name in SWITCHED})


def a_company(switches: dict[str, Any]) -> Company:
    company = QuickBooksSimulator(clock=TurnableClock()).create_company()
    for name, position in switches.items():
        setattr(company.switches, name, position)
    for name in ("Acme", "Beta"):
        company.person.create_customer(name)
    return company


def an_id(company: Company, entity: str, pick: int) -> str:
    """One of the documents there are, or an id that names nothing."""
    ids = list(company.books.rows[entity])
    return ids[pick % len(ids)] if ids else "999"


def do(company: Company, act: tuple[str, str, int, int, str]) -> bool:
    """Whether QuickBooks took it."""
    name, who, first, second, amount = act
    second_entity = "Payment" if name in {"respread", "deposit"} or name.endswith("cash") else "CreditMemo"
    one, other = an_id(company, "Invoice", first), an_id(company, second_entity, second)
    try:
        ACTS[name](company.person, who, one, other, amount)
    except Refusal:
        return False
    return True


def check(company: Company) -> None:
    assert company.overapplied == []
    assert company.books.ledger.total() == 0
    for customer in CUSTOMERS:
        assert company.balance(customer) == company.receivables(customer)
    for payment in company.all("Payment"):
        check_payment(payment)
    for memo in company.all("CreditMemo"):
        assert 0 <= memo["RemainingCredit"] == memo["Balance"] <= memo["TotalAmt"]
    for invoice in company.all("Invoice"):
        assert 0 <= invoice["Balance"] <= invoice["TotalAmt"]


def check_payment(payment: dict[str, Any]) -> None:
    """TotalAmt + credits = charges + UnappliedAmt, as shown to the world (unless lines are shown as sent)."""
    assert 0 <= payment["UnappliedAmt"] <= payment["TotalAmt"]
    sums = {"charge": Decimal(0), "credit": Decimal(0)}
    for line in payment["Line"]:
        assert line["Amount"] > 0
        sums["credit" if line["LinkedTxn"][0]["TxnType"] in {"CreditMemo", "JournalEntry"} else "charge"] += line[
            "Amount"
        ]
    assert payment["TotalAmt"] + sums["credit"] == sums["charge"] + payment["UnappliedAmt"]


@settings(max_examples=120, deadline=None)
@given(switches=habits, history=st.lists(acts, max_size=30))
def test_the_books_balance_after_everything_people_do(
    switches: dict[str, Any], history: list[tuple[str, str, int, int, str]]
) -> None:
    company = a_company({**switches, "overpaid_line": "clamp"})

    for act in history:
        do(company, act)
        check(company)


@settings(max_examples=40, deadline=None)
@given(switches=habits, history=st.lists(acts, max_size=20), last=acts)
def test_what_is_refused_changes_nothing(
    switches: dict[str, Any], history: list[tuple[str, str, int, int, str]], last: tuple[str, str, int, int, str]
) -> None:
    company = a_company(switches)
    for act in history:
        do(company, act)
    entities = ("Customer", "Invoice", "CreditMemo", "Payment", "Purchase", "JournalEntry", "Deposit")
    before = [company.all(entity) for entity in entities]

    if not do(company, last):
        assert [company.all(entity) for entity in entities] == before


@settings(max_examples=30, deadline=None)
@given(history=st.lists(acts, max_size=25))
def test_the_same_history_gives_the_same_books(history: list[tuple[str, str, int, int, str]]) -> None:
    first, second = a_company({}), a_company({})

    for company in (first, second):
        for act in history:
            do(company, act)

    for entity in ("Customer", "Invoice", "CreditMemo", "Payment"):
        assert first.all(entity) == second.all(entity)


@settings(max_examples=40, deadline=None)
@given(history=st.lists(acts, min_size=5, max_size=25))
def test_merging_two_customers_adds_what_they_owe(history: list[tuple[str, str, int, int, str]]) -> None:
    company = a_company({})
    for act in history:
        do(company, act)
    owed = sum(company.balance(customer) for customer in CUSTOMERS)

    company.person.merge_customers("2", "1")

    assert (company.balance("1"), company.receivables("1"), company.balance("2")) == (owed, owed, 0)
