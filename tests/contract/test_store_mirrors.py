"""Both sides' records as last seen: the newest wins, and nothing is lost by hearing of it twice or late."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from store_builders import EARLIER, EPOCH, LATER, NOON, a_connection, a_record, an_object

from service.ports import QboObject, Record
from service.store import SqlStore


@pytest.fixture
def acme(store: SqlStore) -> int:
    return a_connection(store)


def read_records(store: SqlStore, connection_id: int, *records: Record) -> list[Record]:
    with store.writing() as t:
        return t.records.upsert(connection_id, records)


def kept_record(store: SqlStore, connection_id: int, erp_id: str = "inv-1") -> Record | None:
    with store.reading() as t:
        return t.records.get(connection_id, "invoice", erp_id)


def see(store: SqlStore, connection_id: int, *objects: QboObject) -> list[QboObject]:
    with store.writing() as t:
        return t.objects.upsert(connection_id, EPOCH, objects)


def kept_object(store: SqlStore, connection_id: int) -> QboObject | None:
    with store.reading() as t:
        return t.objects.get(connection_id, EPOCH, "Payment", "145")


def test_a_record_read_for_the_first_time_is_kept_whole(store: SqlStore, acme: int):
    record = a_record(wanted="touched")

    assert read_records(store, acme, record) == [record]
    assert kept_record(store, acme) == record


def test_amounts_come_back_exactly_as_they_were_written(store: SqlStore, acme: int):
    """No float on the way: not in the last cent of a large amount, not in a trailing zero, not in many decimals."""
    amounts = [
        Decimal("99999999999999.99"),
        Decimal("10.50"),
        Decimal("0.1"),
        Decimal("1E+2"),
        7,
        Decimal("0.1234567890123456789"),
    ]
    read_records(store, acme, a_record(body={"amounts": amounts}))

    [back] = [kept_record(store, acme).body["amounts"]]

    assert [(type(each), str(each)) for each in back] == [(type(each), str(each)) for each in amounts]


def test_the_same_record_read_again_changes_nothing(store: SqlStore, acme: int):
    read_records(store, acme, a_record())

    assert read_records(store, acme, a_record()) == []


def test_an_older_answer_that_comes_late_is_not_kept(store: SqlStore, acme: int):
    read_records(store, acme, a_record())

    assert read_records(store, acme, a_record(updated_at=EARLIER, number="OLD")) == []
    assert kept_record(store, acme) == a_record()


def test_a_record_that_differs_at_the_same_instant_is_kept(store: SqlStore, acme: int):
    read_records(store, acme, a_record())
    other = a_record(body={"total": "11.00"})

    assert read_records(store, acme, other) == [other]


def test_a_record_without_a_time_is_newer_if_it_says_something_new(store: SqlStore, acme: int):
    read_records(store, acme, a_record())
    silent = a_record(updated_at=None)
    telling = a_record(updated_at=None, deleted=True)

    assert read_records(store, acme, silent) == []
    assert read_records(store, acme, telling) == [telling]
    assert read_records(store, acme, a_record(updated_at=EARLIER)) == [a_record(updated_at=EARLIER)]


def test_a_record_once_wanted_stays_wanted(store: SqlStore, acme: int):
    """Also when an older answer brings the wish, or a newer one forgets it."""
    read_records(store, acme, a_record(wanted="touched"))

    assert read_records(store, acme, a_record(updated_at=EARLIER, wanted="asked")) == [a_record(wanted="asked")]
    assert read_records(store, acme, a_record(updated_at=LATER)) == [a_record(updated_at=LATER, wanted="asked")]


def test_a_person_can_ask_for_records(store: SqlStore, acme: int):
    read_records(store, acme, a_record("inv-1"), a_record("inv-2"))

    with store.writing() as t:
        t.records.set_wanted(acme, "invoice", ["inv-2"], "asked")

    with store.reading() as t:
        assert [each.wanted for each in t.records.of_kind(acme, "invoice")] == [None, "asked"]


def test_a_mirror_and_its_marks_are_forgotten_for_one_account_only(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    with store.writing() as t:
        for connection_id in (acme, other):
            t.records.upsert(connection_id, [a_record()])
            t.marks.add(connection_id, ["company-1"])
        t.records.clear(acme)
        t.marks.clear(acme)

    with store.reading() as t:
        assert [len(list(t.records.of_kind(each, "invoice"))) for each in (acme, other)] == [0, 1]
        assert [len(t.marks.pending(each)) for each in (acme, other)] == [0, 1]


def test_a_record_twice_in_one_answer_is_kept_as_it_was_last(store: SqlStore, acme: int):
    newer = a_record(updated_at=LATER, number="INV-1b")

    assert read_records(store, acme, a_record(), newer) == [newer]
    assert kept_record(store, acme) == newer


def test_two_thousand_records_go_in_and_out_in_order(store: SqlStore, acme: int):
    records = [a_record(f"inv-{n:04}") for n in range(2000)]
    read_records(store, acme, *records)

    with store.reading() as t:
        assert list(t.records.of_kind(acme, "invoice")) == records
        assert t.records.many(acme, "invoice", (each.erp_id for each in records)) == records


def test_a_company_shows_all_its_kinds_and_nobody_elses(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    mine = [a_record("cr-1", kind="credit", deleted=True), a_record("inv-1")]
    read_records(store, acme, *mine, a_record("inv-2", company_id="company-2"))
    read_records(store, other, a_record("inv-3"))

    with store.reading() as t:
        assert t.records.of_company(acme, "company-1") == mine
        assert t.records.company_ids(acme) == ["company-1", "company-2"]


def test_an_object_seen_for_the_first_time_is_kept_whole(store: SqlStore, acme: int):
    assert see(store, acme, an_object()) == [an_object()]
    assert kept_object(store, acme) == an_object()
    assert see(store, acme, an_object()) == []


@pytest.mark.parametrize(
    "late",
    [an_object(updated_at=EARLIER, sync_token="99"), an_object(sync_token="9", body={"late": True})],
    ids=["an older time", "a lower token at the same time"],
)
def test_an_answer_from_before_is_not_kept(store: SqlStore, acme: int, late: QboObject):
    """Tokens are numbers: 10 comes after 9."""
    see(store, acme, an_object(sync_token="10"))

    assert see(store, acme, late) == []
    assert kept_object(store, acme) == an_object(sync_token="10")


def test_a_newer_token_is_kept(store: SqlStore, acme: int):
    see(store, acme, an_object(sync_token="9"))
    newer = an_object(sync_token="10", body={"Id": "145", "TotalAmt": 0})

    assert see(store, acme, newer) == [newer]


def test_a_time_that_moved_with_nothing_else_is_kept_but_is_no_change(store: SqlStore, acme: int):
    see(store, acme, an_object())

    assert see(store, acme, an_object(updated_at=LATER)) == []
    assert kept_object(store, acme) == an_object(updated_at=LATER)


def test_a_deleted_object_keeps_what_it_was(store: SqlStore, acme: int):
    """QuickBooks tells only the id of what was deleted; we still know whose it was and what it said."""
    see(store, acme, an_object())
    stub = an_object(customer_id=None, sync_token=None, updated_at=LATER, deleted=True, body={"Id": "145"})

    gone = an_object(updated_at=LATER, deleted=True)
    assert see(store, acme, stub) == [gone]
    assert see(store, acme, stub) == []
    with store.reading() as t:
        assert t.objects.of_customer(acme, EPOCH, "58") == [gone]


@pytest.mark.parametrize("at", [LATER, None], ids=["with its time", "without a time"])
def test_a_late_copy_does_not_bring_a_deleted_object_back(store: SqlStore, acme: int, at):
    see(store, acme, an_object())
    see(store, acme, an_object(deleted=True, updated_at=at))

    assert see(store, acme, an_object()) == []
    assert kept_object(store, acme).deleted


def test_our_own_side_effect_on_an_object_is_remembered(store: SqlStore, acme: int):
    see(store, acme, an_object())

    with store.writing() as t:
        t.objects.touch(acme, EPOCH, "Payment", "145", NOON)
    see(store, acme, an_object(updated_at=LATER, sync_token="1"))

    assert kept_object(store, acme) == an_object(updated_at=LATER, sync_token="1", touched_at=NOON)


def test_each_epoch_has_its_own_objects(store: SqlStore, acme: int):
    see(store, acme, an_object(), an_object("146", entity="Invoice", customer_id="59"))

    with store.writing() as t:
        t.objects.upsert(acme, EPOCH + 1, [an_object(customer_id="77")])

    with store.reading() as t:
        assert list(t.objects.of_entity(acme, EPOCH, "Payment")) == [an_object()]
        assert t.objects.customer_ids(acme, EPOCH) == ["58", "59"]
        assert t.objects.customer_ids(acme, EPOCH + 1) == ["77"]


def test_a_company_marked_again_while_it_is_compared_stays_marked(store: SqlStore, acme: int):
    with store.writing() as t:
        t.marks.add(acme, ["company-2", "company-1", "company-2"])
    with store.reading() as t:
        taken = t.marks.pending(acme)
    assert taken == {"company-1": 1, "company-2": 1}

    with store.writing() as t:
        t.marks.add(acme, ["company-2"])
        for company_id, mark in taken.items():
            t.marks.done(acme, company_id, mark)

    with store.reading() as t:
        assert t.marks.pending(acme) == {"company-2": 2}


def test_an_instant_without_a_zone_is_refused(store: SqlStore, acme: int):
    naive = replace(a_record(), updated_at=NOON.replace(tzinfo=None))

    with pytest.raises(Exception, match="no time zone"):
        read_records(store, acme, naive)


def test_half_a_character_from_outside_does_not_keep_a_record_from_being_stored(store: SqlStore, acme: int):
    read_records(store, acme, a_record(number="A\0\ud83dB é", body={"memo": "\0\ud83d é"}))

    kept = kept_record(store, acme)

    assert kept.number == "A\ufffd\ufffdB é"
    assert kept.body == {"memo": "\0\ud83d é"}
