"""Where one can go from here. A page that is not there (yet) is left out, and so is one that the role may not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, url_for

from service.console.context import office
from service.console.rights import least_role, may


@dataclass(frozen=True)
class Entry:
    """One page by the name of its view in the blueprint."""

    view: str
    title: str


OF_A_CONNECTION = (
    Entry("connection", "Overview"),
    Entry("problems", "Problems"),
    Entry("tie_out", "Tie-out"),
    Entry("links", "Links"),
    Entry("runs", "Runs"),
    Entry("audit", "Audit"),
    Entry("two_way", "Two-way sync"),
    Entry("resync", "Re-sync"),
    Entry("overpayments", "Legacy overpayments"),
    Entry("restore", "Undo a disconnect"),
    Entry("connection_settings", "Settings"),
)
OVERALL = (Entry("connections", "Connections"), Entry("all_problems", "Problems"), Entry("users", "Users"))


def reachable(view: str) -> bool:
    """Whether the page exists and whoever is signed in may see it."""
    endpoint = f"console.{view}"
    person = g.get("person")
    rule = next(current_app.url_map.iter_rules(endpoint), None) if endpoint in current_app.view_functions else None
    return rule is not None and person is not None and may(person.role, least_role("GET", rule.rule))


def entries(of: tuple[Entry, ...], **values: Any) -> list[tuple[str, str, str]]:
    """(view, title, address) of those that can be reached."""
    return [(each.view, each.title, url_for(f"console.{each.view}", **values)) for each in of if reachable(each.view)]


def navigate(app: Flask) -> None:
    """What every template of the console may ask."""

    @app.context_processor
    def known() -> dict[str, Any]:
        person = g.get("person")
        return {
            "person": person,
            "may": lambda least: person is not None and may(person.role, least),
            "reachable": reachable,
            "tabs": lambda account_id: entries(OF_A_CONNECTION, account_id=account_id),
            "overall": lambda: entries(OVERALL),
            "now": lambda: office().clock(),
            **dict.fromkeys(("connection", "tab", "crumbs", "title")),
        }
