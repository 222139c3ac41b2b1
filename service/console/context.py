"""What a page needs of the application that it runs in: the engine's facades, and who is signed in."""

from __future__ import annotations

from typing import Protocol

from flask import Flask, current_app, g

from service.engine.browsing import Browsing
from service.engine.checkup import Checkup
from service.engine.choosing import Choosing
from service.engine.connecting import Connecting
from service.engine.long_work import LongWork
from service.engine.overview import Overview
from service.engine.people import People, Person
from service.engine.proofs import Proofs
from service.ports import Clock
from service.web.engine_protocol import Service

_KEY = "qbo-sync console"


class Office(Service, Protocol):
    """The whole, as the console and the command line see it. A new facade is one more property here."""

    @property
    def clock(self) -> Clock: ...
    @property
    def people(self) -> People: ...
    @property
    def browsing(self) -> Browsing: ...
    @property
    def long_work(self) -> LongWork: ...
    @property
    def overview(self) -> Overview: ...
    @property
    def choosing(self) -> Choosing: ...
    @property
    def connecting(self) -> Connecting: ...
    @property
    def checkup(self) -> Checkup: ...
    @property
    def proofs(self) -> Proofs: ...


def attach(app: Flask, office: Office) -> None:
    """Make the engine known to the pages of this app."""
    app.extensions[_KEY] = office


def office() -> Office:
    """The engine of the app that answers this request."""
    found: Office = current_app.extensions[_KEY]
    return found


def person() -> Person:
    """Who is signed in; only behind a page that needs a role."""
    known: Person = g.person
    return known


def actor() -> str:
    """How the audit names whoever is signed in: told apart from an API token of the same name."""
    return f"user:{person().name}"
