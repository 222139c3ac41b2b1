"""Tie-out, runs and the audit in a real browser: read with a keyboard and a screen reader, followed while they move."""

from __future__ import annotations

from datetime import timedelta

import pytest

ONE = "/console/connections/acc-1"


@pytest.fixture
def busy(world):
    """Two days of invoices, one of them changed in QuickBooks by hand."""
    company, _ = world.linked_company()
    for amount in ("100.00", "50.00"):
        world.user.create_invoice(company, amount)
        world.wait(days=1)
    world.person.edit_invoice(world.all("Invoice")[0]["Id"], amount="99.00")
    world.wait(days=1)
    return world


def test_an_accountant_looks_at_the_difference_and_goes_back_in_time(busy, signed_in, axe):
    page = signed_in("viewer")
    page.goto(f"{ONE}/tie-out")
    page.get_by_text("1 document").click()
    page.get_by_text("changed in QuickBooks by hand").wait_for()
    assert page.get_by_role("img", name="Accounts receivable").is_visible()
    assert axe(page) == []

    page.get_by_text("The same as a table").click()
    page.get_by_role("link", name="Earlier").click()
    page.get_by_text("the books agree to the cent").wait_for()

    page.get_by_text("Proof pack", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download with CSVs").click()
    assert download.value.suggested_filename.startswith("proof-acc-1-")


def test_a_proof_pack_prints_in_black_on_white_without_a_frame(busy, signed_in, axe):
    page = signed_in("viewer")
    page.goto(f"{ONE}/proof-pack")

    assert page.get_by_role("heading", name="Proof that both books agree").is_visible()
    assert axe(page) == []
    page.emulate_media(media="print")
    assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.get_by_role("navigation").count() == 0


def test_a_run_is_followed_to_its_end_without_loading_the_page_anew(busy, signed_in, axe):
    run, now = busy.reconcile()["id"], busy.clock()
    pace = [[(now - timedelta(seconds=30)).isoformat(), 0], [now.isoformat(), 10]]
    with busy.service.store.writing() as tx:
        tx.runs.update(run, state="running", finished_at=None, done=10, total=40, pace=pace)
    page = signed_in("support")
    page.goto(f"{ONE}/runs/{run}")
    page.evaluate("window.marker = 'still here'")
    page.get_by_text("about 2 minutes left").wait_for()
    assert axe(page) == []

    with busy.service.store.writing() as tx:
        tx.runs.update(run, state="succeeded", finished_at=busy.clock(), done=40)
    page.get_by_text("Succeeded").first.wait_for()

    assert page.get_by_text("40 of 40 steps").is_visible()
    assert page.evaluate("window.marker") == "still here"
    assert page.locator("[hx-trigger='every 2s']").count() == 0


def test_the_audit_is_unfolded_filtered_and_verified(busy, signed_in, axe):
    page = signed_in("viewer")
    page.goto(f"{ONE}/audit")
    page.locator("td details summary").first.click()
    assert axe(page) == []

    page.get_by_label("Search", exact=True).fill("INV-1001")
    page.get_by_text("1–1 of 1").wait_for()
    page.get_by_role("button", name="Verify every row now").click()
    page.get_by_text("Every row fits").wait_for()
    page.goto(f"{ONE}/runs")
    assert axe(page) == []
