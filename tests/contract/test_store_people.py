"""Users, their sessions and their failures, on both databases."""

from __future__ import annotations

import pytest
from store_builders import EARLIER, LATER, NOON

from service.ports import UserExists
from service.store import SqlStore


def a_user(store: SqlStore, name: str = "Maria", **changes) -> int:
    with store.writing() as t:
        return t.users.add(name, "support", **({"password_hash": "h", "subject": None, "at": NOON} | changes)).id


def test_a_user_is_found_by_name_whatever_its_case(store):
    user_id = a_user(store, "Maria Müller")

    with store.reading() as t:
        assert t.users.by_name("maria MÜLLER").id == user_id
        assert t.users.by_name("maria") is None


@pytest.mark.parametrize("same", [{"name": "MARIA"}, {"name": "Other", "subject": "issuer|1"}])
def test_two_users_have_neither_a_name_nor_a_subject_in_common(store, same):
    a_user(store, subject="issuer|1")

    with pytest.raises(UserExists):
        a_user(store, **same)
    with store.reading() as t:
        assert len(t.users.all()) == 1


def test_a_session_is_found_by_its_token_alone_and_ends_once(store):
    user_id = a_user(store)
    with store.writing() as t:
        t.users.begin_session(user_id, "secret", NOON)
        t.users.see("secret", LATER)

    with store.writing() as t:
        session = t.users.session("secret")
        assert (session.user.id, session.started_at, session.seen_at) == (user_id, NOON, LATER)
        assert t.users.session("another") is None
        t.users.end_session("secret")
        assert t.users.session("secret") is None


def test_all_other_sessions_of_a_user_end_and_nobody_elses(store):
    maria, tom = a_user(store), a_user(store, "Tom")
    with store.writing() as t:
        for token, user_id in (("here", maria), ("there", maria), ("toms", tom)):
            t.users.begin_session(user_id, token, NOON)
        t.users.end_sessions(maria, but="here")

    with store.reading() as t:
        assert [t.users.session(token) is not None for token in ("here", "there", "toms")] == [True, False, True]


def test_sessions_that_are_over_are_swept(store):
    user_id = a_user(store)
    with store.writing() as t:
        t.users.begin_session(user_id, "old", EARLIER)
        t.users.begin_session(user_id, "idle", NOON)
        t.users.begin_session(user_id, "living", NOON)
        t.users.see("living", LATER)
        t.users.sweep_sessions(started_before=EARLIER, seen_before=NOON)

    with store.reading() as t:
        assert [t.users.session(token) is not None for token in ("old", "idle", "living")] == [False, False, True]


def test_failures_are_counted_for_each_subject_until_they_are_forgotten(store):
    with store.writing() as t:
        assert [t.users.count_failure("name maria", at) for at in (EARLIER, NOON)] == [1, 2]
        t.users.count_failure("address 10.0.0.1", NOON)
        assert t.users.failures("name maria") == (2, NOON)
        t.users.forget_failures("name maria")

    with store.writing() as t:
        assert t.users.failures("name maria") is None
        assert t.users.failures("address 10.0.0.1") == (1, NOON)
