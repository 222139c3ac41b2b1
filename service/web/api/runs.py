"""Runs: what the service is doing, did, or waits to be allowed to do."""

from __future__ import annotations

from http import HTTPStatus

from service.web import shapes
from service.web.context import Answer, actor, desk
from service.web.description import api_blueprint
from service.web.queries import AccountPath, Paging, RunPath

api = api_blueprint("runs", "/api/v1", "One job on a connection.")


@api.get("/connections/<account_id>/runs", responses={200: shapes.Runs})
def list_runs(path: AccountPath, query: Paging) -> Answer:
    """List a connection's runs, newest first"""
    return desk().runs(path.account_id, cursor=query.cursor, limit=query.limit)


@api.get("/runs/<run_id>", responses={200: shapes.Run})
def read_run(path: RunPath) -> Answer:
    """Read a run"""
    return desk().run(path.run_id)


@api.post("/runs/<run_id>/cancel", responses={202: shapes.Run})
def cancel_run(path: RunPath) -> Answer:
    """Stop a run at the next step boundary"""
    return desk().cancel(path.run_id, actor=actor()), HTTPStatus.ACCEPTED


@api.post("/runs/<run_id>/approve", responses={202: shapes.Run})
def approve_run(path: RunPath) -> Answer:
    """Release a held run; by another person than the one who started it"""
    return desk().approve(path.run_id, actor=actor()), HTTPStatus.ACCEPTED
