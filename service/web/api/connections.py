"""Connections: made, read, changed, ended, brought back."""

from __future__ import annotations

from http import HTTPStatus

from service.web import shapes
from service.web.bodies import ConnectionChange, DisconnectAsked, NewConnection, RestoreAsked
from service.web.context import Answer, actor, desk
from service.web.description import api_blueprint
from service.web.queries import AccountPath, Paging

api = api_blueprint("connections", "/api/v1/connections", "An account tied to one QuickBooks company.")


@api.post("", responses={200: shapes.Connection, 201: shapes.Connection})
def create_connection(body: NewConnection) -> Answer:
    """Create a connection, or update its name and key

    The answer carries a fresh single-use `connect_url`, valid for ten minutes, to be opened in a browser.
    """
    key = body.erp_api_key.get_secret_value()
    connection, created = desk().create_connection(body.account_id, body.name, key, actor=actor())
    return connection, HTTPStatus.CREATED if created else HTTPStatus.OK


@api.get("", responses={200: shapes.Connections})
def list_connections(query: Paging) -> Answer:
    """List connections"""
    return desk().connections(cursor=query.cursor, limit=query.limit)


@api.get("/<account_id>", responses={200: shapes.Connection})
def read_connection(path: AccountPath) -> Answer:
    """Read a connection"""
    return desk().connection(path.account_id)


@api.patch("/<account_id>", responses={200: shapes.Connection})
def change_connection(path: AccountPath, body: ConnectionChange) -> Answer:
    """Change a connection's name or settings

    Settings are checked against QuickBooks' own lists; 422 names the field.
    """
    settings = body.settings.named() if body.settings is not None else None
    return desk().patch(path.account_id, name=body.name, settings=settings, actor=actor())


@api.post("/<account_id>/disconnect", responses={202: shapes.Run})
def disconnect(path: AccountPath, body: DisconnectAsked) -> Answer:
    """Disconnect QuickBooks

    soft: the grant is revoked, links are kept. hard: every QuickBooks id is cleared here and in the ERP, and archived.
    """
    run = desk().disconnect(path.account_id, mode=body.mode, confirm=body.confirm, actor=actor())
    return run, HTTPStatus.ACCEPTED


@api.post("/<account_id>/restore", responses={202: shapes.Run})
def restore(path: AccountPath, body: RestoreAsked) -> Answer:
    """Undo a hard disconnect, where the same QuickBooks company is connected again"""
    return desk().restore(path.account_id, epoch=body.epoch, actor=actor()), HTTPStatus.ACCEPTED
