"""One connection's grant: always a living access token, and never two refreshes at once (§2.5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from service.errors import Disconnected
from service.ports import Clock, Tokens, TokenVault
from service.quickbooks.oauth import GrantDead

REFRESH_AHEAD = timedelta(minutes=5)


class Refresher(Protocol):
    """What exchanges a refresh token for a fresh pair. Raises `GrantDead` or `Unreachable`."""

    def refresh(self, refresh_token: str) -> Tokens: ...


class StoredGrant:
    """The grant in the vault, for the time of one run in one thread.

    A fresh pair is saved before it is used. The lock of the vault holds across processes, and the pair is read again
    inside of it: whoever comes second finds it refreshed.
    """

    def __init__(self, connection_id: int, vault: TokenVault, refresher: Refresher, clock: Clock) -> None:
        self._connection_id = connection_id
        self._vault = vault
        self._refresher = refresher
        self._clock = clock
        self._tokens: Tokens | None = None

    def access(self) -> str:
        if self._tokens is None:
            self._tokens = self._stored()
        if self._is_ending(self._tokens):
            self._tokens = self._other_than(self._tokens.access)
        return self._tokens.access

    def renew(self, dead: str) -> None:
        self._tokens = self._other_than(dead)

    def _other_than(self, dead: str) -> Tokens:
        with self._vault.locked(self._connection_id):
            stored = self._stored()
            if stored.access != dead and not self._is_ending(stored):
                return stored
            return self._refreshed(stored)

    def _refreshed(self, stored: Tokens) -> Tokens:
        """Refused: look once more, for someone may have connected anew meanwhile, without our lock."""
        try:
            return self._saved(self._refresher.refresh(stored.refresh))
        except GrantDead:
            newer = self._stored()
            if newer.refresh == stored.refresh:
                raise
            return newer if not self._is_ending(newer) else self._saved(self._refresher.refresh(newer.refresh))

    def _saved(self, fresh: Tokens) -> Tokens:
        self._vault.save(self._connection_id, fresh)
        return fresh

    def _stored(self) -> Tokens:
        tokens = self._vault.load(self._connection_id)
        if tokens is None:
            raise Disconnected("QuickBooks is not connected", code="not_connected")
        return tokens

    def _is_ending(self, tokens: Tokens) -> bool:
        return tokens.access_expires_at - self._clock() < REFRESH_AHEAD


class LooseGrant:
    """A grant that no connection holds yet: it cannot be renewed."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def access(self) -> str:
        return self._tokens.access

    def renew(self, dead: str) -> None:
        raise Disconnected("QuickBooks refused a grant that it has just given", code="not_authorised")
