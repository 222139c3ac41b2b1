"""Somebody at the support desk works problems off: one cause at once, a conflict, a number that a customer asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.stories.world import World

SignIn = Callable[[str], Page]
Axe = Callable[[Page], list[dict[str, Any]]]


def refused_credits(world: World) -> str:
    company, _ = world.linked_company()
    item = str(world.person.create_item("Breakage")["Id"])
    world.reconcile()
    world.person.deactivate_item(item)
    for _ in range(3):
        world.user.create_credit(company_id=company, amount="10.00", quickbooks_sales_item_id=item)
    world.settle()
    return item


def test_a_cause_is_cured_and_all_its_records_are_tried_again_at_once(
    world: World, signed_in: SignIn, axe: Axe
) -> None:
    item = refused_credits(world)
    page = signed_in("support")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Problems").click()
    assert axe(page) == []
    page.get_by_role("link", name="A line cannot be written").click()
    assert axe(page) == []
    world.person._edit("Item", item, {"Active": True})

    page.get_by_role("button", name="Try all 3 again").click()
    page.get_by_role("heading", name="Reconciliation").wait_for()
    world.settle()
    page.goto("/console/connections/acc-1/problems")

    page.get_by_text("Nothing waits for a person").wait_for()
    assert axe(page) == []
    assert len(world.all("CreditMemo")) == 3


def test_a_cause_is_put_aside_only_with_a_reason(world: World, signed_in: SignIn, axe: Axe) -> None:
    refused_credits(world)
    page = signed_in("support")
    page.goto("/console/connections/acc-1/problems")
    page.get_by_role("link", name="A line cannot be written").click()
    page.get_by_text("Put all 3 aside").click()

    page.get_by_role("button", name="Put aside", exact=True).click()
    assert page.get_by_label("Why may they be put aside?").evaluate("field => field.validity.valueMissing")
    page.get_by_label("Why may they be put aside?").fill("written off by the owner")
    assert axe(page) == []
    page.get_by_role("button", name="Put aside", exact=True).click()

    page.get_by_text("3 problems were put aside").wait_for()
    page.get_by_role("link", name="List every record").click()
    assert page.get_by_role("cell", name="written off by the owner").count() == 3
    assert axe(page) == []


def test_a_conflict_is_read_side_by_side_and_settled(world: World, signed_in: SignIn, axe: Axe) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.person.edit_invoice(world.one("Invoice")["Id"], amount="90.00")
    world.settle()
    page = signed_in("support")
    problem = f"/console/problems/{world.problems()[0]['id']}"
    page.goto(problem)
    amount = page.get_by_role("row", name="Amount").get_by_role("cell")
    assert amount.all_inner_texts() == ["100.00", "90.00", "100.00"]
    assert axe(page) == []

    page.get_by_role("button", name="Keep what the ERP says").click()
    page.get_by_role("heading", name="Repair").wait_for()
    world.settle()
    page.goto(problem)

    page.get_by_role("heading", name="Resolved").wait_for()
    assert axe(page) == []
    assert str(world.one("Invoice")["TotalAmt"]) == "100.00"


def test_a_number_is_searched_from_any_page_and_its_card_leads_on(world: World, signed_in: SignIn, axe: Axe) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    credit = world.user.create_credit(company_id=company, amount="120.00")
    uses = [{"credit_id": credit["id"], "amount": "100.00"}]
    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00", credits=uses, method=None)
    world.settle()
    page = signed_in("viewer")

    page.get_by_placeholder("Number, UUID or QuickBooks id").fill(credit["credit_number"].lower())
    page.keyboard.press("Enter")
    page.get_by_text("$20.00 is left.").wait_for()
    assert axe(page) == []
    page.get_by_role("link", name="Sunset Dispensary").click()

    page.get_by_text("has no open invoice, and has $20.00 of unused credit.").wait_for()
    assert axe(page) == []


@pytest.mark.parametrize("path", ["/console/search", "/console/search?q=nothing-of-this-name"])
def test_pages_without_anything_to_show_are_in_order(signed_in: SignIn, axe: Axe, path: str) -> None:
    page = signed_in("viewer")
    page.goto(path)

    assert axe(page) == []
