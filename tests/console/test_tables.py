"""The one machine behind every table, on the table of links."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from signed_in import text_of

from service.console.tables import Column, Table, in_memory
from service.ports import Row

LINKS = "/console/connections/acc-1/links"


@pytest.fixture
def many_links(world):
    """120 linked payments beside what the world has; p7 has a formula for a number."""
    with world.service.store.writing() as tx:
        connection = tx.connections.get("acc-1")
        for n in range(120):
            number = "=HYPERLINK(1)" if n == 7 else f"PMT-{n:03}"
            row = Row(
                key=f"payment:p{n}",
                kind="payment",
                company_id="co",
                quickbooks_type="Payment",
                quickbooks_id=str(5000 + n),
                agreed=None,
                echo={"number": number},
                status="SYNCED" if n % 3 else "PENDING",
                message=None,
                generation=1,
                records=(("PAYMENT", f"p{n}"),),
            )
            tx.id_map.save(connection.id, connection.epoch, row, world.clock())
            tx.id_map.set_status(
                connection.id,
                connection.epoch,
                "PAYMENT",
                f"p{n}",
                status=row.status,
                message=None,
                number=number,
                company_id="co",
                key=row.key,
                at=world.clock(),
            )
            world.clock.sleep(1)


def ids(answer) -> list[str]:
    return re.findall(r'<code title="p\d+">(p\d+)</code>', answer.get_data(as_text=True))


def test_a_long_list_comes_in_pages_with_the_total(signed_in, many_links):
    viewer = signed_in("viewer")

    first, last = viewer.get(LINKS), viewer.get(f"{LINKS}?page=3")

    assert ids(first)[:2] == ["p119", "p118"]
    assert "1–50 of 120" in text_of(first)
    assert "101–120 of 120" in text_of(last)
    assert "Page 3 of 3" in text_of(last)


def test_a_page_past_the_end_is_the_last_one(signed_in, many_links):
    assert "101–120 of 120" in text_of(signed_in("viewer").get(f"{LINKS}?page=99"))


def test_a_list_is_sorted_either_way_by_its_headers_and_says_so_to_screen_readers(signed_in, many_links):
    viewer = signed_in("viewer")

    rising = viewer.get(f"{LINKS}?sort=quickbooks_id")

    assert ids(rising)[0] == "p0"
    assert 'aria-sort="ascending"' in rising.get_data(as_text=True)
    assert f'href="{LINKS}?sort=-quickbooks_id"' in rising.get_data(as_text=True)


def test_filters_and_search_go_along_with_every_link_of_the_page(signed_in, many_links):
    found = signed_in("viewer").get(f"{LINKS}?status=PENDING&q=pmt")

    page = found.get_data(as_text=True)
    assert "1–40 of 40" in text_of(found)
    assert f'href="{LINKS}?q=pmt&amp;status=PENDING&amp;format=csv"' in page
    assert f'href="{LINKS}?sort=kind&amp;q=pmt&amp;status=PENDING"' in page


@pytest.mark.parametrize(
    "wrong",
    [
        "sort=body",
        "sort=--kind",
        "sort=message",
        "page=0",
        "page=x",
        "page=٣",
        "page=9999999",
        "kind=WHALE",
        "kind=CREDIT&kind=PAYMENT",
        "secret=1",
        "q=" + "x" * 201,
    ],
)
def test_what_a_table_does_not_know_is_refused_in_words(signed_in, wrong):
    answer = signed_in("viewer").get(f"{LINKS}?{wrong}")

    assert answer.status_code == 400
    assert "asks the table for something that it does not know" in text_of(answer)


def test_the_export_has_every_row_of_the_filter_and_no_formula(signed_in, many_links):
    answer = signed_in("viewer").get(f"{LINKS}?kind=PAYMENT&sort=quickbooks_id&format=csv")

    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert answer.mimetype == "text/csv"
    assert 'filename="links.csv"' in answer.headers["Content-Disposition"]
    assert len(rows) == 120
    assert rows[7]["erp_number"] == "'=HYPERLINK(1)"
    assert rows[0]["updated_at"].endswith("Z")


def test_an_export_longer_than_one_read_has_every_row_once():
    table = Table("numbers", (Column("n", "Number"),), sort="n", at_once=7)

    with Flask(__name__).test_request_context("/?format=csv"):
        answer = table.answer(in_memory([{"n": n} for n in range(120)]), "not drawn")

    found = [int(row["n"]) for row in csv.DictReader(io.StringIO(answer.get_data(as_text=True)))]
    assert found == list(range(120))


def test_htmx_gets_the_region_alone_and_everybody_else_the_page(signed_in, many_links):
    viewer = signed_in("viewer")

    part = viewer.part(f"{LINKS}?page=2", "table-links").get_data(as_text=True)

    assert part.lstrip().startswith('<div id="table-links"')
    assert "<html" not in part
    assert "<html" in viewer.part(f"{LINKS}?page=2", "something-else").get_data(as_text=True)


def test_going_back_in_the_history_gets_the_whole_page(signed_in):
    headers = {"HX-Request": "true", "HX-Target": "table-links", "HX-History-Restore-Request": "true"}

    assert "<html" in signed_in("viewer").get(LINKS, headers=headers).get_data(as_text=True)


def test_an_empty_list_says_what_that_means_and_an_empty_filter_says_so(signed_in, world):
    viewer = signed_in("viewer")

    assert "Links appear with the first synchronisation" in text_of(viewer.get(LINKS))
    assert "No row fits this search" in text_of(viewer.get(f"{LINKS}?kind=REFUND"))


def test_rows_at_hand_are_sorted_by_amount_and_not_by_letters():
    Table("t", (Column("amount", "Amount", "money"),), sort="amount")
    rows = in_memory([{"amount": "9.00"}, {"amount": None}, {"amount": "-10.00"}, {"amount": "100.00"}])

    found = rows(filters={}, search=None, sort="amount", descending=True, offset=0, limit=10)

    assert [row["amount"] for row in found.rows] == ["100.00", "9.00", "-10.00", None]


def test_an_unknown_account_is_a_page_that_says_so(signed_in):
    answer = signed_in("viewer").get("/console/connections/nobody/links")

    assert answer.status_code == 404
    assert "There is no connection of this account" in text_of(answer)
