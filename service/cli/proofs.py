"""Proof for an accountant: the tie-out of now or of an earlier sync, and the pack."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from service.cli.opening import ACTOR, open_service, outside
from service.cli.output import as_json, print_json, print_table
from service.cli.outside import Outside
from service.console.proof_pack import as_page, as_zip
from service.console.showing import money, zone_name, zone_of
from service.engine.proofs import Pack
from service.web.csv_files import TIE_OUT_COLUMNS, lines, tie_out_rows

_FILE = click.Path(path_type=Path, dir_okay=False)
_TIE_OUT = ("name", "erp_ar", "quickbooks_ar", "difference", "erp_credit", "quickbooks_credit")


class DayOrInstant(click.ParamType[str]):
    """A day, or an instant with its zone; handed on as text."""

    name = "day or instant"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("write a day (2026-03-31) or an instant with its zone (2026-03-31T18:00:00Z)", param, ctx)
        if "T" not in value:
            return moment.date().isoformat()
        if moment.tzinfo is None:
            self.fail("an instant needs its zone: 2026-03-31T18:00:00Z", param, ctx)
        return moment.isoformat()


@click.command("tie-out")
@click.argument("account")
@click.option(
    "--as-of", type=DayOrInstant(), help="By what is dated up to a day; or as the last sync before an instant left it."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet.")
@as_json
@outside
def tie_out(world: Outside, account: str, as_of: str | None, as_csv: bool, as_json: bool) -> None:
    """Compare both books, company by company."""
    if as_csv and as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    answer = open_service(world).desk.tie_out(account, as_of=as_of)
    if as_json:
        print_json(answer)
    elif as_csv:
        for line in lines(TIE_OUT_COLUMNS, tie_out_rows(answer)):
            click.echo(line, nl=False)
    else:
        print_table(_TIE_OUT, answer["companies"])
        click.echo(
            f"ERP {answer['erp_total']}  QuickBooks {answer['quickbooks_total']}  difference {answer['difference']}"
            f"  as of {answer['as_of']}"
        )


@click.command("proof-pack")
@click.argument("account")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="FILE.zip or FILE.html"
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day of the period (default: of the month).")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the period (default: today).")
@as_json
@outside
def proof_pack(
    world: Outside, account: str, output: Path, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Write the proof of a period: a page to print and, as .zip, the figures as CSV."""
    if output.suffix not in (".zip", ".html"):
        raise click.BadParameter("the file is a .zip or an .html", param_hint="--output")
    service = open_service(world)
    zone = zone_of(zone_name(service.browsing.connection(account)))
    pack = service.proofs.pack(account, since=_begin(since, zone), until=_end(until, zone), actor=ACTOR)
    try:
        output.write_bytes(as_zip(pack) if output.suffix == ".zip" else as_page(pack).encode())
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None
    if as_json:
        print_json(_said(pack, output))
    else:
        said = _said(pack, output)
        click.echo(f"wrote {output}: tie-out of {said['as_of']}, difference {said['difference']}")


def _said(pack: Pack, output: Path) -> dict[str, object]:
    totals = pack.tie_out.totals
    return {
        "file": str(output),
        "as_of": totals.at.isoformat().replace("+00:00", "Z"),
        "difference": money(totals.difference).replace(",", ""),
        "audit": {"rows": pack.chain.rows, "hash": pack.chain.hash, "fits": pack.check.fault is None},
    }


def _begin(day: datetime | None, zone: ZoneInfo) -> datetime | None:
    return day.replace(tzinfo=zone) if day else None


def _end(day: datetime | None, zone: ZoneInfo) -> datetime | None:
    """The end of the day, for the last day is part of the period."""
    return (day + timedelta(days=1)).replace(tzinfo=zone) if day else None
