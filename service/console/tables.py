"""One machine for every table: declared once, then filtered, searched, sorted, paged and downloaded by the server.

An address carries everything: `?sort=-at&page=3&q=…&<filter>=…`. What the declaration does not know is refused. It
works without JavaScript; with htmx only the table's region is exchanged and the address follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, NoReturn, Protocol
from urllib.parse import urlencode

from flask import abort, make_response, render_template, request
from werkzeug import Response
from werkzeug.datastructures import MultiDict

from service.console.refusing import asks_for_a_part
from service.console.showing import money
from service.ports import Listed
from service.web.csv_files import download

Row = Mapping[str, Any]
Kind = Literal["text", "code", "money", "count", "when", "status", "yes_no", "markup"]

PER_PAGE = 50
_LAST_PAGE = 1_000_000
_LONGEST = 200
AT_ONCE = 10_000


class Rows(Protocol):
    """Where a table's rows come from: `partial(office().browsing.page, "links", account_id)`, or `in_memory(rows)`."""

    def __call__(
        self,
        *,
        filters: Mapping[str, Any],
        search: str | None,
        sort: str,
        descending: bool,
        offset: int,
        limit: int,
    ) -> Listed: ...


@dataclass(frozen=True)
class Column:
    """One column. `read` makes the value that is shown out of a row, `href` makes a link of it; a download always has
    the row's own value. A `markup` column's `read` answers HTML: a rendered template of ours, and nothing else."""

    key: str
    title: str
    kind: Kind = "text"
    sortable: bool = True
    read: Callable[[Row], Any] | None = None
    href: Callable[[Row], str | None] | None = None
    wide: bool = False
    """Its text may break into lines; every other column keeps to one."""
    only_exported: bool = False
    """A download has it, the page shows it elsewhere."""

    def value(self, row: Row) -> Any:
        """What is shown."""
        return self.read(row) if self.read else row.get(self.key)


@dataclass(frozen=True)
class Filter:
    """One choice above the table. Without options it is a field to type in, of this `type`. `means` turns what the
    address says into what the rows are asked for (a list: one of these); `default` holds where the address says
    nothing."""

    key: str
    title: str
    options: Sequence[tuple[str, str]] = ()
    means: Callable[[str], Any] = str
    default: str = ""
    column: str | None = None
    type: str = "text"


@dataclass(frozen=True)
class Asked:
    """What an address asks of a table; filters that ask for nothing are left out."""

    sort: str
    descending: bool
    page: int
    search: str
    filters: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A declaration. `sort` is the order without a wish: a column's key, with `-` in front for descending."""

    name: str
    columns: Sequence[Column]
    sort: str
    filters: Sequence[Filter] = ()
    search: str | None = None
    """What the search looks for, in words; None: it cannot be searched."""
    empty: tuple[str, str] = ("There is nothing here", "")
    also: frozenset[str] = frozenset()
    """Other names that the page's address may carry; the table keeps them as they are."""
    per_page: int = PER_PAGE
    at_once: int = AT_ONCE
    """Rows of a download that are read in one go."""

    def asked(self, args: MultiDict[str, str]) -> Asked:
        """Raises: 400, where the address asks for what there is not."""
        known = {"sort", "page", "q", "format", *(each.key for each in self.filters), *self.also}
        for name in args:
            if name not in known or len(args.getlist(name)) > 1 or len(args[name]) > _LONGEST:
                _refuse(name[:_LONGEST])
        sort = args.get("sort") or self.sort
        if sort.removeprefix("-") not in {each.key for each in self.columns if each.sortable} | {
            self.sort.removeprefix("-")
        }:
            _refuse("sort")
        search = args.get("q", "").strip()
        if search and self.search is None:
            _refuse("q")
        return Asked(sort.removeprefix("-"), sort.startswith("-"), _page(args.get("page")), search, self._filters(args))

    def _filters(self, args: MultiDict[str, str]) -> dict[str, str]:
        found = {}
        for each in self.filters:
            value = args.get(each.key, each.default).strip()
            if value and each.options and value not in {option for option, _ in each.options}:
                _refuse(each.key)
            if value:
                found[each.key] = value
        return found

    def meant(self, asked: Asked) -> dict[str, Any]:
        """The filters as the rows are asked for them."""
        meant = {}
        for each in self.filters:
            if each.key in asked.filters:
                try:
                    meant[each.column or each.key] = each.means(asked.filters[each.key])
                except ValueError:
                    _refuse(each.key)
        return meant

    def answer(self, rows: Rows, template: str, *, fixed: Row | None = None, **values: Any) -> Response:
        """The page with the table as `listed`, the region alone for htmx, or the file. `fixed` filters always hold."""
        asked = self.asked(request.args)
        ask = partial(
            rows,
            filters=self.meant(asked) | dict(fixed or {}),
            search=asked.search or None,
            sort=asked.sort,
            descending=asked.descending,
        )
        if request.args.get("format") == "csv":
            return download(f"{self.name}.csv", tuple(each.key for each in self.columns), self._lines(ask))
        listed = self._listed(ask, asked)
        if asks_for_a_part() and request.headers.get("HX-Target") == listed.region:
            template = "console/_table.html"
        answer = make_response(render_template(template, listed=listed, **values))
        answer.vary.add("HX-Request")
        return answer

    def _listed(self, ask: Callable[..., Listed], asked: Asked) -> Shown:
        """A page past the end is the last one."""
        found = ask(offset=(asked.page - 1) * self.per_page, limit=self.per_page)
        if not found.rows and found.total:
            asked = replace(asked, page=-(-found.total // self.per_page))
            found = ask(offset=(asked.page - 1) * self.per_page, limit=self.per_page)
        also = {name: request.args[name] for name in sorted(self.also) if name in request.args}
        return Shown(self, asked, found.rows, found.total, request.path, also)

    def _lines(self, ask: Callable[..., Listed]) -> Iterator[Row]:
        offset, rows = 0, ask(offset=0, limit=self.at_once).rows
        while rows:
            for row in rows:
                yield {each.key: _plain(each, row.get(each.key)) for each in self.columns}
            offset += len(rows)
            rows = ask(offset=offset, limit=self.at_once).rows if len(rows) == self.at_once else ()


@dataclass(frozen=True)
class Shown:
    """One page of a table, as the template draws it."""

    table: Table
    asked: Asked
    rows: Sequence[Row]
    total: int
    path: str
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def region(self) -> str:
        """The id of what htmx exchanges."""
        return f"table-{self.table.name}"

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.table.per_page))

    @property
    def first(self) -> int:
        return (self.asked.page - 1) * self.table.per_page + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def narrowed(self) -> bool:
        """Whether a search or a filter leaves rows out."""
        return bool(self.asked.search or self.asked.filters)

    @property
    def sorting(self) -> str:
        """The order as the address spells it."""
        return f"{'-' if self.asked.descending else ''}{self.asked.sort}"

    @property
    def columns(self) -> list[Column]:
        """Those that the page shows."""
        return [each for each in self.table.columns if not each.only_exported]

    def address(self, **changes: Any) -> str:
        """This table with something else: `page=2`, `sort="-at"`, `format="csv"`."""
        told: dict[str, Any] = {
            **self.also,
            "sort": self.sorting if self.sorting != self.table.sort else None,
            "q": self.asked.search or None,
            **{each.key: self._told(each) for each in self.table.filters},
            "page": self.asked.page if self.asked.page > 1 else None,
        } | changes
        query = urlencode({name: value for name, value in told.items() if value is not None})
        return f"{self.path}?{query}" if query else self.path

    def sorted_by(self, column: Column) -> str:
        """The address that sorts by this column, the other way round where it does already."""
        down = self.asked.sort == column.key and not self.asked.descending
        return self.address(sort=f"{'-' if down else ''}{column.key}", page=None)

    def direction(self, column: Column) -> str | None:
        """For `aria-sort`."""
        if self.asked.sort != column.key:
            return None
        return "descending" if self.asked.descending else "ascending"

    def _told(self, each: Filter) -> str | None:
        value = self.asked.filters.get(each.key, "")
        return None if value == each.default else value


def in_memory(rows: Sequence[Row], searched: Sequence[str] = ()) -> Rows:
    """Rows that are at hand already (a plan's, a tie-out's), asked like those of the store."""

    def page(
        *,
        filters: Mapping[str, Any],
        search: str | None,
        sort: str,
        descending: bool,
        offset: int,
        limit: int,
    ) -> Listed:
        found = [row for row in rows if _fits(row, filters) and _holds(row, search, searched)]
        found.sort(key=lambda row: _order(row.get(sort)), reverse=descending)
        return Listed(found[offset : offset + limit], len(found))

    return page


def _fits(row: Row, filters: Mapping[str, Any]) -> bool:
    return all(row.get(k) in v if isinstance(v, list | tuple | set) else row.get(k) == v for k, v in filters.items())


def _holds(row: Row, search: str | None, searched: Sequence[str]) -> bool:
    return not search or any(search.casefold() in str(row.get(name) or "").casefold() for name in searched)


def _order(value: Any) -> tuple[int, Any]:
    """Nothing comes first; numbers, amounts as text among them, before words."""
    if value is None:
        return (0, 0)
    if isinstance(value, str):
        try:
            return (1, Decimal(value))
        except ArithmeticError:
            return (2, value.casefold())
    return (1, value) if isinstance(value, int | Decimal) else (2, str(value))


def _plain(column: Column, value: Any) -> Any:
    """As a spreadsheet or a program reads it."""
    if value is None:
        return None
    if column.kind == "money":
        return money(value).replace(",", "")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value


def _page(given: str | None) -> int:
    if not given:
        return 1
    if not (given.isascii() and given.isdigit()) or not 1 <= int(given) <= _LAST_PAGE:
        _refuse("page")
    return int(given)


def _refuse(name: str) -> NoReturn:
    abort(HTTPStatus.BAD_REQUEST, f"This address asks the table for something that it does not know: {name}.")
