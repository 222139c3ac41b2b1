"""Writes as QuickBooks wants them, one by one and in a batch, and what their answers mean for each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import Gone, Refused, SyncError, UnknownOutcome, Unreachable
from service.ports import Operation, QuickBooksWrite, Raw
from service.quickbooks.answers import faults_in
from service.quickbooks.faults import AccessExpired, error_for

BATCH_LIMIT = 25
"""Intuit's pages say 10, 25, 30 and 50 (§8)."""
_REQUEST_ID_LENGTH = 36

_VOID_PARAMS = {"Invoice": {"operation": "void"}, "Payment": {"operation": "update", "include": "void"}}


def params_of(write: QuickBooksWrite) -> Mapping[str, str]:
    """The query parameters that make a post a delete or a void (§1.1). A wrong void form is answered 200 and ignored
    (§4.9), so what has none is refused here."""
    if write.operation is Operation.DELETE:
        return {"operation": "delete"}
    if write.operation is not Operation.VOID:
        return {}
    if write.entity not in _VOID_PARAMS:
        raise Refused(f"QuickBooks cannot void a {write.entity}", code="void_not_supported")
    return _VOID_PARAMS[write.entity]


def result_of(write: QuickBooksWrite, answer: Mapping[str, Any]) -> Raw:
    """The object in the answer to a write."""
    held = answer.get(write.entity)
    if not isinstance(held, Mapping):
        raise UnknownOutcome(f"QuickBooks' answer holds no {write.entity}")
    return held


def as_met_by(write: QuickBooksWrite, error: SyncError) -> SyncError:
    """610 means "not found or inactive" (§11.2): a new document cannot be gone, so something that it uses is."""
    if isinstance(error, Gone) and write.operation is Operation.CREATE:
        return Refused(
            error.message, code="inactive_reference", quickbooks_code=error.quickbooks_code, intuit_tid=error.intuit_tid
        )
    return error


def batch_request_id(writes: Sequence[QuickBooksWrite]) -> str:
    """The same for the same writes in the same order. Short, because QuickBooks joins it with each `bId` (§8)."""
    joined = "\n".join(write.request_id for write in writes)
    return hashlib.sha256(joined.encode()).hexdigest()[:_REQUEST_ID_LENGTH]


def batch_body(writes: Sequence[QuickBooksWrite]) -> str:
    """The batch with each body in it byte for byte, as the journal holds it."""
    items = ",".join(
        f'{{"bId":"{number}","operation":"{write.operation}","{write.entity}":{write.body}}}'
        for number, write in enumerate(writes)
    )
    return f'{{"BatchItemRequest":[{items}]}}'


def batch_results(writes: Sequence[QuickBooksWrite], answer: Mapping[str, Any]) -> list[Raw | Exception]:
    """One result for each write, matched by `bId`: items come back in any order, and may be missing."""
    parts = answer.get("BatchItemResponse")
    by_id = (
        {str(part.get("bId")): part for part in parts if isinstance(part, Mapping)} if isinstance(parts, list) else {}
    )
    return [_item_result(write, by_id.get(str(number))) for number, write in enumerate(writes)]


def _item_result(write: QuickBooksWrite, part: Mapping[str, Any] | None) -> Raw | Exception:
    if part is None:
        return UnknownOutcome("QuickBooks' answer to the batch leaves this write out")
    if faults := list(faults_in(part)):
        error = error_for(faults, is_write=True)
        if isinstance(error, AccessExpired):  # it ended in mid-batch; the next call renews it
            return Unreachable(error.message, quickbooks_code=error.quickbooks_code)
        return as_met_by(write, error)
    try:
        return result_of(write, part)
    except UnknownOutcome as unknown:
        return unknown
