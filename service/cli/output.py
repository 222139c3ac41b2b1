"""What the commands print: tables for people, JSON for programs, bars on a terminal alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_WIDE = 240
_AMOUNTS = ("amount", "difference", "erp_ar", "quickbooks_ar", "erp_credit", "quickbooks_credit")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


def print_json(value: object) -> None:
    """Exactly one JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Columns of a contract record; nothing is cut where the output is not a terminal."""
    table = Table()
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right" if column in _AMOUNTS else "left")
    for row in rows:
        table.add_row(*(Text("" if row.get(column) is None else str(row[column])) for column in columns))
    console = Console()
    (console if console.is_terminal else Console(width=_WIDE)).print(table)


def shown(line: Text) -> None:
    """One line, in colour on a terminal; never broken."""
    Console(highlight=False).print(line, soft_wrap=True)


def busy(doing: str) -> AbstractContextManager[object]:
    """A sign on standard error that something is going on, where somebody looks."""
    console = Console(stderr=True)
    return console.status(doing) if console.is_terminal else nullcontext()


def every_page(page: Callable[[str | None], Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """All records of a list, page after page."""
    answer = page(None)
    records = list(answer["data"])
    while answer["next_cursor"] is not None:
        answer = page(answer["next_cursor"])
        records += answer["data"]
    return records


def progress_bar() -> Progress:
    """On standard error, and only where somebody looks: rich would draw one into a pipe as well."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
