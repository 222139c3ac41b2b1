"""The ID map: one document never stands for two, and the ERP is told what changed, once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from store_builders import EPOCH, LATER, NOON, a_connection, a_record, a_row

from service.errors import Rejected
from service.ports import AlreadyLinked, Link, Row
from service.store import SqlStore


@pytest.fixture
def acme(store: SqlStore) -> int:
    return a_connection(store)


def save(store: SqlStore, connection_id: int, *rows: Row, epoch: int = EPOCH, at=NOON) -> None:
    with store.writing() as t:
        for row in rows:
            t.id_map.save(connection_id, epoch, row, at)


def unpushed(store: SqlStore, connection_id: int) -> list[Link]:
    with store.reading() as t:
        return t.id_map.unpushed(connection_id, EPOCH, 100)


def push_all(store: SqlStore, connection_id: int) -> None:
    with store.writing() as t:
        t.id_map.pushed(connection_id, EPOCH, t.id_map.unpushed(connection_id, EPOCH, 100))


def set_status(
    store: SqlStore,
    connection_id: int,
    erp_id: str = "p1",
    *,
    kind="PAYMENT",
    status="SYNCED",
    message=None,
    number=None,
    key="payment:p1",
    at=LATER,
) -> bool:
    with store.writing() as t:
        return t.id_map.set_status(
            connection_id,
            EPOCH,
            kind,
            erp_id,
            status=status,
            message=message,
            number=number,
            company_id="company-1",
            key=key,
            at=at,
        )


def test_a_row_is_found_by_its_key_its_quickbooks_id_its_records_and_its_company(store: SqlStore, acme: int):
    row = a_row(agreed={"rate": Decimal("0.10")}, records=(("PAYMENT", "p1"), ("CREDIT", "c1")))
    save(store, acme, row)

    with store.reading() as t:
        assert t.id_map.get(acme, EPOCH, row.key) == row
        assert t.id_map.by_quickbooks(acme, EPOCH, "Payment", "145") == row
        assert t.id_map.by_record(acme, EPOCH, "CREDIT", "c1") == row
        assert t.id_map.of_company(acme, EPOCH, "company-1") == [row]
        assert list(t.id_map.of_kind(acme, EPOCH, "payment")) == [row]
        assert t.id_map.by_record(acme, EPOCH, "CREDIT", "c2") is None
        assert t.id_map.get(acme, EPOCH + 1, row.key) is None


def test_many_rows_come_in_the_order_in_which_they_were_made(store: SqlStore, acme: int):
    rows = [a_row(f"payment:{n}", quickbooks_id=str(n), records=(("PAYMENT", str(n)),)) for n in range(510)]
    save(store, acme, *rows)

    with store.reading() as t:
        assert list(t.id_map.of_kind(acme, EPOCH, "payment")) == rows
        assert t.id_map.count(acme, EPOCH) == 510


def test_one_quickbooks_document_never_stands_for_two_of_ours(store: SqlStore, acme: int):
    """The refusal leaves the rest of the transaction as it was."""
    with store.writing() as t:
        t.id_map.save(acme, EPOCH, a_row(), NOON)
        with pytest.raises(AlreadyLinked):
            t.id_map.save(acme, EPOCH, a_row("payment:p2", records=(("PAYMENT", "p2"),)), NOON)

    with store.reading() as t:
        assert t.id_map.of_company(acme, EPOCH, "company-1") == [a_row()]


def test_one_record_never_stands_in_two_documents(store: SqlStore, acme: int):
    save(store, acme, a_row())

    with pytest.raises(AlreadyLinked):
        save(store, acme, a_row("payment:p2", quickbooks_id="146"))


def test_a_record_moves_from_a_document_that_quickbooks_does_not_have(store: SqlStore, acme: int):
    save(store, acme, a_row("payment:planned", quickbooks_type=None, quickbooks_id=None))

    save(store, acme, a_row())

    with store.reading() as t:
        assert t.id_map.by_record(acme, EPOCH, "PAYMENT", "p1") == a_row()


def test_the_same_ids_may_appear_again_in_another_epoch_and_account(store: SqlStore, acme: int):
    other = a_connection(store, "other")

    save(store, acme, a_row())
    save(store, acme, a_row(), epoch=EPOCH + 1)
    save(store, other, a_row())

    with store.reading() as t:
        assert [link.epoch for link in t.id_map.links(acme).data] == [EPOCH, EPOCH + 1]


def test_documents_are_found_for_their_own_account_and_epoch_alone(store: SqlStore, acme: int):
    other, row = a_connection(store, "other"), a_row()
    save(store, acme, row)
    save(store, acme, row, epoch=EPOCH + 1)
    save(store, other, row)

    with store.reading() as t:
        for connection, epoch in ((acme, EPOCH), (acme, EPOCH + 1), (other, EPOCH)):
            assert len(t.id_map.of_company(connection, epoch, row.company_id or "")) == 1
            assert t.id_map.get(connection, epoch, row.key) is not None
        assert t.id_map.of_company(other, EPOCH + 1, row.company_id or "") == []


def test_a_link_shows_both_sides_numbers(store: SqlStore, acme: int):
    """The ERP's number comes from its record until a status names another."""
    with store.writing() as t:
        t.records.upsert(acme, [a_record("p1", kind="PAYMENT", number="P-1")])
    save(store, acme, a_row())
    link = Link("PAYMENT", "p1", "P-1", "Payment", "145", "PMT-1", "SYNCED", None, EPOCH, NOON)

    assert unpushed(store, acme) == [link]
    set_status(store, acme, number="P-1b")
    assert unpushed(store, acme) == [replace(link, erp_number="P-1b")]


def test_the_erp_is_told_once_and_again_only_when_something_changed(store: SqlStore, acme: int):
    save(store, acme, a_row())
    push_all(store, acme)

    save(store, acme, a_row(agreed={"total": 900}, generation=2))
    assert unpushed(store, acme) == []

    save(store, acme, a_row(quickbooks_id="200"), at=LATER)
    assert [link.quickbooks_id for link in unpushed(store, acme)] == ["200"]


def test_a_link_that_changed_while_the_erp_was_told_is_told_again(store: SqlStore, acme: int):
    save(store, acme, a_row())
    told = unpushed(store, acme)
    set_status(store, acme, status="ERROR", message="closed", at=LATER)

    with store.writing() as t:
        t.id_map.pushed(acme, EPOCH, told)

    assert [link.message for link in unpushed(store, acme)] == ["closed"]


def test_a_parked_record_has_a_status_before_it_has_a_document(store: SqlStore, acme: int):
    assert set_status(store, acme, status="PENDING", message="waits for its invoice", number="P-1")
    assert not set_status(store, acme, status="PENDING", message="waits for its invoice", number="P-1")
    assert unpushed(store, acme) == [
        Link("PAYMENT", "p1", "P-1", None, None, None, "PENDING", "waits for its invoice", EPOCH, LATER)
    ]

    save(store, acme, a_row())

    assert [(link.quickbooks_id, link.status) for link in unpushed(store, acme)] == [("145", "SYNCED")]


def test_a_records_own_status_stands_until_its_documents_changes(store: SqlStore, acme: int):
    save(store, acme, a_row(records=(("PAYMENT", "p1"), ("CREDIT", "c1"))))
    set_status(store, acme, "c1", kind="CREDIT", status="ERROR", message="used up")

    save(store, acme, a_row(records=(("PAYMENT", "p1"), ("CREDIT", "c1")), generation=2))
    assert [link.status for link in unpushed(store, acme)] == ["SYNCED", "ERROR"]

    save(store, acme, a_row(records=(("PAYMENT", "p1"), ("CREDIT", "c1")), status="PENDING"))
    assert [link.status for link in unpushed(store, acme)] == ["PENDING", "PENDING"]


def test_a_record_that_left_its_document_loses_the_quickbooks_id_and_the_erp_is_told(store: SqlStore, acme: int):
    save(store, acme, a_row(records=(("PAYMENT", "p1"), ("CREDIT", "c1"))))
    push_all(store, acme)

    save(store, acme, a_row(), at=LATER)

    [link] = unpushed(store, acme)
    assert (link.erp_id, link.quickbooks_type, link.quickbooks_id, link.updated_at) == ("c1", None, None, LATER)
    with store.reading() as t:
        assert t.id_map.get(acme, EPOCH, "payment:p1") == a_row()
        assert t.id_map.count(acme, EPOCH) == 1


def test_a_status_does_not_take_a_record_off_its_document(store: SqlStore, acme: int):
    save(store, acme, a_row())

    set_status(store, acme, key="payment:another", status="ERROR")

    with store.reading() as t:
        assert t.id_map.by_record(acme, EPOCH, "PAYMENT", "p1") == a_row()


def test_after_a_restore_every_link_is_told_anew(store: SqlStore, acme: int):
    save(store, acme, a_row())
    push_all(store, acme)

    with store.writing() as t:
        t.id_map.unpush(acme, EPOCH)

    assert [link.erp_id for link in unpushed(store, acme)] == ["p1"]


def test_an_epoch_is_forgotten_without_touching_another(store: SqlStore, acme: int):
    save(store, acme, a_row())
    save(store, acme, a_row(), epoch=EPOCH + 1)

    with store.writing() as t:
        t.id_map.clear(acme, EPOCH + 1)

    with store.reading() as t:
        assert t.id_map.get(acme, EPOCH + 1, "payment:p1") is None
        assert t.id_map.get(acme, EPOCH, "payment:p1") == a_row()
        assert [link.epoch for link in t.id_map.links(acme).data] == [EPOCH]


def test_links_are_listed_page_after_page_and_by_any_of_their_ids(store: SqlStore, acme: int):
    save(store, acme, *(a_row(f"k{n}", quickbooks_id=str(n), records=(("PAYMENT", f"p{n}"),)) for n in range(5)))
    set_status(store, acme, "c1", kind="CREDIT", status="PENDING", key="credit:c1")

    with store.reading() as t:
        shown, cursor = [], None
        while True:
            page = t.id_map.links(acme, cursor=cursor, limit=2)
            shown += [link.erp_id for link in page.data]
            if (cursor := page.next_cursor) is None:
                break
        assert shown == ["p0", "p1", "p2", "p3", "p4", "c1"]
        assert [link.erp_id for link in t.id_map.links(acme, kind="CREDIT").data] == ["c1"]
        assert [link.erp_id for link in t.id_map.links(acme, quickbooks_id="3").data] == ["p3"]
        assert [link.erp_id for link in t.id_map.links(acme, status="PENDING", epoch=EPOCH).data] == ["c1"]
        assert t.id_map.links(acme, erp_id="p1", epoch=EPOCH + 1).data == []


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGEgbnVtYmVy", "é", "'; DROP TABLE links"])
def test_a_made_up_cursor_is_refused(store: SqlStore, acme: int, cursor: str):
    with store.reading() as t, pytest.raises(Rejected, match="cursor"):
        t.id_map.links(acme, cursor=cursor)
