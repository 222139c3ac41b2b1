"""For people: what went wrong with QuickBooks, and what they can do about it, by our own stable codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Explanation(NamedTuple):
    """For a person. `cause` may hold `{said}`, to be filled with the error's message."""

    cause: str
    what_to_do: str


_ASK_QUICKBOOKS = "Correct it in QuickBooks or in the ERP, then retry."
_RECONNECT = "Connect QuickBooks again, as an administrator of that company."
_REPORT = "This is a fault of the service: report it with the code and the transaction id shown here."

EXPLANATIONS: Mapping[str, Explanation] = {
    "access_refused": Explanation("QuickBooks does not accept our access any more.", _RECONNECT),
    "grant_expired": Explanation("The permission to use QuickBooks has ended or was taken back.", _RECONNECT),
    "not_connected": Explanation("QuickBooks is not connected.", _RECONNECT),
    "user_lost_access": Explanation("The person who connected QuickBooks has no rights there any more.", _RECONNECT),
    "not_authorised": Explanation(
        "QuickBooks does not let this app into that company, or it belongs to another environment.", _RECONNECT
    ),
    "company_locked": Explanation("QuickBooks has locked this company.", "Ask Intuit support why, then connect again."),
    "subscription_ended": Explanation(
        "The QuickBooks subscription of this company has ended or has a billing problem.",
        "Settle it with Intuit, then connect again.",
    ),
    "company_reset": Explanation(
        "The books of this QuickBooks company were reset: what we knew of it does not hold any more.",
        "Disconnect hard, connect again and re-sync.",
    ),
    "consent_failed": Explanation("QuickBooks did not accept the connection: {said}", "Start connecting again."),
    "throttled": Explanation("Too many calls to this QuickBooks company.", "Nothing: it is tried again by itself."),
    "unreachable": Explanation("QuickBooks could not be reached.", "Nothing: it is tried again by itself."),
    "unknown_outcome": Explanation(
        "QuickBooks gave no usable answer to a write, which may have taken effect.",
        "Nothing: it is repeated unchanged, which cannot make a second document.",
    ),
    "company_under_maintenance": Explanation(
        "QuickBooks is maintaining this company.", "Nothing: it is tried again by itself."
    ),
    "quickbooks_failed": Explanation(
        "QuickBooks failed: {said}",
        "Nothing at first: it is tried again. If it stays, report it to Intuit with the transaction id.",
    ),
    "names_busy": Explanation("QuickBooks was busy with another name.", "Nothing: it is tried again by itself."),
    "duplicate_request_id": Explanation(
        "QuickBooks has seen this very request before and does not say what became of it.",
        "Look whether the document is in QuickBooks, then retry.",
    ),
    "gone": Explanation("The document is not in QuickBooks any more.", "Nothing: it is looked at anew."),
    "stale": Explanation("Somebody changed the document in QuickBooks.", "Nothing: it is read and decided anew."),
    "merged_customer": Explanation(
        "The QuickBooks customer was merged into another one or deleted.",
        "Link the company to the customer that remains, then retry.",
    ),
    "not_linkable": Explanation(
        "QuickBooks cannot link this payment or credit to that document: {said}",
        "Look in QuickBooks whether it was deleted, voided or belongs to another customer.",
    ),
    "inactive_reference": Explanation(
        "Something that the document uses is inactive in QuickBooks: {said}",
        "Make the customer, item or account active again, or choose another one in the settings.",
    ),
    "invalid_reference": Explanation(
        "The document names something that QuickBooks does not have: {said}",
        "Choose another customer, item, account or payment method in the settings.",
    ),
    "customer_inactive": Explanation(
        "The customer is inactive in QuickBooks.", "Make the customer active again or link the company to another one."
    ),
    "bills_with_parent": Explanation("QuickBooks bills this customer with its parent: {said}", _ASK_QUICKBOOKS),
    "customer_missing": Explanation("QuickBooks needs a customer on a line: {said}", _REPORT),
    "invalid_parent": Explanation("The parent customer is not possible in QuickBooks: {said}", _ASK_QUICKBOOKS),
    "closed_books": Explanation(
        "The date lies in a period whose books are closed in QuickBooks.",
        "Move the closing date in QuickBooks, or change the date of the document.",
    ),
    "deposited": Explanation(
        "The payment is part of a bank deposit in QuickBooks and cannot be changed.",
        "Remove it from the deposit in QuickBooks first, then retry.",
    ),
    "settled": Explanation("The payment is settled and cannot be voided.", "Refund it in QuickBooks instead."),
    "deposit_mismatch": Explanation(
        "A deposit in QuickBooks does not add up: {said}", "Correct the deposit in QuickBooks."
    ),
    "bank_matched": Explanation(
        "The document is matched to a line of a bank statement in QuickBooks.",
        "Undo the match in QuickBooks, then retry.",
    ),
    "dependencies_exist": Explanation(
        "Other documents in QuickBooks depend on this one: {said}", "Unlink them in QuickBooks first, then retry."
    ),
    "balance_left": Explanation("The customer still has a balance in QuickBooks.", "Settle the balance, then retry."),
    "unbilled_charges": Explanation(
        "The customer has unbilled charges in QuickBooks.", "Bill or delete them, then retry."
    ),
    "permission_denied": Explanation(
        "The person who connected QuickBooks, or its plan, may not do this: {said}",
        "Connect again as an administrator, or check the QuickBooks plan.",
    ),
    "feature_not_supported": Explanation(
        "This QuickBooks company lacks a feature: {said}", "Check the QuickBooks plan."
    ),
    "duplicate_object": Explanation("QuickBooks has this already: {said}", "Link it to the one that QuickBooks has."),
    "duplicate_number": Explanation(
        "QuickBooks has another document with this number: {said}", "Give one of the two another number, then retry."
    ),
    "duplicate_name": Explanation(
        "QuickBooks has this name already, perhaps inactive or for a vendor or employee: {said}",
        "Link the company to that customer, or rename one of the two.",
    ),
    "name_missing": Explanation(
        "The customer has no name that QuickBooks takes.", "Give the company a name in the ERP."
    ),
    "account_number_taken": Explanation("Another account in QuickBooks has this number.", _ASK_QUICKBOOKS),
    "unsupported_characters": Explanation(
        "QuickBooks does not take some characters of a text: {said}", "Remove them from the record in the ERP."
    ),
    "text_too_long": Explanation("A text is too long for QuickBooks: {said}", "Shorten it in the ERP."),
    "invalid_email": Explanation("QuickBooks does not take the e-mail address: {said}", "Correct it in the ERP."),
    "currency_mismatch": Explanation(
        "The currency is not the customer's in QuickBooks.", "Use a customer with the document's currency."
    ),
    "negative_line": Explanation(
        "QuickBooks takes no negative amount there: {said}", "Make it a credit of its own in the ERP."
    ),
    "amount_mismatch": Explanation("An amount is not quantity times price for QuickBooks: {said}", _REPORT),
    "total_missing": Explanation("QuickBooks misses the amount of the payment.", _REPORT),
    "lines_missing": Explanation(
        "The document has no lines that QuickBooks takes.", "Give it at least one line with an item."
    ),
    "discount_incomplete": Explanation("A discount line is incomplete for QuickBooks: {said}", _REPORT),
    "wrong_account_type": Explanation(
        "An account has the wrong type for QuickBooks: {said}", "Choose another account in the settings, then retry."
    ),
    "item_missing": Explanation(
        "A line has neither item nor account: {said}", "Choose an item in the settings, then retry."
    ),
    "before_inventory_start": Explanation(
        "The date is before the item's stock was started in QuickBooks.", "Move the item's start date in QuickBooks."
    ),
    "quantity_missing": Explanation(
        "A stock item has no quantity: {said}", "Give the line a quantity, or use another item."
    ),
    "tax_mapping": Explanation(
        "QuickBooks does not take the tax of a line: {said}", "Check the tax settings of the item."
    ),
    "custom_field": Explanation(
        "QuickBooks does not take a custom field: {said}", "Check the custom fields in QuickBooks."
    ),
    "malformed_request": Explanation("QuickBooks did not understand the request: {said}", _REPORT),
    "answer_too_big": Explanation("QuickBooks' answer would be too big.", _REPORT),
    "request_too_large": Explanation("The document is too big for QuickBooks.", "Split it into several in the ERP."),
    "window_too_old": Explanation(
        "QuickBooks tells changes of the last 30 days only.", "Nothing: everything is read anew instead."
    ),
    "void_not_supported": Explanation(
        "QuickBooks cannot void this kind of document through its API.", "Void it in QuickBooks."
    ),
    "business_rule": Explanation("QuickBooks refuses it: {said}", _ASK_QUICKBOOKS),
    "unlisted_fault": Explanation("QuickBooks refuses it: {said}", _ASK_QUICKBOOKS),
}


def explain(code: str) -> Explanation:
    """Cause and way out for one of our codes, also for a code that is not in the table."""
    return EXPLANATIONS.get(code, EXPLANATIONS["unlisted_fault"])
