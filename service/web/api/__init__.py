"""The REST API: each route reads the request, calls one thing, answers."""

from service.web.api import books, connections, overpayments, problems, runs, syncing

BLUEPRINTS = (connections.api, syncing.api, runs.api, problems.api, books.api, overpayments.api)

__all__ = ["BLUEPRINTS"]
