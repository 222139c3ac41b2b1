"""API tokens and single-use secrets. Only their hashes are kept: the database's reader can use none of them."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.store.repository import Repository
from service.store.tables import api_tokens, single_use


class NameTaken(ValueError):
    """A living token of that name, or with that very secret, exists already."""


class SqlAccess(Repository):
    """See `service.ports.Access`. The secrets are long and random, so a plain hash of one says nothing about it."""

    def token_role(self, token: str) -> tuple[str, str] | None:
        living = (api_tokens.c.hash == _hash("token", token), api_tokens.c.revoked_at.is_(None))
        row = self._connection.execute(select(api_tokens.c.name, api_tokens.c.role).where(*living)).one_or_none()
        return (row.name, row.role) if row else None

    def create_token(self, name: str, role: str, token: str, at: datetime) -> None:
        added = insert(api_tokens).values(name=name, role=role, hash=_hash("token", token), created_at=at)
        try:
            with self._connection.begin_nested():
                self._connection.execute(added)
        except IntegrityError:
            raise NameTaken(f"a token named {name} exists; revoke it first") from None

    def list_tokens(self) -> list[tuple[str, str, datetime, datetime | None]]:
        rows = self._connection.execute(select(api_tokens).order_by(api_tokens.c.id))
        return [(row.name, row.role, row.created_at, row.revoked_at) for row in rows]

    def revoke_token(self, name: str, at: datetime) -> bool:
        living = (api_tokens.c.name == name, api_tokens.c.revoked_at.is_(None))
        revoked = update(api_tokens).where(*living).values(revoked_at=at).returning(api_tokens.c.id)
        return self._connection.execute(revoked).first() is not None

    def remember(self, purpose: str, value: str, connection_id: int, expires_at: datetime) -> None:
        self._connection.execute(delete(single_use).where(single_use.c.expires_at <= self._context.clock()))
        kept = {"connection_id": connection_id, "expires_at": expires_at}
        self._connection.execute(insert(single_use).values(hash=_hash(purpose, value), purpose=purpose, **kept))

    def forget(self, purpose: str, connection_id: int) -> None:
        unused = (single_use.c.purpose == purpose, single_use.c.connection_id == connection_id)
        self._connection.execute(delete(single_use).where(*unused))

    def redeem(self, purpose: str, value: str, now: datetime) -> int | None:
        """Taking it out is using it: of two who try at once, one gets it."""
        living = (single_use.c.hash == _hash(purpose, value), single_use.c.expires_at > now)
        used = delete(single_use).where(*living).returning(single_use.c.connection_id)
        return self._connection.execute(used).scalar_one_or_none()


def _hash(purpose: str, value: str) -> str:
    return sha256(f"{purpose}\n{value}".encode()).hexdigest()
