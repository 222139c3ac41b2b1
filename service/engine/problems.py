"""Problems: what a person must look at, with the record, the cause in plain words and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from mappings.documents import Ending, Key, Payment, Side, to_json
from mappings.findings import Finding
from mappings.keys import born_key, record_of
from mappings.money import text
from mappings.plan import Conflict, Step
from mappings.quickbooks import Entity, amount_of, link_amounts, number_of
from service.engine import causes
from service.engine.compare import Comparison
from service.engine.lists import home_currency
from service.engine.working import Working, digest, dumps
from service.errors import Refused, SyncError
from service.ports import Link, Problem, Raw, Record, Transaction

ADVICE = {
    "closed_books": "Move the closing date in QuickBooks, or change the date, then retry.",
    "unknown_outcome": "Nothing: the same request is repeated until QuickBooks answers.",
    "customer_not_linked": "Link the company to a QuickBooks customer in the ERP, or let this connection match or "
    "create customers (setting 'customers').",
    "erp_records_missing": "Where the key is wrong, give the connection the right one and reconcile. Where they were "
    "deleted in the ERP, say so ('end_in_quickbooks'): then their documents end in QuickBooks, too.",
    "erp_refused": "Read what the ERP says; correct it there or in QuickBooks, then retry.",
    "item_unusable": "Make the item active again in QuickBooks, or choose another one for these records, then retry.",
    "no_default_item": "Choose a default item in the settings, then retry.",
    "customer_inactive": "Make the customer active again in QuickBooks, or link the company to another one.",
    "customer_gone": "Link the company to the customer that remains in QuickBooks.",
    "currency_differs": "Link the company to a customer in its own currency, or correct the currency in the ERP.",
    "grant_lives_on": "Let an administrator of the QuickBooks company disconnect this app there (under Apps, My apps), "
    "then dismiss this with a word. Connecting the same company again settles it, too.",
    "left_behind": "Void or delete it in QuickBooks if it is not needed. If it is to stay, take our last line "
    "('Distru …') out of its note: then it counts as made in QuickBooks.",
    "kept_something_else": "Look at the document in QuickBooks: a tax or a rule there changes it. Then retry.",
}
DEFAULT_ADVICE = "Correct the cause, then retry."
TRIED_AGAIN = "It is tried again by itself. Report it with its time."
MISSING, END_IN_QUICKBOOKS = "erp:missing", "end_in_quickbooks"
GRANT = "grant"
"""The key of problems about the grant itself; those of reaching a side have `connection`."""


def fingerprint(c: Comparison, step: Step) -> str:
    """Names the very change that was refused, in the surroundings in which it was: the same is not tried again by
    itself."""
    around = {key: to_json(side) for key, side in c.held.documents.items() if key in step.needs or _shares(side, step)}
    return digest(step.action, step.key, dumps(to_json(step.document)), dumps(to_json(step.before)), dumps(around))


def _shares(side: Side, step: Step) -> bool:
    """Whether a Payment in QuickBooks puts something against what the step is about, too."""
    return bool(link_amounts(side).keys() & set(step.needs))


def of_step(
    w: Working, c: Comparison, step: Step, error: SyncError, *, code: str | None = None, choices: tuple[str, ...] = ()
) -> Problem:
    """A step that the other side refused."""
    conflict = bool(choices)
    code = code or error.code
    cause, what_to_do = error.message, ADVICE.get(code, DEFAULT_ADVICE)
    if error.quickbooks_code and code not in ADVICE:
        template, what_to_do = w.ports.explain(code)
        cause = template.replace("{said}", error.message)
    return _problem(
        w,
        c,
        step.key,
        code=code,
        cause=cause,
        what_to_do=what_to_do,
        sides=(step.erp, c.held.documents.get(step.key), _agreed(c, step.key)),
        status="conflict" if conflict else "open",
        fingerprint_=fingerprint(c, step),
        choices=choices,
        quickbooks_code=error.quickbooks_code,
        intuit_tid=error.intuit_tid,
    )


def of_conflict(w: Working, c: Comparison, conflict: Conflict) -> Problem:
    """A document that neither rule can settle."""
    return _problem(
        w,
        c,
        conflict.key,
        code=conflict.code,
        cause=conflict.cause,
        what_to_do=conflict.what_to_do,
        sides=(conflict.erp, conflict.quickbooks, conflict.agreed),
        status="conflict",
        choices=conflict.choices,
        fingerprint_=digest(
            conflict.code, conflict.key, dumps(to_json(conflict.erp)), dumps(to_json(conflict.quickbooks))
        ),
    )


def of_finding(w: Working, c: Comparison, key: Key, finding: Finding) -> Problem:
    """A record that breaks a rule."""
    problem = _problem(
        w,
        c,
        key,
        code=finding.code,
        cause=finding.cause,
        what_to_do=finding.what_to_do,
        sides=(c.projection.documents.get(key), c.held.documents.get(key), _agreed(c, key)),
        status="open",
        fingerprint_=digest(finding.code, finding.field, finding.cause),
    )
    return replace(problem, kind=finding.kind, erp_id=finding.erp_id)


def of_left_behind(w: Working, c: Comparison, entity: Entity) -> Problem:
    """A document that we made and forgot, and that the ERP ended meanwhile: only a person can say that it may go."""
    (kind, erp_id), raw = c.left_behind[entity], c.objects[entity].body
    code, object_id = "left_behind", entity[1]
    cause = (
        f"It was made for {kind.lower()} {erp_id}, which the ERP has ended, deleted or turned into another kind "
        "of document since; QuickBooks was not told, because the service's database came back from a backup."
    )
    return replace(
        of_connection(w, code, Refused(cause, code=code), ADVICE[code]),
        key=born_key(*entity),
        kind=kind,
        erp_id=erp_id,
        quickbooks_id=object_id,
        number=number_of(raw),
        company_id=c.company,
        amount=amount_of(raw, "TotalAmt"),
        fingerprint=digest(code, *entity),
    )


def of_unreadable(w: Working, kind: str, raw: Raw, rule: str) -> Problem:
    """A record of the ERP's that belongs to no company or cannot be told apart: kept, shown, and looked at again."""
    erp_id = str(raw["id"]) if raw.get("id") else None
    name = erp_id or digest(dumps(raw))
    error = Refused(f"The ERP's {kind.lower()} {name} cannot be used: {rule}.", code="invalid_record")
    problem = of_connection(
        w, "invalid_record", error, "Correct the record in the ERP; it is looked at again by itself."
    )
    return replace(problem, key=f"record:{kind}:{name}", kind=kind, erp_id=erp_id, erp=raw, fingerprint=digest(rule))


def of_missing(w: Working, gone: Sequence[Record], asked: int) -> Problem:
    """Many records are missing in the ERP at once: a person says whether they were deleted."""
    named = ", ".join(sorted(record.number or record.erp_id for record in gone)[:5])
    cause = (
        f"The ERP does not list {len(gone)} of {asked} records any more, such as {named}. That many at once may be a "
        "wrong API key or one that sees less than before, so nothing was ended in QuickBooks."
    )
    code = "erp_records_missing"
    return replace(
        of_connection(w, code, Refused(cause, code=code), ADVICE[code]),
        status="conflict",
        key=MISSING,
        choices=(END_IN_QUICKBOOKS,),
        fingerprint=digest(*sorted((record.kind, record.erp_id) for record in gone)),
    )


def of_surprise(w: Working, company: str, error: Exception) -> Problem:
    """Something that we did not foresee stopped one company's books; the others go on."""
    found = Refused(f"These books could not be worked: {type(error).__name__}.", code="internal_error")
    problem = of_connection(w, "internal_error", found, TRIED_AGAIN)
    return replace(problem, key=f"company:{company}", kind="COMPANY", erp_id=company, company_id=company)


def of_unrest(w: Working, c: Comparison, key: Key) -> Problem:
    """A document that changes under us every time that we write it."""
    error = Refused("Each side says that the other's state is out of date, again and again.", code="no_rest")
    problem = of_connection(
        w, "no_rest", error, "Look whether another integration edits it at the same time, then retry."
    )
    kind, erp_id = subject_of(c, key)
    return replace(problem, key=key, kind=kind, erp_id=erp_id, company_id=c.company, number=number_of_key(c, key))


def of_link(w: Working, link: Link, error: SyncError) -> Problem:
    """The ERP does not take the QuickBooks ID or the status of one record."""
    problem = of_connection(w, "link_refused", error, "Read what the ERP says; correct it there, then retry.")
    return replace(
        problem,
        key=f"link:{link.kind}:{link.erp_id}",
        kind=link.kind,
        erp_id=link.erp_id,
        quickbooks_id=link.quickbooks_id,
        number=link.erp_number,
    )


def of_company(w: Working, c: Comparison, code: str, cause: str) -> Problem:
    """Something that holds back all of a company's documents: one entry, not one for each."""
    name = c.books.company.name if c.books.company else c.company
    return Problem(
        **_blank(w),
        status="open",
        code=code,
        key=f"company:{c.company}",
        kind="COMPANY",
        erp_id=c.company,
        quickbooks_id=c.customer,
        number=name,
        company_id=c.company,
        amount=None,
        cause=cause,
        what_to_do=ADVICE.get(code, DEFAULT_ADVICE),
        choices=(),
        quickbooks_code=None,
        intuit_tid=None,
        erp=None,
        quickbooks=None,
        agreed=None,
        fingerprint=digest(code, cause),
    )


def of_connection(w: Working, code: str, error: SyncError, what_to_do: str) -> Problem:
    """A side that cannot be reached: one problem per cause, not per record."""
    return Problem(
        **_blank(w),
        status="open",
        code=code,
        key="connection",
        kind=None,
        erp_id=None,
        quickbooks_id=None,
        number=None,
        company_id=None,
        amount=None,
        cause=error.message,
        what_to_do=what_to_do,
        choices=(),
        quickbooks_code=error.quickbooks_code,
        intuit_tid=error.intuit_tid,
        erp=None,
        quickbooks=None,
        agreed=None,
        fingerprint=None,
    )


def connection_trouble(w: Working, error: SyncError, side: str) -> None:
    """A side that cannot be reached: said once, until it is back."""
    advice = {
        "quickbooks": "Nothing: it is tried again by itself. If it stays, see status.developer.intuit.com.",
        "erp": "Nothing: it is tried again by itself. If it stays, check the ERP and the API key.",
    }
    code = f"{side}_{error.code.removeprefix(f'{side}_')}"
    with w.writing() as tx:
        report(tx, w, of_connection(w, code, error, advice[side]))


def report(tx: Transaction, w: Working, problem: Problem) -> Problem:
    """Open it, beside the others of its cause."""
    currency = _currency(tx, w, problem) if problem.amount is not None else None
    return tx.problems.raise_(
        w.id,
        replace(problem, currency=currency, cause_group=causes.group(problem), pattern=causes.pattern(problem)),
        run_id=w.run.id if w.run else None,
    )


def _currency(tx: Transaction, w: Working, problem: Problem) -> str:
    """The company's own, else QuickBooks' home currency."""
    company = tx.records.get(w.id, "COMPANY", problem.company_id or "")
    return str((company.body.get("currency") if company else None) or home_currency(w.connection))


def difference(wanted: Side, found: Side) -> str:
    """What was asked and what is there, in one sentence with figures."""
    return f"Asked for {_words(wanted)}, found {_words(found)}."


def _words(side: Side) -> str:
    if side is None:
        return "nothing"
    if isinstance(side, Ending):
        return side.value
    words = f"{side.KIND.value.replace('_', ' ')} of {text(side.total)}"
    if isinstance(side, Payment):
        links = [f"{text(p.amount)} on {p.key}" for p in (*side.invoices, *side.credits, *side.refunds)]
        words += f" ({', '.join([*links, f'{text(side.unapplied)} unapplied'])})"
    return words


def causes_by_key(found: Iterable[Problem]) -> dict[Key, str]:
    """Why each of these documents waits for a person."""
    return {problem.key: problem.cause for problem in found if problem.key}


def number_of_key(c: Comparison, key: Key) -> str | None:
    """The ERP's number of a document, else QuickBooks'."""
    named = record_of(key)
    for kind, erp_id in c.projection.records.get(key, ()) or ((named,) if named else ()):
        found = next((r.number for r in c.records if (r.kind, r.erp_id) == (kind, erp_id) and r.number), None)
        if found:
            return found
    side = c.held.documents.get(key)
    return None if side is None or isinstance(side, Ending) else side.number


def subject_of(c: Comparison, key: Key) -> tuple[str | None, str | None]:
    """The ERP record (kind, id) that a person knows a document by."""
    refs = c.projection.records.get(key) or (c.rows[key].records if key in c.rows else ())
    wanted = record_of(key)
    if wanted and (wanted in refs or not refs):
        return wanted
    if refs:
        return refs[0]
    return ("CREDIT" if key.startswith("CreditMemo@") else "PAYMENT" if key.startswith("Payment@") else None), None


def kind_of(c: Comparison, key: Key) -> str:
    """The kind by which a person pauses a document."""
    return subject_of(c, key)[0] or "PAYMENT"


def _problem(
    w: Working,
    c: Comparison,
    key: Key,
    *,
    code: str,
    cause: str,
    what_to_do: str,
    sides: tuple[Side, Side, Side],
    status: str,
    fingerprint_: str,
    choices: tuple[str, ...] = (),
    quickbooks_code: str | None = None,
    intuit_tid: str | None = None,
) -> Problem:
    kind, erp_id = subject_of(c, key)
    entity = c.held.entities.get(key)
    erp, quickbooks, agreed = (to_json(side) for side in sides)
    live = next((s for s in sides if s is not None and not isinstance(s, Ending)), None)
    return Problem(
        **_blank(w),
        status=status,
        code=code,
        key=key,
        kind=kind,
        erp_id=erp_id,
        quickbooks_id=entity[1] if entity else None,
        number=number_of_key(c, key),
        company_id=c.company,
        amount=live.total if live else None,
        cause=cause,
        what_to_do=what_to_do,
        choices=choices,
        quickbooks_code=quickbooks_code,
        intuit_tid=intuit_tid,
        erp=erp,
        quickbooks=quickbooks,
        agreed=agreed,
        fingerprint=fingerprint_,
    )


def _agreed(c: Comparison, key: Key) -> Side:
    return c.situation.agreed[key].erp if key in c.situation.agreed else None


def _blank(w: Working) -> dict[str, Any]:
    return {"id": w.ports.new_id(), "first_seen": w.now(), "last_seen": w.now(), "attempts": 1}
