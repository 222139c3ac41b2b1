"""The way in, with a keyboard and with a screen reader."""

from __future__ import annotations


def test_somebody_signs_in_and_out_by_keyboard_alone(page, world, axe):
    world.service.people.create("maria", "support", "seven quiet ledgers wait")
    page.goto("/console/connections")
    assert axe(page) == []

    page.keyboard.press("Tab")  # past the link to the content
    page.keyboard.press("Tab")
    page.get_by_label("Name").focus()
    page.keyboard.type("maria")
    page.keyboard.press("Tab")
    page.keyboard.type("seven quiet ledgers wait")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Connections").wait_for()
    assert axe(page) == []

    page.get_by_text("maria").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    page.get_by_text("You are signed out.").wait_for()


def test_a_table_is_searched_and_sorted_without_loading_the_page_anew(signed_in, axe):
    page = signed_in("viewer")
    page.evaluate("window.marker = 'still here'")

    page.get_by_role("link", name="Account", exact=True).click()
    page.wait_for_url("**/connections?sort=-name")
    page.get_by_label("Search", exact=True).fill("nobody of this name")
    page.get_by_text("Nothing fits").wait_for()

    assert "q=nobody" in page.url
    assert page.evaluate("window.marker") == "still here"
    assert axe(page) == []
