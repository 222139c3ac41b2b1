"""The proof pack: a printable page, or a file with that page and its figures."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Response, abort, request, url_for

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.proof_pack import as_page, as_zip, file_name
from service.console.showing import day, midnight, zone_name, zone_of


@console.get("/connections/<account_id>/proof-pack")
def proof_pack(account_id: str) -> Response:
    """`since` and `until` are days of the connection's zone, both included; `format=zip` answers the file."""
    zone = zone_of(zone_name(office().browsing.connection(account_id)))
    since, until = _day("since", zone), _day("until", zone)
    pack = office().proofs.pack(
        account_id, since=since, until=until + timedelta(days=1) if until else None, actor=actor()
    )
    if request.args.get("format") == "zip":
        named = {"Content-Disposition": f'attachment; filename="{file_name(pack)}"'}
        return Response(as_zip(pack), mimetype="application/zip", headers=named)
    return Response(as_page(pack, stylesheet=url_for("console.static", filename="proof.css")), mimetype="text/html")


def _day(name: str, zone: ZoneInfo) -> datetime | None:
    given = request.args.get(name)
    try:
        return midnight(day(given), zone) if given else None
    except ValueError:
        abort(400, f"The day '{name}' is written like 2026-03-31.")
