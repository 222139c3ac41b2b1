"""Setting one connection to work: two-way sync, reconciliation, mass re-sync, a refresh before a payment."""

from __future__ import annotations

from http import HTTPStatus

from service.web import shapes
from service.web.bodies import PlanChosen, PreviewAsked, ReconcileAsked, RefreshAsked, ResyncAsked
from service.web.context import Answer, actor, desk
from service.web.description import api_blueprint
from service.web.engine_protocol import Json
from service.web.queries import AccountPath

api = api_blueprint("syncing", "/api/v1/connections/<account_id>", "Bringing both books into step.")


@api.post("/two-way/preview", responses={200: shapes.Plan})
def preview_two_way(path: AccountPath, body: PreviewAsked) -> Answer:
    """Show what enabling two-way sync would do; changes nothing"""
    return desk().preview_two_way(path.account_id, used_credits=body.used_credits, actor=actor())


@api.post("/two-way/enable", responses={202: shapes.Run})
def enable_two_way(path: AccountPath, body: PlanChosen) -> Answer:
    """Carry out a preview; refused where the books moved on since"""
    return desk().enable_two_way(path.account_id, plan_id=body.plan_id, actor=actor()), HTTPStatus.ACCEPTED


@api.post("/two-way/disable", responses={200: shapes.Connection})
def disable_two_way(path: AccountPath) -> Answer:
    """Go back to one-way sync"""
    return desk().disable_two_way(path.account_id, actor=actor())


@api.post("/reconcile", responses={200: shapes.Plan, 202: shapes.Run})
def reconcile(path: AccountPath, body: ReconcileAsked) -> Answer:
    """Read both books, compare, bring into step; tries again what was refused before"""
    answer = desk().reconcile(path.account_id, company_id=body.company_id, dry_run=body.dry_run, actor=actor())
    return _plan_or_run(answer, dry_run=body.dry_run)


@api.post("/resync", responses={200: shapes.Plan, 202: shapes.Run})
def resync(path: AccountPath, body: ResyncAsked) -> Answer:
    """Push what has no link yet, adopting what QuickBooks already has"""
    answer = desk().resync(
        path.account_id,
        kinds=body.kinds,
        company_ids=body.company_ids,
        updated_after=body.updated_after,
        customers=body.customers,
        dry_run=body.dry_run,
        actor=actor(),
    )
    return _plan_or_run(answer, dry_run=body.dry_run)


@api.post("/refresh", responses={200: shapes.Freshness})
def refresh(path: AccountPath, body: RefreshAsked) -> Answer:
    """Pull a company's latest payments and credits from QuickBooks before a payment is taken"""
    return desk().refresh(path.account_id, company_id=body.company_id, invoice_id=body.invoice_id, actor=actor())


def _plan_or_run(answer: Json, *, dry_run: bool) -> Answer:
    return answer, HTTPStatus.OK if dry_run else HTTPStatus.ACCEPTED
