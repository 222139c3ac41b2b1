"""What the web and the command line ask of the engine. Answers are JSON-ready and shaped as the contract says.

Money is a decimal string, instants are ISO 8601 in UTC, and what cannot be done is raised as `service.errors.Rejected`.
`actor` is the name of the person or token that asks; it ends up in the audit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from service.ports import Dispatcher, Figure, Store
from service.settings import Settings

Json = dict[str, Any]


class Desk(Protocol):
    """Everything a person or the ERP may ask for."""

    def create_connection(self, account_id: str, name: str, erp_api_key: str, *, actor: str) -> tuple[Json, bool]:
        """The connection with a fresh `connect_url`, and whether it is new."""

    def connections(self, *, cursor: str | None, limit: int) -> Json: ...
    def connection(self, account_id: str) -> Json: ...
    def patch(
        self, account_id: str, *, name: str | None = None, settings: Mapping[str, Any] | None = None, actor: str
    ) -> Json:
        """`settings` holds only what is to change; None in it puts a setting back to its default."""

    def begin_consent(self, token: str) -> str:
        """Where to send the browser: Intuit's consent, or our `/connected` that says why not. Never raises."""

    def complete_consent(self, *, code: str | None, state: str | None, realm_id: str | None, error: str | None) -> str:
        """Where to send the browser: `/connected`, with the outcome as its query. Never raises."""

    def preview_two_way(self, account_id: str, *, used_credits: str, actor: str) -> Json: ...
    def enable_two_way(self, account_id: str, *, plan_id: str, actor: str) -> Json: ...
    def disable_two_way(self, account_id: str, *, actor: str) -> Json: ...
    def reconcile(self, account_id: str, *, company_id: str | None, dry_run: bool, actor: str) -> Json:
        """A run; for a dry run a plan."""

    def disconnect(self, account_id: str, *, mode: str, confirm: str, actor: str) -> Json: ...
    def resync(
        self,
        account_id: str,
        *,
        kinds: Sequence[str] | None,
        company_ids: Sequence[str] | None,
        updated_after: str | None,
        customers: str | None,
        dry_run: bool,
        actor: str,
    ) -> Json:
        """A run; for a dry run a plan. `updated_after` is an instant, ISO 8601 in UTC."""

    def restore(self, account_id: str, *, epoch: int, actor: str) -> Json: ...
    def runs(self, account_id: str, *, cursor: str | None, limit: int) -> Json: ...
    def run(self, run_id: str) -> Json: ...
    def cancel(self, run_id: str, *, actor: str) -> Json: ...
    def approve(self, run_id: str, *, actor: str) -> Json: ...
    def links(
        self,
        account_id: str,
        *,
        kind: str | None,
        erp_id: str | None,
        quickbooks_id: str | None,
        status: str | None,
        epoch: int | None,
        cursor: str | None,
        limit: int,
    ) -> Json: ...
    def problems(
        self, account_id: str, *, statuses: Sequence[str], code: str | None, cursor: str | None, limit: int
    ) -> Json: ...
    def retry(self, problem_id: str, *, actor: str) -> Json: ...
    def dismiss(self, problem_id: str, *, reason: str, actor: str) -> Json: ...
    def resolve(self, problem_id: str, *, choice: str, actor: str) -> Json: ...
    def tie_out(self, account_id: str, *, as_of: str | None) -> Json:
        """`as_of` is a day or an instant, ISO 8601; None is now."""

    def audit(
        self, account_id: str, *, record: str | None, run: str | None, cursor: str | None, limit: int
    ) -> Json: ...
    def refresh(self, account_id: str, *, company_id: str | None, invoice_id: str | None, actor: str) -> Json: ...
    def open_items(self, account_id: str, company_id: str) -> Json: ...
    def invoice_guards(self, account_id: str, invoice_id: str) -> Json: ...
    def credit_guards(self, account_id: str, credit_id: str) -> Json: ...

    def legacy_overpayments(self, account_id: str, *, actor: str) -> Json:
        """A page that is whole, with `plan_id` and `plan` beside its `data`."""

    def repair_legacy_overpayments(self, account_id: str, *, plan_id: str, actor: str) -> Json: ...
    def role_of(self, token: str) -> tuple[str, str] | None:
        """(name, role) of a living API token, the bootstrap tokens of the settings included."""

    def create_token(self, name: str, role: str) -> str:
        """The token itself: it is shown once and never again."""

    def list_tokens(self) -> list[Json]:
        """`{name, role, created_at, revoked_at}` each."""

    def revoke_token(self, name: str) -> None: ...
    def readiness(self) -> Json:
        """`{ready: boolean, database, migrations, worker}`; what is not `ok` says what is wrong. Never raises."""


class Intake(Protocol):
    """Where notices arrive: each is verified and stored durably before the answer."""

    def quickbooks(self, body: bytes, signature: str) -> bool:
        """Whether the signature matched. When it did, the body is stored, whatever it says."""

    def erp(self, account_id: str, body: bytes, signature: str) -> str:
        """`accepted`, `duplicate` or `stale`. Raises `Rejected`: UNAUTHORISED, NOT_FOUND or MALFORMED."""


class Figures(Protocol):
    """What those who run the service look at."""

    def collect(self) -> Sequence[Figure]:
        """All figures of one moment."""


class ProblemDesk(Protocol):
    """Problems by cause. A group's `cause_group` names the cause on one connection."""

    def groups(self, account_id: str | None = None) -> list[Json]:
        """Of one connection or of all, the largest first."""

    def group(self, account_id: str, group: str) -> Json:
        """One group; what could not be read of the other sides' notices under `notices`."""

    def problem(self, problem_id: str) -> Json:
        """The problem with `rows` (three copies side by side) and `ways_out` in words."""

    def retry_group(self, account_id: str, group: str, *, actor: str) -> Json:
        """One run; for notices that could not be read `{replayed, unreadable}`."""

    def dismiss_group(self, account_id: str, group: str, *, reason: str, actor: str) -> int:
        """How many were put aside."""


class Replaying(Protocol):
    """Stored notices, read again after a fix."""

    def notices(self, account_id: str | None, *, states: Sequence[str], cursor: str | None, limit: int) -> Json: ...
    def replay(self, notice_ids: Sequence[int], *, actor: str) -> Json:
        """`{replayed, unreadable}`: how many of each."""


class Search(Protocol):
    """One card for whatever was pasted, from the mirrors alone."""

    def find(self, pasted: str, account_id: str | None = None) -> Json:
        """`{query, hits, cards, more}`."""

    def card(self, account_id: str, kind: str, which: str) -> Json:
        """`kind`: the ERP's (`INVOICE`) with an ERP id, or QuickBooks' (`Invoice`) with its ID."""


class Service(Protocol):
    """The whole, wired, as `service.bootstrap.build` makes it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def store(self) -> Store: ...
    @property
    def dispatcher(self) -> Dispatcher: ...
    @property
    def desk(self) -> Desk: ...
    @property
    def intake(self) -> Intake: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def problem_desk(self) -> ProblemDesk: ...
    @property
    def replaying(self) -> Replaying: ...
    @property
    def search(self) -> Search: ...
