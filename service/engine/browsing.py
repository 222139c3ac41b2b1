"""Rows for people to look through: any listing of the store, of one account or of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.errors import Reason, Rejected
from service.ports import Connection, Listed, Store


class Browsing:
    """Reads alone. Raises `Rejected` where the account is unknown."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def connection(self, account_id: str) -> Connection:
        """The connection as it is kept: its name, state, time zone and lists."""
        with self.store.reading() as tx:
            found = tx.connections.get(account_id)
        if found is None:
            raise Rejected(Reason.NOT_FOUND, "not_found", "There is no connection of this account.")
        return found

    def page(
        self,
        listing: str,
        account_id: str | None,
        *,
        filters: Mapping[str, Any],
        search: str | None,
        sort: str,
        descending: bool,
        offset: int,
        limit: int,
    ) -> Listed:
        """As `service.ports.Listings`, by account."""
        connection_id = self.connection(account_id).id if account_id is not None else None
        with self.store.reading() as tx:
            return tx.listings.page(
                listing,
                connection_id,
                filters=filters,
                search=search,
                sort=sort,
                descending=descending,
                offset=offset,
                limit=limit,
            )
