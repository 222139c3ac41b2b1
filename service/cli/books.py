"""Commands that look: connections and links."""

from __future__ import annotations

import click

from service.cli.opening import open_service, outside
from service.cli.output import as_json, every_page, print_json, print_table
from service.cli.outside import Outside

PAGE = 500

_CONNECTIONS = ("account_id", "name", "state", "quickbooks_company", "epoch", "two_way", "links", "problems")
_LINKS = ("kind", "erp_id", "erp_number", "quickbooks_type", "quickbooks_id", "quickbooks_number", "status", "epoch")


@click.command()
@as_json
@outside
def connections(world: Outside, as_json: bool) -> None:
    """List the connections."""
    desk = open_service(world).desk
    found = every_page(lambda cursor: desk.connections(cursor=cursor, limit=PAGE))
    if as_json:
        print_json({"data": found})
    else:
        print_table(_CONNECTIONS, found)


@click.command()
@click.argument("account")
@click.option("--erp-id", help="Only the link of this ERP record.")
@click.option("--quickbooks-id", help="Only the links of this QuickBooks document.")
@as_json
@outside
def links(world: Outside, account: str, erp_id: str | None, quickbooks_id: str | None, as_json: bool) -> None:
    """Show which ERP record stands beside which QuickBooks document."""
    if erp_id and quickbooks_id:
        raise click.UsageError("Give --erp-id or --quickbooks-id, not both.")
    desk = open_service(world).desk
    found = every_page(
        lambda cursor: desk.links(
            account,
            kind=None,
            erp_id=erp_id,
            quickbooks_id=quickbooks_id,
            status=None,
            epoch=None,
            cursor=cursor,
            limit=PAGE,
        )
    )
    if as_json:
        print_json({"data": found})
    else:
        print_table(_LINKS, found)
