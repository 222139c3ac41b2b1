"""Who may ask, and how the service is."""

from __future__ import annotations

import secrets

from service.engine import views
from service.engine.desk.asking import Asking, View
from service.engine.working import digest
from service.errors import Reason, Rejected


class Access(Asking):
    """Tokens, readiness, gauges."""

    def role_of(self, token: str) -> tuple[str, str] | None:
        for known, role in self.bootstrap_tokens.items():
            if secrets.compare_digest(known.encode(), token.encode()):
                return f"token:{role}:{digest(token)[:6]}", role
        with self.ports.store.reading() as tx:
            return tx.access.token_role(token)

    def create_token(self, name: str, role: str) -> str:
        token = secrets.token_urlsafe(32)
        with self.ports.store.writing() as tx:
            if any(known == name for known, *_ in tx.access.list_tokens()):
                raise Rejected(
                    Reason.CONFLICT, "name_taken", "Another token has this name: choose another one.", field="name"
                )
            tx.access.create_token(name, role, token, self.ports.clock())
        return token

    def list_tokens(self) -> list[View]:
        with self.ports.store.reading() as tx:
            return [
                {"name": name, "role": role, "created_at": views.moment(created), "revoked_at": views.moment(revoked)}
                for name, role, created, revoked in tx.access.list_tokens()
            ]

    def revoke_token(self, name: str) -> None:
        with self.ports.store.writing() as tx:
            if not tx.access.revoke_token(name, self.ports.clock()):
                raise Rejected(Reason.NOT_FOUND, "unknown_token", "No living token has this name.")

    def readiness(self) -> View:
        return self.health()
