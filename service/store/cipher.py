"""Secrets at rest: sealed with the newest key, opened with any, and bound to the row they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import simplejson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from service.errors import SecretLost


class Unreadable(SecretLost):
    """A sealed secret that none of our keys opens, or that was sealed for another row."""


class Cipher:
    """Seals one connection's secrets.

    Fernet knows no associated data, so what a secret is for stands inside the plaintext and is checked on opening:
    two rows' secrets cannot be swapped in the database.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are Fernet keys, newest first. Raises ValueError, without the key's text, for one that is none."""
        if not keys:
            raise ValueError("at least one encryption key is needed")
        try:
            known = [Fernet(key) for key in keys]
        except ValueError:
            raise ValueError("an encryption key is not a Fernet key (32 bytes in url-safe base64)") from None
        self._newest, self._fernet = known[0], MultiFernet(known)

    def seal(self, connection_id: int, purpose: str, secret: str) -> str:
        """Encrypt with the newest key."""
        plain = simplejson.dumps([connection_id, purpose, secret])
        return self._fernet.encrypt(plain.encode()).decode()

    def unseal(self, connection_id: int, purpose: str, sealed: str) -> str:
        """Decrypt with whichever key fits.

        Raises:
            Unreadable: no key fits, or it was sealed for another connection or purpose.
        """
        try:
            plain = self._fernet.decrypt(sealed.encode())
        except InvalidToken:
            raise Unreadable(f"no encryption key opens the {purpose} of connection {connection_id}") from None
        owner, sealed_for, secret = simplejson.loads(plain)
        if (owner, sealed_for) != (connection_id, purpose):
            raise Unreadable(f"the {purpose} of connection {connection_id} was sealed for another row")
        return str(secret)

    def age(self, sealed: str) -> str:
        """`newest`, `older` or `lost`: which key opens it."""
        for fernet, found in ((self._newest, "newest"), (self._fernet, "older")):
            with suppress(InvalidToken):
                fernet.decrypt(sealed.encode())
                return found
        return "lost"

    def rotate(self, sealed: str) -> str:
        """The same secret under the newest key."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken:
            raise Unreadable("no encryption key opens a stored secret: it was not rotated") from None
