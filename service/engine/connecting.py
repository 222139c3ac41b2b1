"""Connecting to QuickBooks: a single-use link, Intuit's consent, and the guards on the way back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.engine.problems import GRANT
from service.engine.working import Ports
from service.errors import Reason, Rejected, SyncError
from service.ports import Audit, Connection, ConnectionState, Raw, Tokens, Transaction

LINK_LIVES = timedelta(minutes=10)


@dataclass(frozen=True)
class Connecting:
    """The way to a grant and back. Nothing is changed where a guard refuses."""

    ports: Ports
    public_url: str

    def fresh_link(self, tx: Transaction, connection: Connection) -> str:
        """A link that works once and for ten minutes; an older one works no more."""
        token = secrets.token_urlsafe(32)
        tx.access.forget("connect", connection.id)
        tx.access.remember("connect", token, connection.id, self.ports.clock() + LINK_LIVES)
        return f"{self.public_url}/oauth/quickbooks/connect?{urlencode({'token': token})}"

    def link_for(self, account_id: str, *, actor: str) -> str:
        """A fresh link for an account that there is; name and key stay as they are."""
        with self.ports.store.writing() as tx:
            connection = tx.connections.get(account_id)
            if connection is None:
                raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
            tx.audits.add(
                connection.id,
                [_entry(self.ports.clock(), actor, "connect_link", "A fresh connect link.", connection.realm_id)],
            )
            return self.fresh_link(tx, connection)

    def begin(self, token: str) -> str:
        """Where to send the browser: Intuit's consent, or a page that says the link is used up."""
        now = self.ports.clock()
        state = secrets.token_urlsafe(32)
        with self.ports.store.writing() as tx:
            connection_id = tx.access.redeem("connect", token, now)
            if connection_id is not None:
                tx.access.remember("state", state, connection_id, now + LINK_LIVES)
        if connection_id is None:
            return self._result("link_expired")
        try:
            return self.ports.consent.authorize_url(state)
        except SyncError as error:
            return self._result("failed", reason=error.message)

    def complete(
        self, *, code: str | None, state: str | None, realm_id: str | None, error: str | None
    ) -> tuple[str, int | None]:
        """Where to send the browser, and the connection that is connected now, if one is."""
        with self.ports.store.writing() as tx:
            connection_id = tx.access.redeem("state", state or "", self.ports.clock())
            connection = tx.connections.by_id(connection_id) if connection_id is not None else None
        if connection is None:
            return self._result("link_expired"), None
        if error or not code or not realm_id:
            return self._result("denied", account=connection.account_id, reason=error or "no code"), None
        try:
            tokens = self.ports.consent.exchange(code)
            company = self.ports.consent.company_info(tokens, realm_id)
        except SyncError as trouble:
            return self._result("failed", account=connection.account_id, reason=trouble.message), None
        refusal = self._guard(connection, realm_id, str(company.get("CompanyName") or realm_id))
        if refusal:
            return refusal, None
        self._connect(connection, realm_id, company, tokens)
        return self._result(
            "connected", account=connection.account_id, company=str(company.get("CompanyName") or "")
        ), connection.id

    def _guard(self, connection: Connection, realm_id: str, name: str) -> str | None:
        """Another company than the one this account is tied to, or one that another account holds: refused."""
        if connection.realm_id is not None and connection.realm_id != realm_id:
            return self._result(
                "another_company",
                account=connection.account_id,
                company=name,
                expected_company=connection.quickbooks_company or connection.realm_id,
            )
        with self.ports.store.reading() as tx:
            others = [c for c in tx.connections.by_realm(realm_id) if c.id != connection.id]
        if others:
            ours = connection.quickbooks_company or connection.name
            return self._result("company_taken", account=connection.account_id, company=name, expected_company=ours)
        return None

    def _connect(self, connection: Connection, realm_id: str, company: Raw, tokens: Tokens) -> None:
        now = self.ports.clock()
        with self.ports.vault.locked(connection.id):
            self.ports.vault.save(connection.id, tokens)
        with self.ports.store.writing() as tx:
            again = connection.realm_id == realm_id and connection.connected_at is not None
            tx.connections.update(
                connection.id,
                state=ConnectionState.CONNECTED,
                realm_id=realm_id,
                quickbooks_company=company.get("CompanyName"),
                connected_at=connection.connected_at if again else now,
                sweep_at=now,
                not_before=now,
                lists={"timezone": timezone_of(company), "failures": 0},
            )
            tx.connections.mark_dirty(connection.id)
            tx.problems.settle(connection.id, "connection", at=now)
            if connection.realm_id == realm_id:
                tx.problems.settle(connection.id, GRANT, at=now)
            told = f"Connected to '{company.get('CompanyName')}'."
            tx.audits.add(connection.id, [_entry(now, "consent", "connect", told, realm_id)])

    def _result(self, result: str, **facts: str) -> str:
        return f"{self.public_url}/connected?{urlencode({'result': result, **facts})}"


def _entry(at: datetime, actor: str, action: str, why: str, realm_id: str | None) -> Audit:
    """One line of the audit about the connection itself."""
    return Audit(
        at=at,
        actor=actor,
        action=action,
        side="connection",
        quickbooks_id=realm_id,
        why=why,
    )


def timezone_of(company: Mapping[str, Any]) -> str:
    """The company's own zone where QuickBooks tells it; UTC else (the setting `timezone` wins)."""
    name = str(company.get("DefaultTimeZone") or "")
    try:
        return ZoneInfo(name).key if name else "UTC"
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
