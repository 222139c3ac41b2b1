"""People who use the console: made, signed in, signed out, disabled. Nothing here knows a browser.

Raises `Rejected` with a stable code and a sentence, as the desk does.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.errors import Reason, Rejected
from service.ports import Clock, Passwords, Session, Store, Transaction, User, UserExists

ROLES = ("viewer", "support", "admin")
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
"""A session ends after this, however busy it is."""
NOTED_EVERY = timedelta(minutes=1)
"""How precisely the last sight of a session is kept: a write with every request would be too much."""

FREE_TRIES = {"name": 5, "address": 20}
"""Several people may sit behind one address."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30, 900
FORGOTTEN_AFTER = timedelta(hours=24)
_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?")


@dataclass(frozen=True)
class Person:
    """Somebody who is known and may act."""

    id: int
    name: str
    role: str
    by_password: bool
    created_at: datetime
    disabled_at: datetime | None


class People:
    """Everything about users. The store is asked in short transactions; a password is never hashed inside one."""

    def __init__(
        self, store: Store, clock: Clock, passwords: Passwords, new_token: Callable[[], str] = secrets.token_urlsafe
    ) -> None:
        self.store = store
        self.clock = clock
        self.passwords = passwords
        self.new_token = new_token

    # ------------------------------------------------------------------------------------------- users

    def create(self, name: str, role: str, password: str) -> Person:
        if not _NAME.fullmatch(name):
            raise _invalid("invalid_name", "A name has 1 to 100 characters, without a blank at either end.", "name")
        _known_role(role)
        self._refuse_weak(password, name)
        password_hash = self.passwords.hash(password)
        try:
            with self.store.writing() as tx:
                return _person(tx.users.add(name, role, password_hash=password_hash, subject=None, at=self.clock()))
        except UserExists:
            raise Rejected(
                Reason.CONFLICT, "name_taken", f"There is a user {name} already, perhaps a disabled one.", field="name"
            ) from None

    def list(self) -> list[Person]:
        with self.store.reading() as tx:
            return [_person(user) for user in tx.users.all()]

    def disable(self, name: str) -> Person:
        """At once: every session of theirs ends. Nobody is removed, for the audit names them."""
        with self.store.writing() as tx:
            user = _named(tx, name)
            if user.disabled_at is not None:
                return _person(user)
            _keep_an_admin(tx, user)
            tx.users.end_sessions(user.id)
            return _person(tx.users.update(user.id, disabled_at=self.clock()))

    def enable(self, name: str) -> Person:
        with self.store.writing() as tx:
            return _person(tx.users.update(_named(tx, name).id, disabled_at=None))

    def set_role(self, name: str, role: str) -> Person:
        _known_role(role)
        with self.store.writing() as tx:
            user = _named(tx, name)
            if user.role == "admin" and role != "admin":
                _keep_an_admin(tx, user)
            return _person(tx.users.update(user.id, role=role))

    def reset_password(self, name: str, password: str) -> None:
        """An admin gives somebody a new one; whoever was signed in with the old one is not any more."""
        with self.store.reading() as tx:
            user = _named(tx, name)
        self._set_password(user, password, token=None)

    def change_password(self, token: str, *, old: str, new: str, address: str) -> None:
        """One's own: the other sessions end, this one stays."""
        with self.store.reading() as tx:
            session = tx.users.session(token)
        if session is None:
            raise _wrong()
        self._prove(session.user.name, old, address, session.user)
        self._set_password(session.user, new, token=token)

    def _set_password(self, user: User, password: str, *, token: str | None) -> None:
        self._refuse_weak(password, user.name)
        password_hash = self.passwords.hash(password)
        with self.store.writing() as tx:
            tx.users.update(user.id, password_hash=password_hash)
            tx.users.end_sessions(user.id, but=token)
            tx.users.forget_failures(_by_name(user.name))

    def _refuse_weak(self, password: str, name: str) -> None:
        weakness = self.passwords.weakness(password, [name, "qbo", "sync", "quickbooks", "distru"])
        if weakness:
            raise _invalid("weak_password", f"This password cannot be used. {weakness}", "password")

    # ---------------------------------------------------------------------------------------- sessions

    def sign_in(self, name: str, password: str, address: str) -> str:
        """A fresh session's token. Wrong name and wrong password are told apart by nothing, the time included."""
        with self.store.reading() as tx:
            user = tx.users.by_name(name)
        self._prove(name, password, address, user)
        assert user is not None
        return self._begin(user)

    def sign_in_as(self, subject: str, name: str, role: str) -> str:
        """For somebody whom an identity provider vouches for: made known at the first time, role kept as it says."""
        _known_role(role)
        with self.store.writing() as tx:
            user = tx.users.by_subject(subject)
            if user is None:
                user = tx.users.add(
                    _free_name(tx, name, subject), role, password_hash=None, subject=subject, at=self.clock()
                )
            if user.disabled_at is not None:
                raise Rejected(Reason.FORBIDDEN, "disabled", "This user is disabled; an admin can say why.")
            if user.role != role:
                user = tx.users.update(user.id, role=role)
        return self._begin(user)

    def who(self, token: str) -> Person | None:
        """Whose session this is, while it lives; to be seen here keeps it alive."""
        now = self.clock()
        with self.store.reading() as tx:
            session = tx.users.session(token)
        if session is None or not _lives(session, now):
            return None
        if now - session.seen_at >= NOTED_EVERY:
            with self.store.writing() as tx:
                tx.users.see(token, now)
        return _person(session.user)

    def sign_out(self, token: str) -> None:
        with self.store.writing() as tx:
            tx.users.end_session(token)

    def _begin(self, user: User) -> str:
        token, now = self.new_token(), self.clock()
        with self.store.writing() as tx:
            tx.users.sweep_sessions(started_before=now - LONGEST, seen_before=now - IDLE)
            tx.users.begin_session(user.id, token, now)
        return token

    def _prove(self, name: str, password: str, address: str, user: User | None) -> None:
        """Raises `Rejected`: `locked_out` after too many failures, `wrong_name_or_password`.

        A try counts as failed before it is looked at: of many at once, no more get through than one after the other.
        """
        counted = {"name": _by_name(name), "address": f"address {address}"}
        with self.store.writing() as tx:
            pause_s = max(self._pause_s(tx, kind, subject) for kind, subject in counted.items())
            for subject in counted.values() if pause_s <= 0 else ():
                tx.users.count_failure(subject, self.clock())
        if pause_s > 0:
            raise _locked_out(pause_s)
        usable = user if user is not None and user.disabled_at is None else None
        if not self.passwords.matches(password, usable.password_hash if usable else None):
            raise _wrong()
        with self.store.writing() as tx:
            for subject in counted.values():
                tx.users.forget_failures(subject)

    def _pause_s(self, tx: Transaction, kind: str, subject: str) -> int:
        """Seconds that are left of the pause that the failures so far have earned: each doubles it."""
        failed = tx.users.failures(subject)
        if failed is None or failed[0] < FREE_TRIES[kind]:
            return 0
        count, last_at = failed
        since = self.clock() - last_at
        if since >= FORGOTTEN_AFTER:
            return 0
        earned = min(FIRST_PAUSE_S << min(count - FREE_TRIES[kind], 10), LONGEST_PAUSE_S)
        return max(0, earned - int(since.total_seconds()))


def _lives(session: Session, now: datetime) -> bool:
    return session.user.disabled_at is None and now - session.seen_at < IDLE and now - session.started_at < LONGEST


def _person(user: User) -> Person:
    return Person(user.id, user.name, user.role, user.password_hash is not None, user.created_at, user.disabled_at)


def _named(tx: Transaction, name: str) -> User:
    user = tx.users.by_name(name)
    if user is None:
        raise Rejected(Reason.NOT_FOUND, "unknown_user", f"There is no user {name}.")
    return user


def _keep_an_admin(tx: Transaction, leaving: User) -> None:
    others = (u for u in tx.users.all() if u.role == "admin" and u.disabled_at is None and u.id != leaving.id)
    if leaving.role == "admin" and next(others, None) is None:
        raise Rejected(Reason.CONFLICT, "last_admin", f"{leaving.name} is the last admin: make another one first.")


def _free_name(tx: Transaction, name: str, subject: str) -> str:
    """An identity provider's name may be taken by somebody who signs in with a password: that is another person."""
    return name if tx.users.by_name(name) is None else f"{name} ({subject})"


def _known_role(role: str) -> None:
    if role not in ROLES:
        raise _invalid("unknown_role", f"The roles are: {', '.join(ROLES)}.", "role")


def _by_name(name: str) -> str:
    return f"name {name.strip().casefold()[:200]}"


def _invalid(code: str, sentence: str, field: str) -> Rejected:
    return Rejected(Reason.INVALID, code, sentence, field=field)


def _wrong() -> Rejected:
    return Rejected(Reason.UNAUTHORISED, "wrong_name_or_password", "Name or password is wrong.")


def _locked_out(pause_s: int) -> Rejected:
    minutes = -(-pause_s // 60)
    return Rejected(
        Reason.BUSY,
        "locked_out",
        f"Too many failed attempts. Try again in {minutes} minute{'' if minutes == 1 else 's'}.",
        retry_after_s=pause_s,
    )
