"""Intents, problems, runs, the audit, notices, plans and access: what the engine, the console and the API rely on."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from store_builders import (
    EARLIER,
    EPOCH,
    LATER,
    NOON,
    a_connection,
    a_notice,
    a_problem,
    a_run,
    a_write,
    an_audit,
)

from service.ports import ConnectionState, KeptPlan, Page, PlanCompany, PlanRow, Problem, Transaction
from service.store import SqlStore
from service.store.database import looking, make_engine


@pytest.fixture
def acme(store: SqlStore) -> int:
    return a_connection(store)


def raise_(store: SqlStore, connection_id: int, **changes) -> Problem:
    with store.writing() as t:
        return t.problems.raise_(connection_id, a_problem(**changes))


def note(store: SqlStore, connection_id: int, request_id: str, key: str = "payment:p1"):
    with store.writing() as t:
        return t.journal.note(
            connection_id, EPOCH, run_id="run-1", key=key, write=a_write(request_id), document={"total": 1050}, at=NOON
        )


def close(store: SqlStore, intent_id: int, state: str) -> None:
    with store.writing() as t:
        t.journal.close(intent_id, state=state, answer="{}", quickbooks_id="145", intuit_tid="t", error=None, at=LATER)


def pages(fetch) -> list:
    page: Page = fetch(None)
    shown = list(page.data)
    while page.next_cursor:
        page = fetch(page.next_cursor)
        shown += page.data
    return shown


def test_a_new_connection_is_due_at_once_and_keeps_what_it_was_given(store: SqlStore):
    with store.writing() as t:
        made = t.connections.create("acme", "Acme", "secret key")
        assert t.connections.erp_api_key(made.id) == "secret key"
        assert t.connections.due(NOON + timedelta(seconds=1)) == [made.id]

    with store.reading() as t:
        assert t.connections.get("acme") == t.connections.by_id(made.id) == made
        assert t.connections.get("nobody") is None
        assert made.state is ConnectionState.NEW


def test_watermarks_and_lists_are_merged_and_settings_replaced(store: SqlStore, acme: int):
    with store.writing() as t:
        t.connections.update(acme, watermarks={"a": "1", "b": "1"}, lists={"items": [1]}, settings={"x": 1})
        after = t.connections.update(acme, watermarks={"b": "2"}, lists={"accounts": []}, settings={"y": 2})

    assert after.watermarks == {"a": "1", "b": "2"}
    assert after.lists == {"items": [1], "accounts": []}
    assert after.settings == {"y": 2}


def test_a_connection_cannot_be_given_what_it_does_not_have(store: SqlStore, acme: int):
    with store.writing() as t:
        with pytest.raises(TypeError, match="claim"):
            t.connections.update(acme, claim=7)
        with pytest.raises(ValueError, match="happy"):
            t.connections.update(acme, state="happy")
        with pytest.raises(LookupError):
            t.connections.update(999, name="nobody")
        with pytest.raises(LookupError):
            t.connections.by_id(999)


@pytest.mark.parametrize(
    ("state", "holds"),
    [
        ("connected", True),
        ("needs_reauthorisation", True),
        ("soft_disconnected", True),
        ("hard_disconnected", False),
        ("new", False),
    ],
)
def test_who_holds_a_place_on_a_quickbooks_company(store: SqlStore, acme: int, state: str, holds: bool):
    with store.writing() as t:
        t.connections.update(acme, realm_id="4620", state=state)
        assert [each.id for each in t.connections.by_realm("4620")] == ([acme] if holds else [])
        assert t.connections.by_realm("other") == []


def test_connections_are_listed_in_the_order_in_which_they_were_made(store: SqlStore):
    ids = [a_connection(store, f"account-{n}") for n in range(5)]

    with store.reading() as t:
        assert [each.id for each in t.connections.all()] == ids
        assert [each.id for each in pages(lambda cursor: t.connections.page(cursor, 2))] == ids


def test_a_write_is_unanswered_until_it_is_closed(store: SqlStore, acme: int):
    first, second = note(store, acme, "r-1"), note(store, acme, "r-2")
    close(store, first.id, "answered")

    with store.reading() as t:
        assert t.journal.unanswered(acme, EPOCH) == [second]
        assert t.journal.unanswered(acme, EPOCH + 1) == []
    assert second.write == a_write("r-2")


def test_a_write_that_is_sent_again_says_when_it_last_left(store: SqlStore, acme: int):
    intent = note(store, acme, "r-1")

    with store.writing() as t:
        t.journal.sent(intent.id, LATER)

    with store.reading() as t:
        assert t.journal.unanswered(acme, EPOCH) == [replace(intent, sent_at=LATER)]
    assert intent.sent_at == NOON


def test_only_definite_answers_make_a_new_generation(store: SqlStore, acme: int):
    for n, state in enumerate(["answered", "refused", "abandoned"]):
        close(store, note(store, acme, f"r-{n}").id, state)
    note(store, acme, "r-4")
    close(store, note(store, acme, "r-5", key="payment:p2").id, "answered")

    with store.reading() as t:
        assert t.journal.answered_count(acme, EPOCH, "payment:p1") == 2


def test_the_same_problem_again_is_another_attempt_on_the_first(store: SqlStore, acme: int):
    raise_(store, acme)

    still = {"cause": "Still closed.", "fingerprint": "f-2", "last_seen": LATER}
    again = raise_(store, acme, id="problem-2", first_seen=LATER, **still)

    assert again == a_problem(attempts=2, **still)
    with store.reading() as t:
        assert t.problems.open(acme) == [again]
        assert t.problems.get("problem-1") == (acme, again)
        assert t.problems.get("problem-2") is None


def test_another_code_is_another_problem(store: SqlStore, acme: int):
    raise_(store, acme)
    raise_(store, acme, id="problem-2", code="duplicate_number", status="conflict", company_id="company-2")

    with store.reading() as t:
        assert t.problems.count(acme) == 2
        assert [each.id for each in t.problems.open_of_company(acme, "company-2")] == ["problem-2"]
        conflicts = t.problems.page(acme, statuses=["conflict"], code=None, cursor=None, limit=9)
        assert [each.id for each in conflicts.data] == ["problem-2"]
        assert t.problems.page(acme, statuses=["open"], code="none", cursor=None, limit=9).data == []


def test_problems_without_a_document_are_told_apart_by_their_record(store: SqlStore, acme: int):
    raise_(store, acme, key=None, erp_id="p1")
    raise_(store, acme, key=None, erp_id="p2", id="problem-2")

    assert raise_(store, acme, key=None, erp_id="p2", id="problem-3").id == "problem-2"
    with store.writing() as t:
        assert t.problems.settle(acme, None, at=LATER) == 2


def test_what_is_in_step_again_settles_its_problems(store: SqlStore, acme: int):
    for n, code in enumerate(["a", "b", "c"]):
        raise_(store, acme, id=f"problem-{n}", code=code)

    with store.writing() as t:
        assert t.problems.settle(acme, "payment:p1", codes=["a", "b"], except_codes=["b"], at=LATER) == 1
        assert [each.code for each in t.problems.open(acme)] == ["b", "c"]
        assert t.problems.settle(acme, "another", at=LATER) == 0
        assert t.problems.settle(acme, "payment:p1", at=LATER) == 2


def test_all_problems_of_an_account_are_settled_at_once(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    raise_(store, acme)
    raise_(store, acme, id="problem-2", key="payment:p2", status="conflict")
    raise_(store, other, id="problem-3")

    with store.writing() as t:
        t.problems.settle_all(acme, at=LATER)

    with store.reading() as t:
        assert (t.problems.count(acme), t.problems.count(other)) == (0, 1)


def test_a_problem_that_comes_back_after_it_was_resolved_is_a_new_one(store: SqlStore, acme: int):
    raise_(store, acme)
    with store.writing() as t:
        t.problems.settle(acme, "payment:p1", at=LATER)

    assert raise_(store, acme, id="problem-2") == a_problem(id="problem-2")


def test_what_a_person_dismissed_stays_dismissed_until_something_else_is_refused(store: SqlStore, acme: int):
    raise_(store, acme)
    with store.writing() as t:
        dismissed = t.problems.set_status("problem-1", "dismissed", reason="known", at=LATER)

    assert raise_(store, acme, id="problem-2") == dismissed == a_problem(status="dismissed")
    assert raise_(store, acme, id="problem-3", fingerprint="f-2").id == "problem-3"
    with store.writing() as t, pytest.raises(LookupError):
        t.problems.set_status("nobody", "dismissed", reason=None, at=LATER)


def test_runs_wait_in_the_order_in_which_they_were_asked_for(store: SqlStore, acme: int):
    """A run that its worker left running waits with the queued ones; a held one waits for a person instead."""
    states = {"run-1": "running", "run-2": "queued", "run-3": "held", "run-4": "succeeded"}
    with store.writing() as t:
        for run_id, state in states.items():
            t.runs.create(a_run(acme, run_id, state=state, kind="resync" if state == "held" else "reconcile"))

    with store.reading() as t:
        assert [run.id for run in t.runs.queued(acme)] == ["run-1", "run-2"]
        assert t.runs.active(acme, "resync").id == "run-3"
        assert t.runs.active(acme, "restore") is None
        assert t.runs.last(acme).id == "run-4"
        newest_first = [run.id for run in pages(lambda cursor: t.runs.page(acme, cursor, 3))]
        assert newest_first == ["run-4", "run-3", "run-2", "run-1"]


def test_a_run_remembers_how_far_it_came(store: SqlStore, acme: int):
    with store.writing() as t:
        t.runs.create(a_run(acme))
        changed = t.runs.update("run-1", state="running", done=3, counts={"create": 3}, cursor={"kind": "invoice"})

    assert changed == a_run(acme, state="running", done=3, counts={"create": 3}, cursor={"kind": "invoice"})
    with store.writing() as t:
        assert t.runs.get("run-1") == changed
        with pytest.raises(TypeError, match="colour"):
            t.runs.update("run-1", colour="red")
        with pytest.raises(LookupError):
            t.runs.update("run-9", done=1)
        t.runs.delete("run-1")
        assert t.runs.get("run-1") is None


@pytest.mark.parametrize("name", ["payment:p1", "p1", "145", "PMT-1"])
def test_the_audit_finds_a_record_by_any_of_its_names(store: SqlStore, acme: int, name: str):
    other = an_audit(key="payment:p2", erp_id="p2", quickbooks_id="146", number="PMT-2", run_id="run-2")
    with store.writing() as t:
        t.audits.add(acme, [an_audit(before={"total": 1}, after={"total": 2}), other, an_audit(action="update")])

    with store.reading() as t:
        found = pages(lambda cursor: t.audits.page(acme, record=name, run=None, cursor=cursor, limit=1))
        of_run = t.audits.page(acme, record=None, run="run-2", cursor=None, limit=10).data

    assert [replace(entry, id=None, seq=None, hash=None) for entry in found] == [
        an_audit(action="update"),
        an_audit(before={"total": 1}, after={"total": 2}),
    ]
    assert [replace(entry, id=None, seq=None, hash=None) for entry in of_run] == [other]


def test_a_notice_delivered_three_times_is_kept_once(store: SqlStore, acme: int):
    with store.writing() as t:
        assert [t.inbox.add(a_notice(acme), dedupe="hash") for _ in range(3)] == [True, False, False]
        assert t.inbox.add(a_notice(acme), dedupe=None)
        assert t.inbox.add(a_notice(acme), dedupe=None)

    with store.reading() as t:
        assert len(t.inbox.new(acme)) == 3


def test_a_worked_off_notice_is_not_new_and_an_unreadable_one_is_shown(store: SqlStore, acme: int):
    with store.writing() as t:
        t.inbox.add(a_notice(acme), dedupe="1")
        t.inbox.add(a_notice(None, body="not JSON \0", state="quarantined", error="not JSON"), dedupe="2")
        t.inbox.finish([each.id for each in t.inbox.new(acme)], "done")
        t.inbox.count_ignored("quickbooks", "unknown realm")
        t.inbox.count_ignored("quickbooks", "unknown realm")

    with store.reading() as t:
        assert t.inbox.new(acme) == []
        [shown] = t.inbox.quarantined()
    assert replace(shown, id=0) == a_notice(None, body="not JSON \ufffd", state="quarantined", error="not JSON")


def test_a_plan_is_kept_as_it_was_shown_and_remembers_what_became_of_it(store: SqlStore, acme: int):
    with store.writing() as t:
        plan_id = a_plan(t, acme)
        assert t.plans.get(plan_id).outdated_at == NOON  # until it is whole
        t.plans.ready(plan_id)
        assert t.plans.get(plan_id).outdated_at is None
        t.plans.outdated(plan_id, LATER)
        t.plans.carried_out(plan_id, "run-1")

    with store.reading() as t:
        kept = t.plans.get(plan_id)
        assert kept == KeptPlan(
            plan_id, acme, "enable_two_way", "f-1", {"cancel": 1}, {"used_credits": "revert"}, NOON, LATER, "run-1"
        )
        assert t.plans.latest(acme, "enable_two_way") == kept
        assert t.plans.latest(acme, "resync") is None
        assert t.plans.get("nothing") is None


def test_plans_that_nobody_carried_out_are_forgotten_with_their_rows(store: SqlStore, acme: int):
    with store.writing() as t:
        idle, carried_out, young = a_plan(t, acme), a_plan(t, acme), a_plan(t, acme, at=LATER)
        t.plans.carried_out(carried_out, "run-1")

        assert t.plans.forget(acme, before=LATER) == 1
        assert [t.plans.get(each) is not None for each in (idle, carried_out, young)] == [False, True, True]


def a_plan(t: Transaction, connection_id: int, at: datetime = NOON) -> str:
    row = PlanRow("cancel", "CREDIT", "cr-1", None, "CR-104", "co-1", 15000, "made before", {"stock": False})
    company = PlanCompany("co-1", "Sunset", "58", 10000, 25000, 25000, 25000, {"erp_credits": {"count": 1}})
    plan_id = t.plans.save(
        connection_id,
        "enable_two_way",
        "f-1",
        summary={"cancel": 1},
        companies=[company],
        params={"used_credits": "revert"},
        at=at,
    )
    t.plans.add_rows(connection_id, plan_id, 0, [row])
    return plan_id


def test_a_revoked_token_opens_nothing_and_frees_its_name(store: SqlStore):
    with store.writing() as t:
        t.access.create_token("erp", "erp", "token-1", NOON)
        assert t.access.token_role("token-1") == ("erp", "erp")
        with pytest.raises(ValueError, match="erp"):
            t.access.create_token("erp", "admin", "token-2", NOON)
        assert t.access.revoke_token("erp", LATER)
        assert not t.access.revoke_token("erp", LATER)
        assert t.access.token_role("token-1") is None
        t.access.create_token("erp", "viewer", "token-3", LATER)
        assert t.access.list_tokens() == [("erp", "erp", NOON, LATER), ("erp", "viewer", LATER, None)]


def test_a_connect_link_opens_once_in_time_and_only_for_its_purpose(store: SqlStore, acme: int):
    with store.writing() as t:
        t.access.remember("connect", "value", acme, LATER)
        t.access.remember("connect", "short", acme, NOON + timedelta(seconds=1))

    with store.writing() as t:
        assert t.access.redeem("state", "value", NOON) is None
        assert t.access.redeem("connect", "short", LATER) is None
        assert t.access.redeem("connect", "value", NOON) == acme
        assert t.access.redeem("connect", "value", NOON) is None


def test_an_error_takes_back_everything_that_was_done_in_its_transaction(store: SqlStore, acme: int):
    def fail_half_way() -> None:
        with store.writing() as t:
            t.marks.add(acme, ["company-1"])
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        fail_half_way()

    with store.reading() as t:
        assert t.marks.pending(acme) == {}


def test_expired_links_are_cleared_away(store: SqlStore, acme: int):
    with store.writing() as t:
        t.access.remember("connect", "old", acme, EARLIER)
        t.access.remember("connect", "new", acme, LATER)

    with store.writing() as t:
        assert t.access.redeem("connect", "old", EARLIER - timedelta(minutes=1)) is None


def test_a_look_that_asks_nothing_leaves_the_next_writer_its_lock(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'books.db'}")
    somebody_else = sqlite3.connect(tmp_path / "books.db", timeout=0)

    with looking(engine):
        pass

    with engine.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
        somebody_else.execute("BEGIN IMMEDIATE")
    engine.dispose()
