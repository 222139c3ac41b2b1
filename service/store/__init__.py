"""The service's own database."""

from service.store.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
