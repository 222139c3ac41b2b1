"""python-quickbooks builds the calls, we send them and read the answers. Only here is it imported.

Of the library only `process_request` is replaced, the one place that sees a response. Its object classes invent fields
and its error mapping loses what happened, so plain JSON goes in and out and our errors are raised before its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast
from urllib.parse import quote

import requests
from quickbooks import QuickBooks as LibraryClient

from service.quickbooks.faults import AccessExpired
from service.quickbooks.wire import Call, Wire

MINOR_VERSION = 75

Json = Mapping[str, Any]


class AccessGrant(Protocol):
    """Where access tokens come from."""

    def access(self) -> str:
        """A token that is good for a while yet."""

    def renew(self, dead: str) -> None:
        """Get another than this one, which QuickBooks refused."""


class QuickBooksClient(LibraryClient):  # type: ignore[misc]  # the library has no types
    """One company, one thread, one run. Answers are JSON with exact decimals; errors are ours."""

    def __init__(self, *, company_id: str, base_url: str, wire: Wire, grant: AccessGrant, minorversion: int) -> None:
        self.company_id = quote(company_id, safe="")
        self.minorversion = minorversion
        self.use_decimal = True
        self.api_url_v3 = base_url
        self.wire = wire
        self._grant = grant

    def read(self, resource: str, entity_id: str | None = None) -> Json:
        """`GET /company/{realm}/{resource}[/{id}]`."""
        path = resource.lower() if entity_id is None else f"{resource.lower()}/{quote(entity_id, safe='')}"
        return cast(Json, self.get(f"{self.api_url}/company/{self.company_id}/{path}"))

    def select(self, statement: str) -> Json:
        """Run a query: posted, so that no statement is too long for a URL."""
        return cast(Json, self.query(statement))

    def changed_since(self, entities: str, since: str) -> Json:
        return cast(Json, self.change_data_capture(entities, since))

    def send(self, entity: str, body: str, *, request_id: str, params: Mapping[str, str]) -> Json:
        """Post one write. The library adds to the params it is given, the requestid too: they are copied each time."""
        return cast(Json, self.update_object(entity, body, request_id=request_id, params=dict(params)))

    def send_batch(self, body: str, *, request_id: str) -> Json:
        url = f"{self.api_url}/company/{self.company_id}/batch"
        return cast(Json, self.make_request("POST", url, body, request_id=request_id))

    def process_request(
        self, request_type: str, url: str, headers: Any = "", params: Any = "", data: Any = ""
    ) -> requests.Response:
        """Called by the library for every call, with its signature; it parses the body again, a small price.

        A token that is refused is renewed once and the call repeated, writes too: a 401 did nothing.
        """
        body = data.encode() if isinstance(data, str) else None
        call = Call(request_type, url, {**headers, "User-Agent": "qbo-sync"}, params, body)
        token = self._grant.access()
        try:
            return self.wire.exchange(call, token)
        except AccessExpired:
            self._grant.renew(token)
            return self.wire.exchange(call, self._grant.access())
