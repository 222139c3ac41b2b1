"""The answers' shapes, as the contract writes them: for the API's description. Fields may be added."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from service.web.values import Instant, Kind, Money, ProblemStatus

_ALSO_CSV = cast(ConfigDict, {"openapi_extra": {"content": {"text/csv": {"schema": {"type": "string"}}}}})
"""flask-openapi3's own key: the answer is documented as CSV, too."""


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow")


class Page(Shape):
    next_cursor: str | None


class Progress(Shape):
    done: int
    total: int


class QuickBooksCalls(Shape):
    free: int
    metered: int


class Run(Shape):
    """One job. Records that could not be synced are counted in `problems`; they do not fail it."""

    id: str
    account_id: str
    kind: str
    state: str
    progress: Progress
    counts: dict[str, int]
    quickbooks_calls: QuickBooksCalls
    erp_calls: int
    problems: int
    error: str | None
    started_at: Instant | None
    finished_at: Instant | None


class Runs(Page):
    data: list[Run]


class CompleteUpTo(Shape):
    erp: Instant | None
    quickbooks: Instant | None


class Connection(Shape):
    """An account tied to one QuickBooks company."""

    account_id: str
    name: str
    state: str
    realm_id: str | None
    quickbooks_company: str | None
    epoch: int
    two_way: bool
    settings: dict[str, Any]
    last_run: Run | None
    links: int
    problems: int
    complete_up_to: CompleteUpTo
    connect_url: str | None = None


class Connections(Page):
    data: list[Connection]


class Step(Shape):
    """One thing that would be done."""

    action: str
    kind: str
    erp_id: str | None
    quickbooks_id: str | None
    number: str | None
    company_id: str | None
    amount: Money | None
    reason: str | None
    gl_effect: str | None


class Total(Shape):
    count: int
    amount: Money


class CompanyReceivable(Shape):
    company_id: str
    erp_before: Money
    erp_after: Money
    quickbooks_before: Money
    quickbooks_after: Money


class Plan(Shape):
    """What would be done, and what it would do to each company's receivables."""

    plan_id: str
    created_at: Instant
    steps: list[Step]
    totals: dict[str, Total]
    ar: list[CompanyReceivable]


class Link(Shape):
    """One ERP record beside its QuickBooks document."""

    kind: Kind
    erp_id: str
    erp_number: str | None
    quickbooks_type: str | None
    quickbooks_id: str | None
    quickbooks_number: str | None
    status: str
    epoch: int
    updated_at: Instant


class Links(Page):
    model_config = _ALSO_CSV

    data: list[Link]


class SyncProblem(Shape):
    """A record that could not be synced, and what to do about it."""

    id: str
    status: ProblemStatus
    code: str
    kind: str | None
    erp_id: str | None
    quickbooks_id: str | None
    number: str | None
    company_id: str | None
    amount: Money | None
    cause: str
    what_to_do: str
    choices: list[str]
    quickbooks_code: str | None
    intuit_tid: str | None
    erp: dict[str, Any] | None
    quickbooks: dict[str, Any] | None
    agreed: dict[str, Any] | None
    first_seen: Instant
    last_seen: Instant
    attempts: int


class SyncProblems(Page):
    data: list[SyncProblem]


class Explanation(Shape):
    kind: str
    erp_id: str | None
    quickbooks_id: str | None
    amount: Money
    cause: str


class CompanyTieOut(Shape):
    company_id: str | None
    name: str | None
    quickbooks_id: str | None
    erp_ar: Money
    quickbooks_ar: Money
    quickbooks_balance: Money | None
    difference: Money
    erp_credit: Money
    quickbooks_credit: Money
    explained_by: list[Explanation]


class TieOut(Shape):
    """Receivables in both books, company by company, with the documents that explain a difference."""

    model_config = _ALSO_CSV

    as_of: str
    erp_total: Money
    quickbooks_total: Money
    difference: Money
    companies: list[CompanyTieOut]


class AuditEntry(Shape):
    """Who or what changed which record where, when and why."""

    at: Instant
    actor: str
    action: str
    why: str


class AuditTrail(Page):
    data: list[AuditEntry]


class Freshness(Shape):
    fresh: bool
    as_of: Instant


class Applicable(Shape):
    credit_id: str
    invoice_id: str
    maximum: Money


class OpenItems(Shape):
    """What one company owes and what it has to spend, in both books."""

    company: dict[str, Any]
    invoices: list[dict[str, Any]]
    credits: list[dict[str, Any]]
    deposits: list[dict[str, Any]]
    unapplied: Any
    reserved: Any
    applicable: list[Applicable]


class Guard(Shape):
    """Whether something may be done now, and the records that stand in its way."""

    allowed: bool
    reason: str | None
    blocking: list[dict[str, Any]]


class InvoiceGuards(Shape):
    change_customer: Guard
    delete: Guard
    void: Guard


class CreditGuards(Shape):
    edit_amount: Guard
    cancel: Guard
    delete: Guard


class NoticeTaken(Shape):
    status: str
