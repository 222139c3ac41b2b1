"""Everything that is reached over HTTP: webhooks, API, consent, health. It calls the engine, it decides nothing."""

from service.web.app import create_app

__all__ = ["create_app"]
