"""The pages, each a module that puts its views on the blueprint."""

from service.console.pages import connection, connections, files, links, settings, signing_in, users

__all__ = ["connection", "connections", "files", "links", "settings", "signing_in", "users"]
