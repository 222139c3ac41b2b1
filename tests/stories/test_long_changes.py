"""QuickBooks' change capture answers only so much, and only so far back: nothing may fall out at either edge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from service.quickbooks.sizes import AnswerSizes
from tests.stories.world import World

DAY_S = 24 * 3600


@pytest.fixture
def terse(database_url: str) -> Iterator[World]:
    """QuickBooks answers five records at once."""
    world = World(database_url, sizes=AnswerSizes(page=5, changes=5))
    yield world
    world.close()


def test_what_was_deleted_in_a_burst_of_changes_is_missed_by_nobody(terse: World) -> None:
    """A cut answer leaves out deletions first, and no query shows them."""
    company, customer = terse.linked_company()
    memo = terse.person.write_credit_memo(customer, "25.00", number="CM-1")["Id"]
    terse.settle()
    terse.clock.sleep(3600)
    terse.reconcile()
    terse.webhooks_on = False
    terse.person.delete_credit_memo(memo)
    for number in range(8):
        terse.person.write_credit_memo(customer, "1.00", number=f"S-{number}")

    terse.wait(minutes=10)

    standing = [one["amount"] for one in terse.account.all("credit", company) if one["status"] == "ACTIVE"]
    assert standing == ["1.00"] * 8
    terse.check()


def test_what_is_made_after_a_long_gap_is_read_though_our_clock_was_ahead(world: World) -> None:
    company, customer = world.linked_company()
    world.settle()
    world.webhooks_on = False
    world.clock.sleep(31 * DAY_S)
    world.ahead = timedelta(hours=1)
    world.settle()
    world.ahead = timedelta()
    world.person.write_credit_memo(customer, "25.00", number="CM-1")

    world.wait(hours=2)

    assert [credit["amount"] for credit in world.account.all("credit", company)] == ["25.00"]
    world.check()


def test_what_change_capture_was_late_with_is_read_after_a_long_gap(world: World) -> None:
    company, customer = world.linked_company()
    world.company.switches.cdc_lag_s = 60
    world.wait(hours=1)
    world.webhooks_on = False
    world.person.write_credit_memo(customer, "25.00", number="CM-1")
    world.clock.sleep(5)
    world.reconcile()
    assert world.account.all("credit", company) == []
    world.clock.sleep(31 * DAY_S)

    world.settle()

    assert [credit["amount"] for credit in world.account.all("credit", company)] == ["25.00"]
    world.check()
