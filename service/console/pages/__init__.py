"""The pages, each a module that puts its views on the blueprint."""

from service.console.pages import connections, files, links, problems, search, signing_in

__all__ = ["connections", "files", "links", "problems", "search", "signing_in"]
