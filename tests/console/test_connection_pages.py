"""How connections stand, and what support staff do about them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from signed_in import text_of

ONE = "/console/connections/acc-1"


def test_the_list_says_how_every_account_stands(signed_in, world):
    company, _ = world.linked_company()
    world.user.create_invoice(company, amount="100.00")
    unlinked = world.user.create_company(name="Unlinked Farms")["id"]
    world.user.create_invoice(unlinked, amount="77.00")
    world.desk.create_connection("acc-2", "Blue Mountain", "key", actor="x")
    world.settle()

    page = text_of(signed_in("viewer").get("/console/connections"))

    assert "Connected 1 of 2" in page
    assert "1 Customer not linked" in page
    assert "Blue Mountain Not connected yet" in page
    assert "Green Leaf Books" in page


def test_the_difference_is_computed_when_somebody_looks(signed_in, world):
    unlinked = world.user.create_company(name="Unlinked Farms")["id"]
    world.user.create_invoice(unlinked, amount="77.00")
    world.settle()

    assert "77.00" in text_of(signed_in("viewer").get(f"{ONE}/difference"))


def test_metered_calls_count_even_when_the_look_found_nothing(signed_in, world):
    """Runs that found nothing are not kept; Intuit counts their calls all the same."""
    with world.service.store.reading() as tx:
        before = sum(calls.metered for calls in tx.figures.calls("2026-03").values())
    at_intuit = world.company.calls.metered

    for _ in range(3):
        world.wait(minutes=10)

    with world.service.store.reading() as tx:
        after = sum(calls.metered for calls in tx.figures.calls("2026-03").values())
    assert after - before == world.company.calls.metered - at_intuit > 0


def test_one_connection_says_up_to_when_each_kind_is_complete(signed_in):
    page = text_of(signed_in("viewer").get(ONE))

    for kind in ("Company", "Invoice", "Payment", "Credit", "Return", "Refund"):
        assert re.search(rf"ERP {kind} 2 Mar 2026", page)
    assert "QuickBooks All kinds 2 Mar 2026" in page


def test_times_are_in_the_connections_zone_with_utc_for_whoever_hovers(support, world):
    world.desk.patch("acc-1", settings={"timezone": "America/Los_Angeles"}, actor="x")

    page = support.get(ONE).get_data(as_text=True)

    assert 'title="2026-03-02 17:00:00 UTC">2 Mar 2026, 09:00</time>' in page
    assert "Times are in America/Los_Angeles" in page


def test_a_viewer_sees_no_deeds(signed_in):
    page = text_of(signed_in("viewer").get(ONE))

    assert "Reconcile now" not in page
    assert "Disconnect" not in page


def test_support_reconciles_under_their_own_name(support, world):
    answer = support.post(f"{ONE}/reconcile")
    world.settle()

    assert answer.headers["Location"] == ONE
    [run] = [run for run in world.desk.runs("acc-1", cursor=None, limit=9)["data"] if run["requested_by"]][:1]
    assert (run["kind"], run["state"], run["requested_by"]) == ("reconcile", "succeeded", "user:support")
    assert "A reconciliation is asked for" in text_of(support.get(ONE))


def test_support_refreshes_one_company(support, world):
    company, _ = world.linked_company()
    world.settle()

    assert support.post(f"{ONE}/refresh", {"what": "company", "id": company}).status_code == 303
    unknown = support.post(f"{ONE}/refresh", {"what": "invoice", "id": "no-such"})

    assert unknown.status_code == 404
    assert "This was not done" in text_of(unknown)


def test_support_pauses_one_kind_and_goes_on(support, world):
    support.post(f"{ONE}/pause", {"paused": ["CREDIT", "PAYMENT"]})
    assert world.desk.connection("acc-1")["settings"]["paused"] == ["PAYMENT", "CREDIT"]
    assert "Paused: payment, credit" in text_of(support.get(ONE))

    support.post(f"{ONE}/pause")
    assert world.desk.connection("acc-1")["settings"]["paused"] == []


def test_everything_is_paused_at_once(support, world):
    support.post(f"{ONE}/pause", {"paused": ["ALL", "CREDIT"]})

    assert world.desk.connection("acc-1")["settings"]["paused"] == ["ALL"]


def test_a_disconnect_needs_the_name_typed_letter_by_letter(support, world):
    refused = support.post(f"{ONE}/disconnect", {"mode": "soft", "confirm": "emerald wholesale"})
    assert refused.status_code == 409
    assert "letter by letter" in text_of(refused)
    world.settle()
    assert world.desk.connection("acc-1")["state"] == "connected"

    support.post(f"{ONE}/disconnect", {"mode": "soft", "confirm": "Emerald Wholesale"})
    world.settle()
    assert world.desk.connection("acc-1")["state"] == "soft_disconnected"


def test_a_hard_disconnect_is_one_too(support, world):
    support.post(f"{ONE}/disconnect", {"mode": "hard", "confirm": "Emerald Wholesale"})
    world.settle()

    assert world.desk.connection("acc-1")["state"] == "hard_disconnected"
    assert "is not connected to QuickBooks" in text_of(support.get(ONE))


def test_a_fresh_connect_link_is_shown_once_works_and_is_in_the_audit(support, world):
    page = support.post(f"{ONE}/connect-link").get_data(as_text=True)
    link = re.search(r'class="secret">([^<]+)<', page)[1]

    assert link not in support.get(ONE).get_data(as_text=True)
    away = support.get(f"{urlsplit(link).path}?{urlsplit(link).query}").headers["Location"]
    assert "/connected" not in away
    said = world.desk.audit("acc-1", record=None, run=None, cursor=None, limit=1)["data"][0]
    assert (said["actor"], said["action"]) == ("user:support", "connect_link")
    assert link not in str(said)


def test_what_quickbooks_applies_by_itself_is_warned_of(support, world):
    with world.service.store.writing() as tx:
        connection = tx.connections.get("acc-1")
        preferences = {**connection.lists["preferences"], "SalesFormsPrefs": {"AutoApplyCredit": True}}
        tx.connections.update(connection.id, lists={"preferences": preferences})

    assert "QuickBooks applies credits by itself" in text_of(support.get(ONE))


# ------------------------------------------------------------------------------------------------ settings


@pytest.fixture
def item(world):
    """(id, name) of an item that QuickBooks has."""
    choices = world.service.choosing.choices("acc-1")
    return next(iter(choices.items.items()))


def form_of(browser) -> dict[str, str]:
    """The settings form as it is shown, ready to be sent."""
    page = browser.get(f"{ONE}/settings").get_data(as_text=True)
    fields = dict(re.findall(r'<input id="[^"]+" name="([^"]+)" value="([^"]*)"', page))
    chosen = re.findall(r'<select id="\w+" name="(\w+)">(.*?)</select>', page, re.DOTALL)
    return fields | {name: re.search(r'value="(\w+)" selected', body)[1] for name, body in chosen}


def test_a_form_that_is_sent_as_it_was_changes_nothing(support, world):
    before = world.desk.connection("acc-1")["settings"]

    support.post(f"{ONE}/settings", form_of(support))

    assert "Nothing was changed." in text_of(support.get(f"{ONE}/settings"))
    assert world.desk.connection("acc-1")["settings"] == before


def test_settings_are_changed_under_the_name_of_whoever_did(support, world, item):
    changed = form_of(support) | {
        "default_item_id": item[0],
        "reason_items.DAMAGE": item[0],
        "closed_books": "refuse",
        "max_documents_per_run": "500",
        "max_amount_per_run": "1500.5",
        "import_customers": "on",
    }

    assert support.post(f"{ONE}/settings", changed).status_code == 303

    settings = world.desk.connection("acc-1")["settings"]
    assert settings["default_item_id"] == item[0]
    assert settings["reason_items"] == {"DAMAGE": item[0]}
    assert (settings["closed_books"], settings["import_customers"]) == ("refuse", True)
    assert (settings["max_documents_per_run"], settings["max_amount_per_run"]) == (500, "1500.50")
    said = world.desk.audit("acc-1", record=None, run=None, cursor=None, limit=1)["data"][0]
    assert said["actor"] == "user:support"
    assert "closed_books" in said["why"]
    assert "timezone" not in said["why"]


def test_a_refused_value_says_why_and_what_to_choose_and_what_was_typed_stays(support, world, item):
    answer = support.post(f"{ONE}/settings", form_of(support) | {"default_item_id": "98765", "number_prefix": "X-"})

    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "QuickBooks has no item with id 98765. Choose for example" in text_of(answer)
    assert 'value="98765"' in page
    assert 'name="number_prefix" value="X-"' in page
    assert world.desk.connection("acc-1")["settings"]["number_prefix"] == ""


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("default_item_id", "98765", "QuickBooks has no item with id 98765. Choose for example"),
        ("reason_items.DAMAGE", "98765", "QuickBooks has no item with id 98765"),
        ("deposit_account_id", "98765", "no bank or other current asset account with id 98765. Choose for example"),
        ("timezone", "Mars/Base", "must be a time zone of the IANA database"),
        ("cut_over_date", "31.1.2026", "must be a day, such as 2026-01-31"),
        ("max_documents_per_run", "many", "must be a whole number above zero"),
        ("max_documents_per_run", "0", "must be greater than 0"),
        ("max_amount_per_run", "12.345", "at most two places"),
        ("number_prefix", "much-too-long", "at most 10 characters"),
    ],
)
def test_a_value_is_checked_as_it_is_typed_and_nothing_is_changed(support, world, field, value, sentence):
    before = world.desk.connection("acc-1")["settings"]

    says = support.post(f"{ONE}/settings/check", form_of(support) | {"field": field, field: value})

    assert sentence in text_of(says)
    assert f'id="says-{field.replace(".", "-")}"' in says.get_data(as_text=True)
    assert world.desk.connection("acc-1")["settings"] == before


def test_a_name_instead_of_an_id_is_answered_with_its_id(support, item):
    name = item[1].rpartition(" (")[0]

    says = support.post(f"{ONE}/settings/check", {"field": "default_item_id", "default_item_id": name})

    assert f"Choose for example {item[0]} ({name})" in text_of(says)


def test_a_good_value_is_answered_with_its_name(support, item):
    says = support.post(f"{ONE}/settings/check", {"field": "default_item_id", "default_item_id": item[0]})

    assert text_of(says).strip() == item[1].rpartition(" (")[0]


def test_a_viewer_reads_the_settings_and_cannot_type(signed_in):
    page = signed_in("viewer").get(f"{ONE}/settings").get_data(as_text=True)

    assert "<fieldset disabled>" in page
    assert "Only support staff may change these" in page


def test_settings_of_an_account_that_is_not_connected_say_that_the_lists_are_missing(support, world):
    world.desk.create_connection("acc-2", "Blue Mountain", "key", actor="x")

    page = text_of(support.get("/console/connections/acc-2/settings"))

    assert "lists are not known yet" in page
