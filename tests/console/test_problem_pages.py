"""Problems in the console: by cause, a conflict's three copies, what was put aside and by whom."""

from __future__ import annotations

import csv
import io
import re

import pytest
from signed_in import text_of

from service.ports import Notice
from tests.stories.world import World


def refused_credits(world: World, count: int = 3) -> str:
    """Credits on an item that was made inactive: one cause; answers the item's id."""
    company, _ = world.linked_company()
    item = str(world.person.create_item("Breakage")["Id"])
    world.reconcile()
    world.person.deactivate_item(item)
    for _ in range(count):
        world.user.create_credit(company_id=company, amount="10.00", quickbooks_sales_item_id=item)
    world.settle()
    return item


def a_conflict(world: World) -> str:
    company, _ = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.person.edit_invoice(world.one("Invoice")["Id"], amount="90.00")
    world.settle()
    return str(world.problems()[0]["id"])


def the_cause(world: World) -> str:
    [group] = world.service.problem_desk.groups("acc-1")
    return f"/console/connections/acc-1/problems/causes/{group['cause_group']}"


def test_where_nothing_waits_the_page_says_so(support):
    for path in ("/console/problems", "/console/connections/acc-1/problems"):
        assert "Nothing waits for a person" in text_of(support.get(path))


def test_one_line_stands_for_all_records_of_a_cause(world, support):
    refused_credits(world)

    page = text_of(support.get("/console/connections/acc-1/problems"))
    everywhere = text_of(support.get("/console/problems"))

    assert page.count("A line cannot be written") == 1
    assert "30.00 USD" in page
    assert "Emerald Wholesale" in everywhere
    assert "1–1 of 1" in everywhere


def test_the_causes_can_be_downloaded_sorted_and_searched(world, support):
    refused_credits(world)

    path = "/console/connections/acc-1/problems"
    rows = list(csv.DictReader(io.StringIO(support.get(f"{path}?format=csv").get_data(as_text=True))))

    assert [row["count"] for row in rows] == ["3"]
    assert "Nothing fits" in text_of(support.get(f"{path}?q=no+such+cause"))
    assert "Nothing fits" in text_of(support.get(f"{path}?conflicts=only"))
    assert support.get(f"{path}?sort=-oldest").status_code == 200


def test_a_cause_lists_its_records_and_all_are_tried_again_in_one_run(world, support):
    item = refused_credits(world)
    world.person._edit("Item", item, {"Active": True})
    path = the_cause(world)
    before = text_of(support.get(path))

    answer = support.post(f"{path}/retry")
    world.settle()

    assert before.count("Sunset Dispensary") == 3
    assert "Try all 3 again" in before
    assert "/work/" in answer.headers["Location"]
    assert "Reconciliation" in text_of(support.get(answer.headers["Location"]))
    runs = world.desk.runs("acc-1", cursor=None, limit=100)["data"]
    assert [run["requested_by"] for run in runs].count("user:support") == 1
    assert "Nothing waits for a person" in text_of(support.get("/console/connections/acc-1/problems"))


def test_putting_a_cause_aside_needs_a_reason_and_leaves_a_trace(world, support):
    refused_credits(world)
    path = the_cause(world)

    refused = support.post(f"{path}/dismiss", {"reason": "  "})
    answer = support.post(f"{path}/dismiss", {"reason": "written off by the owner"})

    assert refused.status_code == 422
    assert answer.status_code == 303
    assert "3 problems were put aside" in text_of(support.get(answer.headers["Location"]))
    rows = world.desk.audit("acc-1", record=None, run=None, cursor=None, limit=100)["data"]
    assert [row["actor"] for row in rows if row["action"] == "dismiss"] == ["user:support"] * 3
    every = text_of(support.get("/console/connections/acc-1/problems/list?status=dismissed"))
    assert every.count("written off by the owner") == 3


def test_a_conflict_shows_both_books_what_was_agreed_and_what_a_way_out_does(world, support):
    problem = a_conflict(world)

    page = support.get(f"/console/problems/{problem}")

    assert "amount from 90.00 to 100.00" in text_of(page)
    row = re.search(r'<tr class="differs">\s*<th scope="row">Amount.*?</tr>', page.get_data(as_text=True), re.DOTALL)
    assert row is not None
    assert re.findall(r"\d+\.\d\d", row[0]) == ["100.00", "90.00", "100.00"]


def test_a_way_out_is_taken(world, support):
    problem = a_conflict(world)

    answer = support.post(f"/console/problems/{problem}/resolve", {"choice": "use_erp"})
    world.settle()

    assert answer.status_code == 303
    assert str(world.one("Invoice")["TotalAmt"]) == "100.00"
    assert "Resolved" in text_of(support.get(f"/console/problems/{problem}"))


def test_a_way_that_is_not_offered_is_refused(world, support):
    problem = a_conflict(world)

    assert support.post(f"/console/problems/{problem}/resolve", {"choice": "burn"}).status_code == 422


def test_a_viewer_reads_and_sees_no_button(world, signed_in):
    problem = a_conflict(world)

    page = signed_in("viewer").get(f"/console/problems/{problem}").get_data(as_text=True)

    assert "Side by side" in page
    assert f"/console/problems/{problem}/" not in page


def test_a_notice_that_could_not_be_read_is_shown_as_it_came_and_can_be_put_aside(world, support):
    with world.service.store.writing() as tx:
        tx.inbox.add(_a_bad_notice(world), dedupe=None)
        [notice] = tx.inbox.quarantined()
    problem = f"notice-{notice.id}"

    shown = text_of(support.get(f"/console/problems/{problem}"))
    again = support.post(f"/console/problems/{problem}/retry")
    refused = text_of(support.get(again.headers["Location"]))
    support.post(f"/console/problems/{problem}/dismiss", {"reason": "a test of Intuit's"})

    assert "&lt;script&gt;not JSON" in shown
    assert "1 still cannot be read" in refused
    assert support.get(f"/console/problems/{problem}").status_code == 404


def _a_bad_notice(world: World) -> Notice:
    body = "<script>not JSON"
    return Notice(0, "quickbooks", None, None, None, None, None, body, "quarantined", "not JSON", world.clock())


@pytest.mark.parametrize("path", ["/console/problems/no-such-id", "/console/connections/acc-1/problems/causes/none"])
def test_what_is_gone_is_a_page_that_says_so(support, path):
    answer = support.get(path)

    assert answer.status_code == 404
    assert "Not found" in text_of(answer)
