"""The pages: each module adds its routes when it is imported."""

from service.console.pages import (
    connection,
    connections,
    files,
    links,
    overpayments,
    plans,
    problems,
    restore,
    resync,
    search,
    settings,
    signing_in,
    two_way,
    users,
    work,
)

__all__ = [
    "connection",
    "connections",
    "files",
    "links",
    "overpayments",
    "plans",
    "problems",
    "restore",
    "resync",
    "search",
    "settings",
    "signing_in",
    "two_way",
    "users",
    "work",
]
