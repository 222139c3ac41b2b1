"""The pages, each a module that puts its views on the blueprint."""

from service.console.pages import (
    connections,
    files,
    links,
    overpayments,
    plans,
    restore,
    resync,
    signing_in,
    two_way,
    work,
)

__all__ = [
    "connections",
    "files",
    "links",
    "overpayments",
    "plans",
    "restore",
    "resync",
    "signing_in",
    "two_way",
    "work",
]
