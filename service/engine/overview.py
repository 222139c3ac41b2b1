"""How every connection stands: what support staff look at first. Reads alone; calls nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.engine.settings import shown
from service.engine.working import instant, month_of
from service.errors import Reason, Rejected
from service.ports import Calls, Clock, Connection, Figures, Store

FREE_QUOTA = 500_000
"""Metered ("CorePlus": read, query, CDC) calls a month that Intuit's Builder tier allows a workspace, over all
companies of its app; beyond them calls are blocked until the next month.
Source: Intuit's App Partner Program, 2025-08-11."""

ERP_KINDS = ("company", "invoice", "payment", "credit", "return", "refund")


@dataclass(frozen=True)
class Standing:
    """One connection, and how it stands.

    `problems`: open ones by code. `waiting_since`: when the oldest change came that is not in both books. `erp_up_to`:
    by kind, up to when everything is read; QuickBooks tells its changes for all kinds at once.
    """

    connection: Connection
    problems: Mapping[str, int]
    waiting_since: datetime | None
    last_success: datetime | None
    calls: Calls
    erp_up_to: Mapping[str, datetime | None]
    quickbooks_up_to: datetime | None
    paused: Sequence[str]

    @property
    def problem_count(self) -> int:
        return sum(self.problems.values())

    @property
    def erp_laggard(self) -> tuple[str, datetime | None]:
        """The kind that is read least far, and how far."""
        return min(self.erp_up_to.items(), key=lambda each: (each[1] is not None, each[1]))


@dataclass(frozen=True)
class Overview:
    """Reads of the store, each in one transaction."""

    store: Store
    clock: Clock

    def all(self) -> list[Standing]:
        """Every connection, by name."""
        month = month_of(self.clock())
        with self.store.reading() as tx:
            known, figures = _Known.of(tx.figures, month), tx.connections.all()
        return sorted((known.standing(each) for each in figures), key=lambda s: s.connection.name.casefold())

    def one(self, account_id: str) -> Standing:
        with self.store.reading() as tx:
            connection = tx.connections.get(account_id)
            if connection is None:
                raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
            return _Known.of(tx.figures, month_of(self.clock())).standing(connection)


@dataclass(frozen=True)
class _Known:
    problems: Mapping[int, Mapping[str, int]]
    waiting: Mapping[int, datetime]
    successes: Mapping[int, datetime]
    calls: Mapping[int, Calls]

    @classmethod
    def of(cls, figures: Figures, month: str) -> _Known:
        return cls(figures.problem_codes(), figures.waiting_since(), figures.last_successes(), figures.calls(month))

    def standing(self, connection: Connection) -> Standing:
        marks = connection.watermarks
        return Standing(
            connection=connection,
            problems=self.problems.get(connection.id, {}),
            waiting_since=self.waiting.get(connection.id),
            last_success=self.successes.get(connection.id),
            calls=self.calls.get(connection.id, Calls()),
            erp_up_to={kind: instant(marks.get(f"read:{kind}")) for kind in ERP_KINDS},
            quickbooks_up_to=instant(marks.get("quickbooks")),
            paused=tuple(shown(connection)["paused"]),
        )
