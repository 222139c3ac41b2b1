"""Our database comes back from a backup, and knows less than both books."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.simulation import invariants
from fixtures.simulation.world import World


@pytest.fixture
def world() -> Iterator[World]:
    world = World.in_step(two_way=True)
    yield world
    world.close()


def test_what_was_made_after_the_backup_is_found_again_though_the_erp_changed_it_since(world: World) -> None:
    """Found by seeds 1346 and 2016: a notice of the change alone made the invoice a second time."""
    world.take_photograph()
    invoice = world.user.create_invoice(company_id=world.customers[0].erp_id, amount="19.63")
    world.settle()

    world.restore()
    world.user.edit_invoice(invoice_id=invoice["id"], amount="148.90")
    world.settle()

    assert [str(i["TotalAmt"]) for i in world.company.all("Invoice")] == ["148.90"]
    assert not invariants.check(world)


def test_a_credit_that_was_used_after_the_backup_is_used_once(world: World) -> None:
    customer = world.customers[0].erp_id
    credit = world.user.create_credit(company_id=customer, amount="30.00")
    invoice = world.user.create_invoice(company_id=customer, amount="50.00")
    world.settle()
    world.take_photograph()
    uses = [{"credit_id": credit["id"], "amount": "30.00"}]
    world.user.receive_payment(invoice_id=invoice["id"], amount="30.00", credits=uses, method=None)
    world.settle()

    world.restore()
    world.settle()

    assert len(world.company.all("Payment")) == 1
    assert not invariants.check(world)
