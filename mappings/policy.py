"""Who may write where, as data."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.documents import Key, Kind


@dataclass(frozen=True)
class Flow:
    """`out`: the ERP's changes go to QuickBooks. `into`: QuickBooks' changes go to the ERP."""

    out: bool
    into: bool


_OUT, _BOTH = Flow(out=True, into=False), Flow(out=True, into=True)

_ONE_WAY = {Kind.INVOICE: _OUT, Kind.PAYMENT: _OUT, Kind.CREDIT_MEMO: _OUT, Kind.REFUND: _OUT}
_TWO_WAY = {Kind.INVOICE: _OUT, Kind.PAYMENT: _BOTH, Kind.CREDIT_MEMO: _BOTH, Kind.REFUND: _OUT}

_ERP_ONLY = ("negative:", "settlement:")
"""Credit memos that are negative invoices and Payments that only tie a refund: the ERP's alone in both modes."""


def flow(kind: Kind, key: Key, *, two_way: bool) -> Flow:
    """The policy for one document. Which credits go out one-way at all is the projection's to say."""
    if key.startswith(_ERP_ONLY):
        return _OUT
    return (_TWO_WAY if two_way else _ONE_WAY)[kind]
