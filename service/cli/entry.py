"""The command group, and the one place where errors become an exit status: 1 failed, 2 wrong usage."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.exc import OperationalError

from service.cli.audit import audit
from service.cli.books import connections, links
from service.cli.completion import completion
from service.cli.doctor import doctor
from service.cli.keys import keys
from service.cli.notices import notices
from service.cli.opening import NotReady
from service.cli.outside import Outside
from service.cli.processes import demo, migrate, serve, worker
from service.cli.proofs import proof_pack, tie_out
from service.cli.ready import ready
from service.cli.runs import reconcile, resync
from service.cli.tokens import tokens
from service.cli.users import users
from service.dispatch.ownership import OwnedByAnother
from service.errors import Rejected, SyncError
from service.settings import BadSettings

ELSEWHERE = {
    "unknown_account": "qbo-sync connections lists the accounts",
    "unknown_token": "qbo-sync tokens list lists them",
    "not_connected": "qbo-sync connections shows its state",
}
"""What a refusal leaves open: the command that shows what there is."""


class Commands(click.Group):
    """Whatever a command expects to meet becomes one line on standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Rejected as rejected:
            more = ELSEWHERE.get(rejected.code)
            raise click.ClickException(f"{rejected} ({more})" if more else str(rejected)) from None
        except (BadSettings, NotReady, OwnedByAnother, SyncError) as error:
            raise click.ClickException(str(error)) from None
        except OperationalError:
            raise click.ClickException("the database cannot be used; qbo-sync doctor says more") from None


@click.group(cls=Commands)
@click.version_option(package_name="qbo-sync")
@click.pass_context
def main(context: click.Context) -> None:
    """Keeps an ERP's books and QuickBooks Online in step."""
    context.obj = context.obj or Outside()


for command in (
    serve,
    worker,
    migrate,
    demo,
    connections,
    reconcile,
    resync,
    tie_out,
    proof_pack,
    audit,
    links,
    notices,
    tokens,
    users,
    keys,
    doctor,
    ready,
    completion,
):
    main.add_command(command)
