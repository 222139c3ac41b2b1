"""Dispatchers: they see to it that a due connection is worked on soon. The truth stays in the store."""

from service.dispatch.embedded import EmbeddedDispatcher
from service.dispatch.external import ExternalDispatcher

__all__ = ["EmbeddedDispatcher", "ExternalDispatcher"]
