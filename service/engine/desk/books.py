"""The books themselves: tie-out, open items, guards, a fresh look."""

from __future__ import annotations

from contextlib import suppress

from service.engine import guards, open_items, tying_out, views
from service.engine.brakes import TooLarge
from service.engine.customers import waiting_customers
from service.engine.desk.asking import Asking, View, busy, unknown_company
from service.engine.reading import keep_records, read_quickbooks
from service.engine.refreshing import TooSlow, in_time
from service.engine.sync import Look, bring_into_step, read_both
from service.engine.working import Working, as_record, instant
from service.errors import Reason, Rejected, SyncError


class Books(Asking):
    """What both books hold of a company."""

    def tie_out(self, account_id: str, *, as_of: str | None) -> View:
        """Both books as they are now, or by what is dated up to a day; of an instant what the last sync left."""
        moment = instant(as_of) if as_of and "T" in as_of else None
        with self._looking(account_id) as (tx, w):
            if moment is not None:
                found = tying_out.kept(tx, w.connection, moment)
                return {"as_of": views.moment(found.totals.at), **tying_out.shown(found.companies), "waiting": []}
            rows = tying_out.everybody(tx, w, as_of)
            waiting = [views.waiting(one) for one in waiting_customers(tx, w)]
        as_of = as_of or views.moment(self.ports.clock())
        return {"as_of": as_of, **tying_out.shown(rows), "waiting": waiting}

    def refresh(self, account_id: str, *, company_id: str | None, invoice_id: str | None, actor: str) -> View:
        """Fresh within `refresh_s`, or `busy`; a pull that takes longer goes on, and the next one finds it done."""
        with self.ports.store.reading() as tx:
            self._known(tx, account_id)
        try:
            return in_time(lambda: self._pull(account_id, company_id, invoice_id), self.refresh_s)
        except (TooSlow, SyncError) as error:
            raise busy() from error
        except Rejected as rejected:
            raise (busy() if rejected.reason is Reason.BUSY else rejected) from rejected

    def _pull(self, account_id: str, company_id: str | None, invoice_id: str | None) -> View:
        with self._working(account_id, patience_s=self.refresh_s) as w:
            company = company_id or self._company_of_invoice(w, invoice_id or "")
            with w.reading() as tx:
                if tx.records.get(w.id, "COMPANY", company) is None:
                    raise unknown_company()
            read_both(w, Look(everything=False))
            read_quickbooks(w)
            as_of = w.now()
            with suppress(TooLarge):  # held by the brakes: what is pulled is fresh all the same
                bring_into_step(w, Look(everything=False, companies=frozenset({company})))
        return {"fresh": True, "as_of": views.moment(as_of)}

    def _company_of_invoice(self, w: Working, invoice_id: str) -> str:
        """The ERP may ask for an invoice that it made a moment ago, before its notice was worked."""
        with w.reading() as tx:
            record = tx.records.get(w.id, "INVOICE", invoice_id)
        if record is None:
            found = [
                as_record("INVOICE", raw, w.connection.connected_at) for raw in w.erp.by_ids("invoice", [invoice_id])
            ]
            with w.writing() as tx:
                keep_records(tx, w, found)
            record = next(iter(found), None)
        if record is None or record.company_id is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_invoice", "The ERP has not told of an invoice with this id.")
        return record.company_id

    def open_items(self, account_id: str, company_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            if tx.records.get(w.id, "COMPANY", company_id) is None:
                raise unknown_company()
            return open_items.of_company(tx, w, company_id)

    def invoice_guards(self, account_id: str, invoice_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            return guards.of_invoice(tx, w, invoice_id)

    def credit_guards(self, account_id: str, credit_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            return guards.of_credit(tx, w, credit_id)
