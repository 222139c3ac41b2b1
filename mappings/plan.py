"""A plan: plain data that a test compares, the console shows and the journal keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from mappings.documents import Key, Side
from mappings.findings import Finding
from mappings.quickbooks import Entity


class Action(StrEnum):
    """What a step does. The first four write to QuickBooks, the next two to the ERP, the last only to our own map."""

    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    DELETE = "delete"
    DECLARE = "declare"
    VOID_IN_ERP = "void_in_erp"
    REMEMBER = "remember"


TO_QUICKBOOKS = frozenset({Action.CREATE, Action.UPDATE, Action.VOID, Action.DELETE})
TO_ERP = frozenset({Action.DECLARE, Action.VOID_IN_ERP})


class Phase(IntEnum):
    """The order inside a plan: at no instant is an invoice overpaid or a credit over-applied."""

    REMEMBER = 0
    UNLINK = 1
    SHRINK = 2
    GROW = 3
    LINK = 4


@dataclass(frozen=True)
class Step:
    """One change of one document.

    `document` is what the written side holds afterwards, `before` what it holds now. `needs` are documents that must
    stand in QuickBooks first. `erp` is the ERP's side at planning: what will be remembered as agreed. `partial`: only
    the
    first half, what a Payment gives up. `then_declare`: a merged document, which the ERP has to be told as well.
    """

    action: Action
    key: Key
    phase: Phase
    document: Side
    before: Side
    erp: Side
    reason: str
    needs: tuple[Key, ...] = ()
    partial: bool = False
    then_declare: bool = False


@dataclass(frozen=True)
class Conflict:
    """A document that both sides claim and neither rule can settle: frozen until a person chooses."""

    key: Key
    code: str
    cause: str
    what_to_do: str
    erp: Side
    quickbooks: Side
    agreed: Side
    choices: tuple[str, ...]


@dataclass(frozen=True)
class CompanyPlan:
    """What has to happen for one company. `adopted`: documents that QuickBooks turned out to hold already."""

    company: str
    steps: tuple[Step, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    waits: dict[Key, Finding] = field(default_factory=dict)
    adopted: dict[Key, Entity] = field(default_factory=dict)
    outstanding: frozenset[Key] = frozenset()
