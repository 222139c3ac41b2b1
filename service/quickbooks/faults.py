"""QuickBooks' faults as data: what each of its codes means to us (§11.2).

A new fault is one row in `_RULES` and, where its meaning is new, one in `explanations`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.errors import Disconnected, Gone, Refused, Stale, SyncError, Throttled, UnknownOutcome, Unreachable

THROTTLED_WAIT_S = 60
"""QuickBooks' limits are per minute, and it documents no Retry-After (§10)."""


class AccessExpired(Disconnected):
    """The access token is not good any more. A fresh one heals it; only when that is refused too, the grant is dead."""

    code = "access_refused"


@dataclass(frozen=True)
class Fault:
    """One entry of a fault. `code` has no leading zeros and is empty when QuickBooks gave none; `kind` is its type."""

    code: str
    message: str = ""
    detail: str = ""
    element: str = ""
    kind: str = ""

    @property
    def said(self) -> str:
        """QuickBooks' own words on one line: in the company's language, at times with a Java dump behind them."""
        words = self.detail if self.detail.startswith(self.message) else f"{self.message}: {self.detail}".strip(": ")
        where = f" [{self.element}]" if self.element else ""
        return f"{' '.join(words.split())[:500]}{where} (QuickBooks {self.code or self.kind or 'fault'})"


@dataclass(frozen=True)
class Rule:
    """What a QuickBooks code means: the error to raise and our own stable code.

    `text`: only where the fault's text (lower case) holds this; such rules are looked at before the others.
    `UnknownOutcome` stands for faults of the server: it becomes a plain `Unreachable` where nothing was written.
    """

    quickbooks_code: str
    error: type[SyncError]
    code: str
    text: str = ""


_MALFORMED = (
    *("400", "500", "1040", "1050", "2000", "2010", "2020", "2030", "2060", "2070", "2080", "2090", "2100", "2110"),
    *("2120", "2130", "2140", "2150", "2160", "2170", "2190", "2230", "2300", "2600", "4000", "4001", "5000", "6530"),
)
"""Faults of ours: what only a wrong request can bring about."""

_RULES: tuple[Rule, ...] = (
    # The grant (100 to 199, 31xx, 32xx)
    Rule("100", AccessExpired, "access_refused"),
    Rule("110", AccessExpired, "access_refused"),
    Rule("120", Disconnected, "user_lost_access"),
    Rule("130", UnknownOutcome, "quickbooks_failed"),
    Rule("140", Disconnected, "company_locked"),
    Rule("150", UnknownOutcome, "company_under_maintenance"),
    Rule("3100", Disconnected, "not_authorised"),
    Rule("3200", AccessExpired, "access_refused"),
    Rule("3202", AccessExpired, "access_refused"),
    Rule("6190", Disconnected, "subscription_ended"),
    Rule("10200", Disconnected, "company_reset"),
    # Come back later
    Rule("429", Throttled, "throttled"),
    Rule("3001", Throttled, "throttled"),
    Rule("6000", Unreachable, "names_busy", text="only add or edit one name at a time"),
    # The server failed, or says it has seen this request before: it may have been carried out
    Rule("600", UnknownOutcome, "duplicate_request_id"),
    Rule("1000", UnknownOutcome, "quickbooks_failed"),
    Rule("1010", UnknownOutcome, "quickbooks_failed"),
    Rule("1020", UnknownOutcome, "quickbooks_failed"),
    Rule("4002", UnknownOutcome, "quickbooks_failed"),
    Rule("10000", UnknownOutcome, "quickbooks_failed"),
    # The object
    Rule("610", Gone, "gone"),
    Rule("5010", Stale, "stale"),
    Rule("6000", Refused, "merged_customer", text="list element that has been deleted"),
    # What it refers to
    Rule("620", Refused, "not_linkable"),
    Rule("2500", Refused, "inactive_reference", text="made inactive"),
    Rule("2500", Refused, "invalid_reference"),
    Rule("6250", Refused, "customer_inactive"),
    Rule("6130", Refused, "bills_with_parent"),
    Rule("6310", Refused, "customer_missing"),
    Rule("700", Refused, "invalid_parent"),
    Rule("900", Refused, "invalid_parent"),
    Rule("6150", Refused, "invalid_parent"),
    Rule("6180", Refused, "invalid_parent"),
    # Books that must not change
    Rule("6200", Refused, "closed_books"),
    Rule("6210", Refused, "closed_books"),
    Rule("6540", Refused, "deposited"),
    Rule("6450", Refused, "settled"),
    Rule("6460", Refused, "deposit_mismatch"),
    Rule("6480", Refused, "bank_matched"),
    Rule("800", Refused, "dependencies_exist"),
    Rule("6400", Refused, "dependencies_exist"),
    Rule("6220", Refused, "balance_left"),
    Rule("6280", Refused, "unbilled_charges"),
    Rule("5020", Refused, "permission_denied"),
    Rule("5030", Refused, "feature_not_supported"),
    # Names and numbers
    Rule("630", Refused, "duplicate_object"),
    Rule("6140", Refused, "duplicate_number"),
    Rule("6240", Refused, "duplicate_name"),
    Rule("6080", Refused, "name_missing"),
    Rule("6000", Refused, "account_number_taken", text="another account is already using this number"),
    # Text and values that come from the records
    Rule("2040", Refused, "unsupported_characters"),
    Rule("2050", Refused, "text_too_long"),
    Rule("2210", Refused, "invalid_email"),
    Rule("6420", Refused, "invalid_email"),
    Rule("2220", Refused, "currency_mismatch"),
    Rule("2240", Refused, "negative_line"),
    Rule("2290", Refused, "negative_line"),
    Rule("6070", Refused, "amount_mismatch"),
    Rule("6000", Refused, "total_missing", text="set a transaction amount"),
    Rule("2250", Refused, "lines_missing"),
    Rule("6090", Refused, "discount_incomplete"),
    # Mapping: items, accounts, tax
    Rule("6000", Refused, "wrong_account_type", text="select a different type of account"),
    Rule("6010", Refused, "wrong_account_type"),
    Rule("6430", Refused, "wrong_account_type"),
    Rule("6440", Refused, "item_missing"),
    Rule("6270", Refused, "before_inventory_start"),
    Rule("6520", Refused, "quantity_missing"),
    Rule("2280", Refused, "tax_mapping"),
    Rule("6100", Refused, "tax_mapping"),
    Rule("6160", Refused, "tax_mapping"),
    Rule("6170", Refused, "tax_mapping"),
    Rule("6230", Refused, "tax_mapping"),
    Rule("6470", Refused, "tax_mapping"),
    Rule("6000", Refused, "tax_mapping", text="gst/hst rate"),
    Rule("3000", Refused, "custom_field"),
    *(Rule(code, Refused, "malformed_request") for code in _MALFORMED),
    Rule("10100", Refused, "answer_too_big"),
    # Everything else that only its text tells
    Rule("6000", Refused, "business_rule"),
)


def error_for(
    faults: Sequence[Fault], *, is_write: bool, intuit_tid: str | None = None, retry_after_s: int | None = None
) -> SyncError:
    """The error that these faults (at least one) of one answer amount to.

    The first that the table knows decides; the text names them all. `is_write`: something may have taken effect.
    """
    deciding = next((fault for fault in faults if _listed(fault)), faults[0])
    rule = _listed(deciding) or _unlisted(deciding)
    kind = Unreachable if rule.error is UnknownOutcome and not is_write else rule.error
    said = "; ".join(fault.said for fault in faults)
    known = {"code": rule.code, "quickbooks_code": deciding.code or None, "intuit_tid": intuit_tid}
    if issubclass(kind, Unreachable):
        wait_s = retry_after_s or (THROTTLED_WAIT_S if kind is Throttled else None)
        return kind(said, retry_after_s=wait_s, **known)
    return kind(said, **known)


def _listed(fault: Fault) -> Rule | None:
    text = f"{fault.message} {fault.detail}".lower()
    rules = [rule for rule in _RULES if rule.quickbooks_code == fault.code and rule.text in text]
    return max(rules, key=lambda rule: len(rule.text), default=None)


def _unlisted(fault: Fault) -> Rule:
    """By range (§11.2) or, without a number, by type: what is not surely a refusal may have taken effect."""
    number = int(fault.code) if fault.code.isdecimal() else None
    if (number is not None and number < 500) or "authentication" in fault.kind.lower():
        return Rule(fault.code, AccessExpired, "access_refused")
    if number is not None and number >= 10000:
        return Rule(fault.code, UnknownOutcome, "quickbooks_failed")
    if fault.code or "validation" in fault.kind.lower():
        return Rule(fault.code, Refused, "unlisted_fault")
    return Rule(fault.code, UnknownOutcome, "quickbooks_failed")
