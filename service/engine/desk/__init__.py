"""What people and the ERP ask for: connections, runs, links, problems, proofs. Answers in the contract's shapes."""

from __future__ import annotations

from service.engine.desk.access import Access
from service.engine.desk.books import Books
from service.engine.desk.connections import Connections
from service.engine.desk.records import Records
from service.engine.desk.runs import Runs
from service.engine.desk.two_way import Rehearsals


class Desk(Connections, Rehearsals, Runs, Records, Books, Access):
    """Everything that a request may ask of the engine. Raises `Rejected` with a stable code and a sentence."""
