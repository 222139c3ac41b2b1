"""The pages of connections, settings and users, as somebody with a keyboard or a screen reader meets them."""

from __future__ import annotations

import csv

import pytest

ONE = "/console/connections/acc-1"


@pytest.fixture
def busy_world(world):
    """Something to see on every page."""
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company, amount="251.00")["id"]
    world.user.create_invoice(company, amount="1204.50")
    unlinked = world.user.create_company(name="Unlinked Farms")["id"]
    world.user.create_invoice(unlinked, amount="77.00")
    world.settle()
    world.user.receive_payment(invoice_id=invoice, amount="100.00")
    world.desk.create_connection("acc-2", "Blue Mountain Supply", "key", actor="x")
    world.desk.patch("acc-1", settings={"paused": ["REFUND"], "timezone": "America/Los_Angeles"}, actor="x")
    world.settle()
    return world


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault(signed_in, busy_world, axe, scheme):
    page = signed_in("admin")
    page.emulate_media(color_scheme=scheme)
    paths = ["/console/connections", ONE, f"{ONE}/links", f"{ONE}/settings", "/console/users", "/console/password"]

    for path in [*paths, "/console/no-such-page"]:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        for summary in page.locator("main details > summary").all():
            summary.click()
        assert axe(page) == [], path


def test_no_page_is_wider_than_a_small_laptop(signed_in, busy_world):
    page = signed_in("admin")

    for path in ("/console/connections", ONE, f"{ONE}/links", f"{ONE}/settings", "/console/users"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280, path
        wide = page.evaluate(
            "[...document.querySelectorAll('.scroller')].filter(e => e.scrollWidth > e.clientWidth).length"
        )
        assert wide == 0, path


def test_the_difference_appears_by_itself(signed_in, busy_world):
    page = signed_in("viewer")

    page.get_by_role("row", name="Emerald Wholesale").get_by_text("77.00").wait_for()


def test_a_connection_is_reconciled_by_keyboard(signed_in, busy_world):
    page = signed_in("support")

    page.get_by_role("link", name="Emerald Wholesale").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Emerald Wholesale").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Reconcile now").focus()
    page.keyboard.press("Enter")

    page.get_by_role("status").get_by_text("A reconciliation is asked for").wait_for()


def test_a_disconnect_is_folded_away_until_it_is_wanted_and_then_says_what_it_does(signed_in, busy_world):
    page = signed_in("support")
    page.goto(ONE)
    assert not page.get_by_text("Every QuickBooks ID of this connection is cleared").is_visible()

    page.get_by_text("Disconnect for good").click()
    form = page.locator("form", has_text="Every QuickBooks ID of this connection is cleared")
    form.get_by_label("To confirm, type Emerald Wholesale").fill("Emerald")
    form.get_by_role("button", name="Disconnect and clear every link").click()

    page.get_by_text("letter by letter").wait_for()


def test_a_setting_is_checked_as_it_is_typed(signed_in, busy_world):
    page = signed_in("support")
    page.goto(f"{ONE}/settings")
    item, name = next(iter(busy_world.service.choosing.choices("acc-1").items.items()))

    page.get_by_label("Item of lines that name none").fill("98765")
    page.get_by_text("QuickBooks has no item with id 98765").wait_for()
    page.get_by_label("Item of lines that name none").fill(item)
    page.locator("#says-default_item_id").get_by_text(name.rpartition(" (")[0]).wait_for()
    page.get_by_role("button", name="Save settings").click()

    page.get_by_text("The settings are changed.").wait_for()
    assert busy_world.desk.connection("acc-1")["settings"]["default_item_id"] == item


def test_a_table_is_filtered_sorted_and_exported(signed_in, busy_world, tmp_path):
    page = signed_in("viewer")
    page.goto(f"{ONE}/links")

    page.get_by_label("Kind").select_option("INVOICE")
    page.get_by_role("status").get_by_text("of 3").wait_for()
    page.get_by_role("link", name="ERP number").click()
    page.wait_for_url("**/links?sort=erp_number&kind=INVOICE")
    assert page.get_by_role("columnheader", name="ERP number").get_attribute("aria-sort") == "ascending"
    page.get_by_label("Kind").select_option("PAYMENT")
    page.wait_for_url("**kind=PAYMENT**sort=erp_number")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()

    download.value.save_as(tmp_path / "links.csv")
    with (tmp_path / "links.csv").open() as file:
        assert {row["kind"] for row in csv.DictReader(file)} == {"PAYMENT"}
    page.go_back()
    page.get_by_role("status").get_by_text("of 3").wait_for()


def test_a_session_that_ended_leads_to_the_sign_in_from_a_table_too(signed_in, busy_world):
    page = signed_in("viewer")
    page.goto(f"{ONE}/links?kind=INVOICE")
    busy_world.clock.sleep(3600)

    page.get_by_role("link", name="ERP number").click()

    page.wait_for_url("**/sign-in?next=/console/connections/acc-1/links?kind%3DINVOICE")


def test_what_a_table_refuses_is_said_on_the_page(signed_in, busy_world):
    page = signed_in("viewer")
    page.goto(f"{ONE}/links")

    page.evaluate("htmx.ajax('GET', location.pathname + '?sort=nonsense', {target: '#table-links'}); 0")

    page.get_by_role("alert").get_by_text("something that it does not know: sort").wait_for()
