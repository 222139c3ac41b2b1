"""The answers' shapes, as the contract writes them: for the API's description. Fields may be added."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from service.web.values import Instant, Kind, Money, ProblemStatus

_ALSO_CSV = cast(ConfigDict, {"openapi_extra": {"content": {"text/csv": {"schema": {"type": "string"}}}}})
"""flask-openapi3's own key: the answer is documented as CSV, too."""


_ALLOWED: dict[str, Any] = {"allowed": True, "reason": None, "blocking": []}
_BLOCKER: dict[str, Any] = {
    "kind": "PAYMENT",
    "erp_id": "77b0…",
    "erp_number": "PMT-1001",
    "quickbooks_type": "PAYMENT",
    "quickbooks_id": "151",
    "quickbooks_number": "PMT-1001",
    "amount": "100.00",
}
_FORBIDDEN: dict[str, Any] = {
    "allowed": False,
    "reason": "If an invoice is mapped to QBO and has one or more non-voided payments, …",
    "blocking": [_BLOCKER],
}
_OPEN_INVOICE = {
    **_BLOCKER,
    "kind": "INVOICE",
    "erp_number": "INV-1001",
    "quickbooks_type": "INVOICE",
    "quickbooks_number": "INV-1001",
    "erp_open": "80.00",
    "quickbooks_open": "80.00",
    "reserved": "0.00",
    "order_id": None,
}
_OPEN_CREDIT = {
    **_OPEN_INVOICE,
    "kind": "CREDIT",
    "erp_id": "5c1a…",
    "erp_number": "CR-1001",
    "quickbooks_type": "CREDIT_MEMO",
    "quickbooks_number": "CR-1001",
    "amount": "20.00",
    "erp_open": "20.00",
    "quickbooks_open": "20.00",
}


def _example(**fields: Any) -> ConfigDict:
    """An answer as the description shows it."""
    return cast(ConfigDict, {"openapi_extra": {"example": fields}})


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow")


class Page(Shape):
    next_cursor: str | None


class Progress(Shape):
    """How far a run is. `phase`: what it is busy with; `per_minute`, `seconds_left`: told from its own pace."""

    done: int
    total: int
    phase: str | None = None
    per_minute: int | None = None
    seconds_left: int | None = None
    moved_at: Instant | None = None


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


class LedgerEntry(Shape):
    """One line of the accounting: the amount stands under `debit` or `credit`; `at cost` where a book knows it."""

    account: str
    debit: str | None
    credit: str | None


class GlEffect(Shape):
    """What a step does to the ledger; `stock`: it moves inventory too."""

    entries: list[LedgerEntry]
    stock: bool


class Step(Shape):
    """One thing that would be done. `gl_effect` is null where a step makes or changes no credit."""

    action: str
    kind: str
    erp_id: str | None
    quickbooks_id: str | None
    number: str | None
    company_id: str | None
    amount: Money | None
    reason: str | None
    gl_effect: GlEffect | None


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


class Named(Shape):
    """One record by both its names; null where a book does not have it."""

    kind: str | None
    erp_id: str | None
    erp_number: str | None
    quickbooks_type: str | None
    quickbooks_id: str | None
    quickbooks_number: str | None


class OpenItem(Named):
    """`reserved`: the part promised to an order that is not invoiced."""

    amount: Money
    erp_open: Money | None
    quickbooks_open: Money | None
    reserved: Money
    order_id: str | None


class Blocker(Named):
    """A record that stands in the way."""

    amount: Money


class Applicable(Shape):
    credit_id: str
    invoice_id: str
    maximum: Money


class OpenItems(Shape):
    """What one company owes and what it has to spend, in both books.

    `unapplied` are the payments whose money no document took: overpayment credits seen from the payment's side.
    """

    model_config = _example(
        company={"id": "8f14…", "name": "Sunset Dispensary", "quickbooks_id": "7", "quickbooks_name": "Sunset"},
        invoices=[_OPEN_INVOICE],
        credits=[_OPEN_CREDIT],
        deposits=[],
        unapplied=[],
        reserved=[],
        applicable=[{"credit_id": "5c1a…", "invoice_id": "77b0…", "maximum": "20.00"}],
    )

    company: dict[str, Any]
    invoices: list[OpenItem]
    credits: list[OpenItem]
    deposits: list[OpenItem]
    unapplied: list[OpenItem]
    reserved: list[OpenItem]
    applicable: list[Applicable]


class Guard(Shape):
    """Whether something may be done now, and the records that stand in its way."""

    allowed: bool
    reason: str | None
    blocking: list[Blocker]


class EditGuard(Guard):
    """`minimum`: no edit goes below what is used on either side."""

    minimum: Money


class CancelGuard(Guard):
    """`modes`: `balance_only` keeps the uses, `revert` takes them off."""

    modes: list[str]


class InvoiceGuards(Shape):
    model_config = _example(change_customer=_FORBIDDEN, delete=_ALLOWED, void=_ALLOWED)

    change_customer: Guard
    delete: Guard
    void: Guard


class CreditGuards(Shape):
    model_config = _example(
        edit_amount={**_ALLOWED, "minimum": "60.00"},
        cancel={**_ALLOWED, "modes": ["balance_only", "revert"]},
        delete={"allowed": False, "reason": "A credit can only be deleted while it is unused.", "blocking": []},
    )

    edit_amount: EditGuard
    cancel: CancelGuard
    delete: Guard


class CreditUse(Shape):
    payment_id: str
    payment_number: str | None
    invoice_id: str | None
    invoice_number: str | None
    amount: Money


class LegacyOverpayment(Shape):
    """One overpayment credit that QuickBooks holds as a Credit Memo (`kind` CREDIT), or an invoice that is over-paid
    without a credit (INVOICE). `left_out`: why a repair leaves it alone."""

    company_id: str
    kind: str
    credit_id: str | None
    credit_number: str | None
    payment_id: str | None
    payment_number: str | None
    amount: Money
    used: Money
    erp_open: Money
    uses: list[CreditUse]
    quickbooks: dict[str, Any]
    suggested_fixes: dict[str, str]
    repairable: bool
    left_out: str | None


class LegacyOverpayments(Page):
    """All of them, and the plan that repairs those that can be: `POST …/legacy-overpayments/repair` runs it."""

    model_config = _ALSO_CSV

    data: list[LegacyOverpayment]
    plan_id: str
    plan: Plan


class NoticeTaken(Shape):
    status: str
