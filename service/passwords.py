"""Passwords: kept with Argon2id, and refused where they are easy to guess."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn import zxcvbn  # type: ignore[import-untyped]

SHORTEST, LONGEST = 12, 128
_FIT = 3
"""zxcvbn's scale goes from 0 to 4; 3 resists a stolen hash for long."""


class ArgonPasswords:
    """See `service.ports.Passwords`. The library's own costs, unless a test hands in smaller ones."""

    def __init__(self, hasher: Argon2Hasher | None = None) -> None:
        self._hasher = PasswordHash((hasher or Argon2Hasher(),))

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def matches(self, password: str, password_hash: str | None) -> bool:
        try:
            right = self._hasher.verify(password, password_hash or self._nobodys)
        except PwdlibError:
            return False
        return right and password_hash is not None

    def weakness(self, password: str, known: Sequence[str]) -> str | None:
        if len(password) < SHORTEST:
            return f"It needs at least {SHORTEST} characters; a few words that you remember do well."
        if len(password) > LONGEST:
            return f"It may have at most {LONGEST} characters."
        if zxcvbn(password[:72], user_inputs=list(known))["score"] < _FIT:
            return "It is easy to guess; a few words that do not belong together do better."
        return None

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody's")
