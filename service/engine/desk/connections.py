"""Connections: made, consented to, set, ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.engine import views
from service.engine.desk.asking import Asking, View, no_claim
from service.engine.disconnecting import refuse_idle
from service.engine.lists import Lists, load_lists
from service.engine.reading import read_lists
from service.engine.settings import checked, shown
from service.engine.working import Working
from service.errors import Reason, Rejected
from service.ports import Connection, ConnectionState


class Connections(Asking):
    """What a connection is and how it is set."""

    def create_connection(self, account_id: str, name: str, erp_api_key: str, *, actor: str) -> tuple[View, bool]:
        with self.ports.store.writing() as tx:
            known = tx.connections.get(account_id)
            if known is None:
                connection = tx.connections.create(account_id, name, erp_api_key)
            else:
                is_new = tx.connections.erp_api_key(known.id) != erp_api_key
                lists = {"key_is_new": True} if is_new else {}
                connection = tx.connections.update(known.id, name=name, erp_api_key=erp_api_key, lists=lists)
            url = self.connecting.fresh_link(tx, connection)
            self._say(
                tx,
                connection,
                actor,
                "connection",
                "Created." if known is None else "Name and key updated; fresh link.",
            )
            return self._connection(tx, connection, url), known is None

    def connections(self, *, cursor: str | None, limit: int) -> View:
        with self.ports.store.reading() as tx:
            return views.page(tx.connections.page(cursor, limit), lambda c: self._connection(tx, c))

    def connection(self, account_id: str) -> View:
        with self.ports.store.reading() as tx:
            return self._connection(tx, self._known(tx, account_id))

    def patch(
        self, account_id: str, *, name: str | None = None, settings: Mapping[str, Any] | None = None, actor: str
    ) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            lists = load_lists(tx, Working(self.ports, connection, no_claim(connection)))
        changes: dict[str, Any] = {"name": name} if name else {}
        if settings is not None:
            changes["settings"] = self._checked(connection, settings, lists)
        with self.ports.store.writing() as tx:
            before = connection
            connection = tx.connections.update(connection.id, **changes)
            changed = [*sorted(settings or {}), *(["name"] if name else [])]
            self._say(
                tx,
                connection,
                actor,
                "settings",
                f"Changed: {', '.join(changed)}.",
                before=_named(before, changed),
                after=_named(connection, changed),
            )
            tx.connections.mark_dirty(connection.id)
            if settings:
                tx.marks.add(connection.id, tx.records.company_ids(connection.id))
                tx.connections.update(connection.id, sweep_at=self._soon(connection))
            return self._connection(tx, connection)

    def _checked(self, connection: Connection, settings: Mapping[str, Any], lists: Lists) -> dict[str, Any]:
        """Settings checked against QuickBooks' own lists: as last seen, and where these refuse, as they are now."""
        try:
            return checked(connection.settings, settings, lists)
        except Rejected:
            if connection.state is not ConnectionState.CONNECTED:
                raise
        with self._working(connection.account_id) as w:
            read_lists(w)
            with w.reading() as tx:
                fresh = load_lists(tx, w)
        return checked(connection.settings, settings, fresh)

    def begin_consent(self, token: str) -> str:
        return self.connecting.begin(token)

    def complete_consent(self, *, code: str | None, state: str | None, realm_id: str | None, error: str | None) -> str:
        url, connected = self.connecting.complete(code=code, state=state, realm_id=realm_id, error=error)
        if connected is not None:
            self.dispatcher.kick(connected)
        return url

    def disconnect(self, account_id: str, *, mode: str, confirm: str, actor: str) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
        if confirm != connection.name:
            raise Rejected(
                Reason.CONFLICT,
                "confirmation_mismatch",
                "'confirm' has to be the connection's name, letter by letter.",
                field="confirm",
            )
        refuse_idle(connection, mode)
        return self._ask(account_id, f"{mode}_disconnect", {}, actor, connected=False)


def _named(connection: Connection, names: Sequence[str]) -> View:
    """What the connection says under these names, for the audit."""
    return {name: connection.name if name == "name" else shown(connection).get(name) for name in names}
