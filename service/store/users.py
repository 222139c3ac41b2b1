"""Who may sign in, who is signed in, and who failed to."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from service.ports import Session, User, UserExists
from service.store.repository import Repository
from service.store.tables import sessions, sign_in_failures, users

_CHANGEABLE = frozenset({"role", "password_hash", "disabled_at"})


class SqlUsers(Repository):
    """See `service.ports.Users`. A session's token is long and random, so a plain hash of one says nothing about it."""

    def add(self, name: str, role: str, *, password_hash: str | None, subject: str | None, at: datetime) -> User:
        values = {"name": name, "handle": _handle(name), "role": role, "password_hash": password_hash}
        added = insert(users).values(**values, subject=subject, created_at=at).returning(users)
        try:
            with self._connection.begin_nested():
                return _user(self._connection.execute(added).one())
        except IntegrityError:
            raise UserExists(name) from None

    def by_id(self, user_id: int) -> User | None:
        return self._one(users.c.id == user_id)

    def by_name(self, name: str) -> User | None:
        return self._one(users.c.handle == _handle(name))

    def by_subject(self, subject: str) -> User | None:
        return self._one(users.c.subject == subject)

    def all(self) -> list[User]:
        return [_user(row) for row in self._connection.execute(select(users).order_by(users.c.handle))]

    def update(self, user_id: int, **changes: Any) -> User:
        if unknown := changes.keys() - _CHANGEABLE:
            raise TypeError(f"a user has no {', '.join(sorted(unknown))} to change")
        changed = update(users).where(users.c.id == user_id).values(changes).returning(users)
        return _user(self._connection.execute(changed).one())

    def begin_session(self, user_id: int, token: str, at: datetime) -> None:
        begun = {"hash": _hash(token), "user_id": user_id, "started_at": at, "seen_at": at}
        self._connection.execute(insert(sessions).values(begun))

    def session(self, token: str) -> Session | None:
        query = select(users, sessions.c.started_at, sessions.c.seen_at).join(
            sessions, sessions.c.user_id == users.c.id
        )
        row = self._connection.execute(query.where(sessions.c.hash == _hash(token))).one_or_none()
        return Session(_user(row), row.started_at, row.seen_at) if row else None

    def see(self, token: str, at: datetime) -> None:
        self._connection.execute(update(sessions).where(sessions.c.hash == _hash(token)).values(seen_at=at))

    def end_session(self, token: str) -> None:
        self._connection.execute(delete(sessions).where(sessions.c.hash == _hash(token)))

    def end_sessions(self, user_id: int, *, but: str | None = None) -> None:
        ended = delete(sessions).where(sessions.c.user_id == user_id)
        self._connection.execute(ended if but is None else ended.where(sessions.c.hash != _hash(but)))

    def sweep_sessions(self, *, started_before: datetime, seen_before: datetime) -> None:
        over = or_(sessions.c.started_at <= started_before, sessions.c.seen_at <= seen_before)
        self._connection.execute(delete(sessions).where(over))

    def failures(self, subject: str) -> tuple[int, datetime] | None:
        query = select(sign_in_failures.c["count"], sign_in_failures.c.last_at)
        query = query.where(sign_in_failures.c.subject == subject).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return (row[0], row[1]) if row else None

    def count_failure(self, subject: str, at: datetime) -> int:
        first = self._insert(sign_in_failures).values(subject=subject, count=1, last_at=at)
        counted = first.on_conflict_do_update(
            index_elements=["subject"], set_={"count": sign_in_failures.c["count"] + 1, "last_at": at}
        )
        return int(self._connection.execute(counted.returning(sign_in_failures.c["count"])).scalar_one())

    def forget_failures(self, subject: str) -> None:
        self._connection.execute(delete(sign_in_failures).where(sign_in_failures.c.subject == subject))

    def _one(self, condition: ColumnElement[bool]) -> User | None:
        row = self._connection.execute(select(users).where(condition)).one_or_none()
        return _user(row) if row else None


def _user(row: Row[Any]) -> User:
    return User(row.id, row.name, row.role, row.password_hash, row.subject, row.created_at, row.disabled_at)


def _handle(name: str) -> str:
    return name.strip().casefold()


def _hash(token: str) -> str:
    return sha256(f"session\n{token}".encode()).hexdigest()
