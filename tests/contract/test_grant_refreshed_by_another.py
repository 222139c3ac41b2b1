"""Who waits for the grant's lock finds what the one before it saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from service.ports import Tokens
from service.quickbooks.grants import StoredGrant

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def pair(number: int) -> Tokens:
    return Tokens(f"access-{number}", f"refresh-{number}", NOW + timedelta(hours=1))


class AwaitedVault:
    """While somebody waits for its lock, the holder saves a fresh pair."""

    def __init__(self) -> None:
        self.held = pair(1)

    def load(self, connection_id: int) -> Tokens:
        return self.held

    def save(self, connection_id: int, tokens: Tokens) -> None:
        self.held = tokens

    def forget(self, connection_id: int) -> None:
        raise AssertionError("nobody disconnects here")

    @contextmanager
    def locked(self, connection_id: int) -> Iterator[None]:
        self.held = pair(2)
        yield


class CountingRefresher:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def refresh(self, refresh_token: str) -> Tokens:
        self.sent.append(refresh_token)
        return pair(3)


def test_a_pair_that_another_refreshed_meanwhile_is_used_and_not_refreshed_again() -> None:
    refresher = CountingRefresher()
    grant = StoredGrant(1, AwaitedVault(), refresher, lambda: NOW)

    grant.renew("access-1")

    assert grant.access() == "access-2"
    assert refresher.sent == []
