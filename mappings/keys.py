"""How documents are keyed, and the marker that ties a QuickBooks document to its ERP record."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from mappings.documents import Key

NUMBER_LENGTH = 21
"""QuickBooks refuses a longer DocNumber (2050) and cuts a longer PaymentRefNum (REFERENCE 3.4, 3.9)."""

_RECORDS = {
    "company": "COMPANY",
    "invoice": "INVOICE",
    "negative": "INVOICE",
    "payment": "PAYMENT",
    "credit": "CREDIT",
    "deposit": "CREDIT",
    "refund": "REFUND",
    "settlement": "REFUND",
}
_DOCUMENTS = {"COMPANY": "company", "INVOICE": "invoice", "PAYMENT": "payment", "CREDIT": "credit", "REFUND": "refund"}


def key_of(kind: str, erp_id: str) -> Key:
    """The key of the document that an ERP record becomes by default."""
    return f"{_DOCUMENTS[kind]}:{erp_id}"


def born_key(quickbooks_type: str, quickbooks_id: str) -> Key:
    """The key of a document born in QuickBooks."""
    return f"{quickbooks_type}@{quickbooks_id}"


def record_of(key: Key) -> tuple[str, str] | None:
    """The ERP record (kind, id) that a key speaks of; None for a document born in QuickBooks."""
    prefix, colon, erp_id = key.partition(":")
    return (_RECORDS[prefix], erp_id) if colon and prefix in _RECORDS else None


def marker(key: Key) -> str | None:
    """The last line of PrivateNote on every document we make (contracts/service.md)."""
    record = record_of(key)
    return f"Distru {record[0].lower()} {record[1]}" if record else None


def shorten(number: str, prefix: str = "") -> str:
    """A document number that fits QuickBooks: cut with a hash of the whole number, so that no two collide."""
    full = prefix + number
    if len(full) <= NUMBER_LENGTH:
        return full
    digest = base64.b32encode(hashlib.sha256(full.encode()).digest()).decode()[:8]
    return f"{full[: NUMBER_LENGTH - 9]}~{digest}"


def owner(owners: Mapping[tuple[str, str], Key], kind: str, erp_id: str) -> Key:
    """The document that stands for a record already, else the one that it becomes by default."""
    return owners.get((kind, erp_id)) or key_of(kind, erp_id)
