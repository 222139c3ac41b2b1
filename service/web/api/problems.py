"""Problems: records that could not be synced, and a person's ways out of them."""

from __future__ import annotations

from http import HTTPStatus

from service.web import shapes
from service.web.bodies import DismissAsked, ResolveAsked
from service.web.context import Answer, actor, desk
from service.web.description import api_blueprint
from service.web.queries import AccountPath, ProblemFilter, ProblemPath

api = api_blueprint("problems", "/api/v1", "Records that could not be synced.")


@api.get("/connections/<account_id>/problems", responses={200: shapes.SyncProblems})
def list_problems(path: AccountPath, query: ProblemFilter) -> Answer:
    """List a connection's problems: open ones and conflicts, unless asked otherwise"""
    return desk().problems(
        path.account_id, statuses=query.status, code=query.code, cursor=query.cursor, limit=query.limit
    )


@api.post("/problems/<problem_id>/retry", responses={202: shapes.Run})
def retry_problem(path: ProblemPath) -> Answer:
    """Try a record again"""
    return desk().retry(path.problem_id, actor=actor()), HTTPStatus.ACCEPTED


@api.post("/problems/<problem_id>/dismiss", responses={200: shapes.SyncProblem})
def dismiss_problem(path: ProblemPath, body: DismissAsked) -> Answer:
    """Put a problem aside, saying why"""
    return desk().dismiss(path.problem_id, reason=body.reason, actor=actor())


@api.post("/problems/<problem_id>/resolve", responses={202: shapes.Run})
def resolve_problem(path: ProblemPath, body: ResolveAsked) -> Answer:
    """Take one of a conflict's ways out"""
    return desk().resolve(path.problem_id, choice=body.choice, actor=actor()), HTTPStatus.ACCEPTED
