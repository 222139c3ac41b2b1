"""Search in the console: one card for whatever was pasted."""

from __future__ import annotations

from signed_in import text_of

from tests.stories.world import World


def a_used_credit(world: World) -> dict[str, str]:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    credit = world.user.create_credit(company_id=company, amount="120.00")
    uses = [{"credit_id": credit["id"], "amount": "100.00"}]
    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00", credits=uses, method=None)
    world.settle()
    return {
        "credit": credit["credit_number"],
        "invoice": invoice["invoice_number"],
        "company": company,
        "id": credit["id"],
    }


def test_a_number_is_answered_with_a_card_and_a_sentence_to_send(world, support):
    known = a_used_credit(world)

    page = text_of(support.get(f"/console/search?q={known['credit']}"))

    assert f"Credit {known['credit']} of $120.00 was put against invoice {known['invoice']}" in page
    assert "$20.00 is left." in page
    assert "Synced" in page
    assert "What was put against what" in page


def test_every_page_has_the_search_and_the_empty_one_says_what_to_paste(support):
    assert "Paste what you have" in text_of(support.get("/console/search"))
    assert 'action="/console/search"' in support.get("/console/connections").get_data(as_text=True)


def test_what_is_not_there_is_said_so(support):
    assert "Neither book has shown us anything" in text_of(support.get("/console/search?q=CM-404"))
    assert support.get("/console/connections/acc-1/records/INVOICE/nobody").status_code == 404


def test_what_was_pasted_is_shown_as_text(support):
    page = support.get("/console/search?q=<script>alert(1)</script>").get_data(as_text=True)

    assert "<script>alert" not in page


def test_the_card_of_a_record_leads_to_the_others(world, support):
    known = a_used_credit(world)

    page = support.get(f"/console/connections/acc-1/records/CREDIT/{known['id']}").get_data(as_text=True)

    assert f"/console/connections/acc-1/records/COMPANY/{known['company']}" in page
    assert f"Invoice {known['invoice']}" in page


def test_a_company_is_refreshed_and_reconciled_from_its_card(world, support):
    known = a_used_credit(world)
    back = f"/console/search?q={known['credit']}"

    for deed in ("refresh", "reconcile"):
        answer = support.post(f"/console/connections/acc-1/companies/{known['company']}/{deed}", {"back": back})
        world.settle()

        assert (answer.status_code, answer.headers["Location"]) == (303, back)
    runs = world.desk.runs("acc-1", cursor=None, limit=100)["data"]
    assert "user:support" in {run["requested_by"] for run in runs}


def test_a_form_sends_nobody_elsewhere(world, support):
    known = a_used_credit(world)

    address = f"/console/connections/acc-1/companies/{known['company']}/reconcile"
    answer = support.post(address, {"back": "https://evil.example/console/"})

    assert answer.headers["Location"] == "/console/connections"


def test_a_viewer_sees_the_card_without_buttons(world, signed_in):
    known = a_used_credit(world)

    page = signed_in("viewer").get(f"/console/search?q={known['credit']}").get_data(as_text=True)

    assert known["credit"] in page
    assert "/companies/" not in page


def test_the_list_of_links_leads_to_the_cards(world, support):
    known = a_used_credit(world)

    page = support.get("/console/connections/acc-1/links").get_data(as_text=True)

    assert f"/console/connections/acc-1/records/CREDIT/{known['id']}" in page
