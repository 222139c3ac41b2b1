"""Read an HTTP answer of QuickBooks, whatever it is: JSON, XML, a proxy's HTML page, half of something, nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import simplejson

from service.errors import Disconnected, Refused, SyncError, Throttled, UnknownOutcome, Unreachable
from service.quickbooks.faults import THROTTLED_WAIT_S, AccessExpired, Fault, error_for

_CODE_IN_MESSAGE = re.compile(r"errorCode=0*(\d+)")


@dataclass(frozen=True)
class Answer:
    """An answer as it came. `retry_after_s` and `intuit_tid` are None where QuickBooks sent no such header."""

    status: int
    text: str
    content_type: str = ""
    retry_after_s: int | None = None
    intuit_tid: str | None = None


def check(answer: Answer, *, is_write: bool) -> None:
    """Raise what the answer amounts to unless it is a success: the HTTP status first, then the fault's code.

    A 200 with a Fault is a fault (§1.4). A write whose answer cannot be understood may have taken effect.
    """
    document = read_json(answer.text)
    faults = list(faults_in(document)) if document is not None else list(_faults_in_xml(answer.text))
    told = None
    if faults:
        told = error_for(faults, is_write=is_write, intuit_tid=answer.intuit_tid, retry_after_s=answer.retry_after_s)
    error = _amounts_to(answer, told, is_write=is_write)
    if error is None and not isinstance(document, dict):
        error = unusable(answer, is_write=is_write)
    if error is not None:
        raise error


def read_json(text: str) -> Any | None:
    """The JSON value with exact decimals; None when the text is none (or cut off), is nested too deeply, or holds a
    number that no decimal can."""
    try:
        return simplejson.loads(text, use_decimal=True)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def faults_in(document: object) -> Iterator[Fault]:
    """The entries of a `Fault` or, from the gateway, a lower-case `fault` (§2.4, §11.1). A fault without any entry is
    one entry without a code."""
    if not isinstance(document, Mapping):
        return
    body = document.get("Fault") or document.get("fault")
    if body is None:
        return
    body = body if isinstance(body, Mapping) else {}
    kind = str(body.get("type") or "")
    entries = body.get("Error") or body.get("error") or [{}]
    for entry in entries if isinstance(entries, list) else [entries]:
        yield _fault(entry if isinstance(entry, Mapping) else {}, kind)


def unusable(answer: Answer, *, is_write: bool) -> Unreachable:
    """The error for an answer that tells nothing."""
    size = len(answer.text)
    words = f"QuickBooks answered {answer.status} with {size} characters of {answer.content_type or 'something'}"
    kind = UnknownOutcome if is_write else Unreachable
    return kind(words, retry_after_s=answer.retry_after_s, intuit_tid=answer.intuit_tid)


def _amounts_to(answer: Answer, told: SyncError | None, *, is_write: bool) -> SyncError | None:
    """The error, given what the body told (if anything); None when nothing speaks against the answer."""
    if answer.status == 429 or isinstance(told, Throttled):
        return told if isinstance(told, Throttled) else _throttled(answer)
    if answer.status == 401:
        return (
            told
            if isinstance(told, Disconnected)
            else AccessExpired("QuickBooks answered 401", intuit_tid=answer.intuit_tid)
        )
    if answer.status == 408 or answer.status >= 500:
        return _failed(answer, told, is_write=is_write)
    if told is not None or answer.status == 200:
        return told
    if answer.status == 413:
        return Refused("QuickBooks answered 413", code="request_too_large", intuit_tid=answer.intuit_tid)
    return unusable(answer, is_write=is_write)


def _failed(answer: Answer, told: SyncError | None, *, is_write: bool) -> Unreachable:
    """A failure of the server: whatever the body says, a write may have taken effect."""
    failed = unusable(answer, is_write=is_write)
    if told is None:
        return failed
    return type(failed)(
        f"{failed.message}: {told.message}",
        retry_after_s=answer.retry_after_s,
        quickbooks_code=told.quickbooks_code,
        intuit_tid=answer.intuit_tid,
    )


def _throttled(answer: Answer) -> Throttled:
    wait_s = answer.retry_after_s or THROTTLED_WAIT_S
    return Throttled(
        "QuickBooks answered 429", retry_after_s=wait_s, quickbooks_code="3001", intuit_tid=answer.intuit_tid
    )


def _fault(entry: Mapping[str, Any], kind: str) -> Fault:
    fields = {key.lower(): str(value) for key, value in entry.items() if value is not None}
    message = fields.get("message", "")
    code = fields.get("code", "").strip()
    if not code and (spelled := _CODE_IN_MESSAGE.search(message)):
        code = spelled.group(1)
    code = code.lstrip("0") if code.isdecimal() else code
    return Fault(code, message, fields.get("detail", ""), fields.get("element", ""), kind)


def _faults_in_xml(text: str) -> Iterator[Fault]:
    """Throttling and system faults come as XML at times, whatever was asked for (§1.3, §16.4)."""
    if "<Fault" not in text:
        return
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return
    for fault in (node for node in root.iter() if _name(node) == "Fault"):
        for error in (node for node in fault if _name(node) == "Error"):
            parts = {_name(part): part.text for part in error}
            yield _fault({**error.attrib, **parts}, fault.get("type", ""))


def _name(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]
