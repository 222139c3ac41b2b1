"""The whole rehearsal of two-way sync in a browser: look, plan, confirm, follow, report."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.world import World

TWO_WAY = "/console/connections/acc-1/two-way"


@pytest.fixture
def world() -> Iterator[World]:
    """A connected account with one-way sync, whose books have credits on both sides."""
    world = World(two_way=False)
    company, customer = world.linked_company()
    for amount in ("10.00", "20.00", "30.00"):
        world.user.create_credit(company_id=company, amount=amount)
    world.person.write_credit_memo(customer, "15.00", number="CM-9")
    world.settle()
    yield world
    world.close()


def test_support_rehearses_confirms_follows_and_reads_the_report(signed_in, world, axe):
    page = signed_in("support")
    page.goto(TWO_WAY)
    assert axe(page) == []

    page.get_by_label("Revert their uses").check()
    page.get_by_role("button", name="Read both books and make a plan").click()
    page.get_by_role("heading", name="What would be done").wait_for()
    assert axe(page) == []

    page.get_by_role("link", name="On to the plan").click()
    page.get_by_label("What happens").select_option("Import into the ERP")
    page.wait_for_url("**/rows?*action=import*")
    page.get_by_role("cell", name="CM-9").wait_for()
    assert page.get_by_role("row").count() == 2
    assert axe(page) == []

    page.get_by_role("link", name="On to the last question").click()
    page.get_by_text("3 credits are").wait_for()
    assert axe(page) == []
    page.get_by_label("To confirm, type").fill("Emerald Wholesale")
    page.get_by_role("button", name="Turn on two-way sync").click()

    page.get_by_text("Waits for its turn").wait_for()
    page.evaluate("window.marker = 'still here'")
    _half_way(world)
    page.get_by_text("2 of 4 steps").wait_for()
    assert page.get_by_role("progressbar", name="Steps done").get_attribute("value") == "2"
    assert page.evaluate("window.marker") == "still here"
    assert axe(page) == []

    _go_on(world)
    page.get_by_role("heading", name="What was done").wait_for()
    page.get_by_text("4 of 4 steps").wait_for()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("cell", name="CR-1001").wait_for()
    assert axe(page) == []
    page.wait_for_timeout(2500)
    assert [url for url in asked if "progress" in url] == []
    assert world.desk.connection("acc-1")["two_way"]


def _half_way(world: World) -> None:
    """As a worker leaves it in the midst of its work."""
    with world.service.store.writing() as tx:
        connection = tx.connections.get("acc-1")
        assert connection is not None
        run = tx.runs.last(connection.id, "enable_two_way")
        assert run is not None
        tx.runs.update(run.id, state="running", phase="Cancelling credits", done=2, total=4, counts={"cancel": 2})


def _go_on(world: World) -> None:
    with world.service.store.writing() as tx:
        connection = tx.connections.get("acc-1")
        assert connection is not None
        run = tx.runs.last(connection.id, "enable_two_way")
        assert run is not None
        tx.runs.update(run.id, state="queued", phase=None, done=0, total=0, counts={})
    world.settle()
