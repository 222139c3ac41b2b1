"""One QuickBooks company behind the engine's port."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from service.errors import Refused, SyncError, Throttled, UnknownOutcome, Unreachable
from service.ports import Changes, Clock, Condition, Operation, QuickBooksWrite, Raw
from service.quickbooks import queries
from service.quickbooks.changes import WINDOW, read_changes
from service.quickbooks.client import QuickBooksClient
from service.quickbooks.moments import instant_text, utc_now
from service.quickbooks.sizes import AnswerSizes
from service.quickbooks.writes import (
    BATCH_LIMIT,
    as_met_by,
    batch_body,
    batch_request_id,
    batch_results,
    params_of,
    result_of,
)

READ_ATTEMPTS = 3
INVALID_QUERY = "4001"

_T = TypeVar("_T")


class QuickBooksCompany:
    """The engine's `QuickBooks`. Reads that fail on the way are repeated; writes are not: the journal sees to those."""

    def __init__(
        self,
        client: QuickBooksClient,
        *,
        sizes: AnswerSizes,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.calls = client.wire.calls
        self._client = client
        self._sizes = sizes
        self._clock = clock
        self._sleep = sleep
        self._not_by_id: set[str] = set()

    def company_info(self) -> Raw:
        return self._object("CompanyInfo", lambda: self._client.read("CompanyInfo", self._client.company_id))

    def preferences(self) -> Raw:
        return self._object("Preferences", lambda: self._client.read("Preferences"))

    def read(self, entity: str, entity_id: str) -> Raw:
        return self._object(entity, lambda: self._client.read(entity, entity_id))

    def query(self, entity: str, where: Sequence[Condition] = (), *, with_inactive: bool = False) -> Iterator[Raw]:
        if queries.matches_nothing(where):
            return iter(())
        select = queries.statement(entity, where, with_inactive=with_inactive)
        return queries.every_row(lambda start: self._page(entity, select, start), self._sizes.page)

    def changes(self, entities: Sequence[str], since: datetime) -> Changes:
        if self._clock() - since > WINDOW:
            raise Refused("QuickBooks tells changes of the last 30 days only", code="window_too_old")
        names, moment = ",".join(entities), instant_text(since)

        def ask() -> Changes:
            asked_at = self._clock()
            return read_changes(self._client.changed_since(names, moment), entities, asked_at, self._sizes.changes)

        return self._repeated(ask)

    def write(self, write: QuickBooksWrite) -> Raw:
        params = params_of(write)
        try:
            answer = self._client.send(write.entity, write.body, request_id=write.request_id, params=params)
        except SyncError as error:
            raise as_met_by(write, error) from None
        return result_of(write, answer)

    def write_many(self, writes: Sequence[QuickBooksWrite]) -> list[Raw | Exception]:
        """Voids go one by one (and free of charge): how a batch spells the void of an invoice is not known.

        A failure of the whole batch is raised. Its items are known to QuickBooks by the batch's own request id, so an
        unknown outcome is settled by the same batch again or by looking for our marker, never by single writes.
        """
        if len(writes) > BATCH_LIMIT:
            raise ValueError(f"a batch holds at most {BATCH_LIMIT} writes")
        together = [write for write in writes if write.operation is not Operation.VOID]
        results = iter(self._batch(together) if together else [])
        return [self._attempt(write) if write.operation is Operation.VOID else next(results) for write in writes]

    def _batch(self, writes: Sequence[QuickBooksWrite]) -> list[Raw | Exception]:
        try:
            answer = self._client.send_batch(batch_body(writes), request_id=batch_request_id(writes))
        except Refused as refused:
            if refused.quickbooks_code != "6000":
                raise
            # A repeated batch was once answered by a bare 6000 (§8): its items may stand.
            raise UnknownOutcome(refused.message, quickbooks_code="6000", intuit_tid=refused.intuit_tid) from None
        return batch_results(writes, answer)

    def _attempt(self, write: QuickBooksWrite) -> Raw | Exception:
        try:
            return self.write(write)
        except SyncError as error:
            return error

    def _object(self, entity: str, call: Callable[[], Mapping[str, Any]]) -> Raw:
        held = self._repeated(call).get(entity)
        if not isinstance(held, Mapping):
            raise Unreachable(f"QuickBooks' answer holds no {entity}")
        return held

    def _page(self, entity: str, select: str, start: int) -> Sequence[Raw]:
        """In the order of Ids; of change for an entity whose Ids QuickBooks refuses to sort by, which is remembered."""
        if entity not in self._not_by_id:
            try:
                return self._rows(entity, queries.page(select, start, self._sizes.page))
            except Refused as refused:
                if refused.quickbooks_code != INVALID_QUERY:
                    raise
        rows = self._rows(entity, queries.page(select, start, self._sizes.page, queries.BY_CHANGE))
        self._not_by_id.add(entity)
        return rows

    def _rows(self, entity: str, statement: str) -> Sequence[Raw]:
        """No rows: an empty object, without the entity's key (§1.4)."""
        answer = self._repeated(lambda: self._client.select(statement)).get("QueryResponse")
        if not isinstance(answer, Mapping):
            raise Unreachable("QuickBooks' answer to a query holds no result")
        return cast(Sequence[Raw], answer.get(entity, []))

    def _repeated(self, call: Callable[[], _T]) -> _T:
        """The one retry layer, for calls that change nothing. Throttling is not slept out: the run ends instead."""
        retrying = Retrying(
            stop=stop_after_attempt(READ_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5, max=4),
            retry=retry_if_exception(lambda error: isinstance(error, Unreachable) and not isinstance(error, Throttled)),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(call)
