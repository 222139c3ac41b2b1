"""What nobody knows of QuickBooks (REFERENCE 14): a month of business comes right whichever way it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixtures.simulators.quickbooks.switches import Switches, positions
from tests.stories.world import World

ELSEWHERE = {
    "calls_per_second",
    "calls_per_minute",
    "batches_per_minute",
    "enforce_limits",
    "throttle_form",
    "closed_books",
    "cdc_cap",
    "auto_apply_credit",
}
"""Limits, caps and habits that have stories of their own."""
NUMBERS = {"cdc_lag_s": (90,), "requestid_lifetime_s": (0, 60)}
DEFAULTS = Switches()
QUESTIONS = [
    (name, position)
    for name in vars(DEFAULTS)
    if name not in ELSEWHERE
    for position in NUMBERS.get(name, positions(name))
    if position != getattr(DEFAULTS, name)
]


def a_month_of_business(world: World) -> None:
    """Every kind of change that credits, payments and invoices go through, each settled before the next."""
    user, person = world.user, world.person
    company, customer = world.linked_company()
    first = user.create_invoice(company_id=company, amount="100.00")
    second = user.create_invoice(company_id=company, amount="80.00")
    third = user.create_invoice(company_id=company, amount="60.00")
    user.receive_payment(invoice_id=first["id"], amount="120.00")
    [over] = world.account.all("credit", company)
    credit = user.create_credit(company_id=company, amount="90.00")
    world.settle()
    user.receive_payment(
        invoice_id=second["id"],
        amount="70.00",
        credits=[{"credit_id": over["id"], "amount": "15.00"}, {"credit_id": credit["id"], "amount": "40.00"}],
    )
    world.settle()
    user.edit_invoice(invoice_id=first["id"], amount="75.00")
    world.settle()
    user.edit_credit(id=credit["id"], amount="40.00")
    world.settle()
    memo = person.write_credit_memo(customer, "35.00")
    world.settle()
    invoice = next(i for i in world.all("Invoice") if i["TotalAmt"] == Decimal("60.00"))
    person.apply_credit(memo["Id"], invoice["Id"], "20.00")
    prepaid = person.take_payment(customer, "50.00")
    world.settle()
    person.edit_payment(prepaid["Id"], invoices={invoice["Id"]: "10.00"})
    world.settle()
    returned = user.create_return(company_id=company, items=[{"quantity": "3", "price": "4.333"}])
    user.complete_return(returned["id"])
    world.settle()
    user.cancel_order(third["order"]["id"])
    world.settle()
    user.uncancel_order(third["order"]["id"])
    world.settle()
    user.cancel_credit(id=credit["id"], should_delete_credit_uses=True)
    world.settle()
    fourth = user.create_invoice(company_id=company, amount="44.00")
    paid = user.receive_payment(invoice_id=fourth["id"], amount="50.00")
    world.settle()
    user.void_payment(payment_id=paid["id"])
    world.settle()
    user.delete_invoice(invoice_id=fourth["id"])
    world.settle()
    world.wait(minutes=6)


@pytest.mark.parametrize(("name", "position"), QUESTIONS, ids=lambda value: str(value))
def test_a_month_of_business_comes_right_whatever_quickbooks_does(name: str, position: object) -> None:
    world = World()
    setattr(world.company.switches, name, position)

    a_month_of_business(world)
    for _ in range(6 if name == "lose_first_answer" else 0):
        world.wait(minutes=6)

    assert world.problems() == []
    world.check(made_anew=1)


def test_a_month_of_business_comes_right_on_both_databases(world: World) -> None:
    a_month_of_business(world)

    assert world.problems() == []
    world.check(made_anew=1)
