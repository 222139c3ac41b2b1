"""Re-encrypting every secret with the newest key, so that the old ones can be thrown away."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Column, Engine, Table, select, update

from service.store.cipher import Cipher
from service.store.database import looking
from service.store.tables import connections, grants

_SECRETS = (
    (connections, connections.c.id, connections.c.erp_api_key),
    (grants, grants.c.connection_id, grants.c.sealed),
)


def rotate_secrets(engine: Engine, cipher: Cipher) -> int:
    """Answers how many. Row by row, each in its own short transaction: it may run beside a working service.

    Raises:
        Unreadable: a secret that no key opens. What was rotated before it stays rotated.
    """
    return sum(_rotate(engine, cipher, table, owner, secret) for table, owner, secret in _SECRETS)


def _rotate(engine: Engine, cipher: Cipher, table: Table, owner: Column[int], secret: Column[str]) -> int:
    with engine.connect() as connection:
        owners = connection.scalars(select(owner).order_by(owner)).all()
    rotated = 0
    for each in owners:
        with engine.begin() as connection:
            sealed = connection.execute(select(secret).where(owner == each).with_for_update()).scalar_one_or_none()
            if sealed is not None:
                connection.execute(update(table).where(owner == each).values({secret: cipher.rotate(sealed)}))
                rotated += 1
    return rotated


def inspect_secrets(engine: Engine, cipher: Cipher) -> tuple[int, int]:
    """How many no key opens, and how many an older key alone."""
    with looking(engine) as connection:
        ages = Counter(
            cipher.age(sealed)
            for table, _, secret in _SECRETS
            for sealed in connection.scalars(select(secret).select_from(table))
        )
    return ages["lost"], ages["older"]
