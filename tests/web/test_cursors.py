"""Cursors that no list gave out, in every list, over the store's own pages."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from browsing import ACCOUNT, CONNECTIONS, Caller, fields, is_problem
from fake_engine import FERNET_KEY, FakeDesk

from service.store.store import SqlStore, open_store

LISTS = {
    "connections": CONNECTIONS,
    "runs": f"{ACCOUNT}/runs",
    "links": f"{ACCOUNT}/links",
    "problems": f"{ACCOUNT}/problems",
    "audit": f"{ACCOUNT}/audit",
}


@pytest.fixture(scope="module")
def store() -> Iterator[SqlStore]:
    made = open_store("sqlite://", [FERNET_KEY], lambda: datetime.now(UTC))
    yield made
    made.close()


def number(value: int) -> str:
    """A cursor spelled as ours are."""
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def ask(caller: Caller, desk: FakeDesk, store: SqlStore, what: str, cursor: str, mp: pytest.MonkeyPatch) -> Any:
    def page(*_: object, cursor: str | None, limit: int, **__: object) -> dict[str, Any]:
        with store.reading() as books:
            found = books.connections.page(cursor, limit)
        return {"data": list(found.data), "next_cursor": found.next_cursor}

    mp.setattr(desk, what, page)
    return caller.get(LISTS[what], query_string={"cursor": cursor})


@pytest.mark.parametrize("what", LISTS)
@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "bm90IGEgbnVtYmVy", "a\x00b", "x" * 501, number(-1), number(2**63), number(10**400)],
    ids=range(9),
)
def test_a_cursor_that_no_list_gave_out_is_invalid(
    support: Caller, desk: FakeDesk, store: SqlStore, monkeypatch: pytest.MonkeyPatch, what: str, cursor: str
) -> None:
    response = ask(support, desk, store, what, cursor, monkeypatch)

    assert is_problem(response, 422, "invalid_cursor")
    assert fields(response) == {"cursor"}


def test_the_largest_cursor_leads_to_the_end(
    support: Caller, desk: FakeDesk, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = ask(support, desk, store, "connections", number(2**63 - 1), monkeypatch)

    assert response.get_json() == {"data": [], "next_cursor": None}


def test_links_as_csv_are_refused_before_the_answer_begins(
    support: Caller, desk: FakeDesk, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(support, desk, store, "links", "x", monkeypatch)

    response = support.get(f"{LISTS['links']}?cursor=x", headers={"Accept": "text/csv"})

    assert is_problem(response, 422, "invalid_cursor")
