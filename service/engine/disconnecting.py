"""Soft and hard disconnect, and the undoing of a mistaken one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from service.engine.links import clear_links, push_links
from service.engine.problems import ADVICE, GRANT, of_connection, report
from service.engine.reading import ERP_KINDS
from service.engine.repeating import leave_unanswered, repeat_unanswered
from service.engine.sync import Look, sync
from service.engine.working import NEVER, Working
from service.errors import Reason, Refused, Rejected, SyncError, Unreachable
from service.ports import Audit, Connection, ConnectionState

REVOKE_TRIES = 6
"""Over five minutes or more; then a disconnect goes on without Intuit, and a person ends the grant in QuickBooks."""
LIVES_ON = "grant_lives_on"
LINK_KINDS = ("COMPANY", "INVOICE", "PAYMENT", "CREDIT", "RETURN", "REFUND")
EPOCH_SOURCES = (
    "quickbooks",
    "census",
    *(f"{prefix}:{kind}" for prefix in ("erp", "read") for kind in ERP_KINDS),
)


def refuse_idle(connection: Connection, mode: str) -> None:
    """Nothing is left to disconnect: say so instead of a run that does nothing. What is softly disconnected may still
    be disconnected hard."""
    gone = ("new", "hard_disconnected") if mode == "hard" else ("new", "hard_disconnected", "soft_disconnected")
    if connection.state.value in gone:
        raise Rejected(Reason.CONFLICT, "not_connected", f"This connection is {connection.state.value} already.")


def soft(w: Working) -> None:
    """The tokens die, the links stay: the same company may be connected again."""
    w.progress(phase="Revoking the grant")
    _revoke(w)
    with w.writing() as tx:
        tx.connections.update(w.id, state=ConnectionState.SOFT_DISCONNECTED, sweep_at=NEVER)
        tx.audits.add(w.id, [_entry(w, "soft_disconnect", "Tokens forgotten; every link is kept.")])


def hard(w: Working) -> None:
    """Every QuickBooks ID of the connection is cleared in the ERP and archived here under its epoch; two-way goes off.

    Resumable: clearing a link twice changes nothing, and the epoch ends once, when all are cleared.
    """
    if w.connection.state is ConnectionState.HARD_DISCONNECTED:
        return  # it was interrupted after its last step
    _learn_what_stands(w)
    w.progress(phase="Clearing QuickBooks IDs in the ERP")
    _clear_links(w)
    w.heed()
    w.progress(phase="Revoking the grant and archiving the links")
    _revoke(w)
    connection = w.connection
    kept = {
        "realm_id": connection.realm_id,
        "name": connection.quickbooks_company,
        "settings": dict(connection.settings),
        "two_way": connection.two_way,
        "ended_at": w.now().isoformat(),
    }
    epochs = {**(connection.lists.get("epochs") or {}), str(connection.epoch): kept}
    with w.writing() as tx:
        tx.records.clear(w.id)
        tx.marks.clear(w.id)
        tx.problems.settle_all(w.id, except_codes=(LIVES_ON,), at=w.now())
        tx.connections.update(
            w.id,
            state=ConnectionState.HARD_DISCONNECTED,
            realm_id=None,
            quickbooks_company=None,
            epoch=connection.epoch + 1,
            two_way=False,
            settings=_portable(connection.settings),
            connected_at=None,
            sweep_at=NEVER,
            lists={"epochs": epochs, "preferences": None, "preferences_at": None, "timezone": None},
            watermarks=dict.fromkeys(EPOCH_SOURCES),
        )
        leave_unanswered(tx, w)
        why = f"Every QuickBooks ID cleared; epoch {connection.epoch} archived."
        tx.audits.add(w.id, [_entry(w, "hard_disconnect", why)])


def _learn_what_stands(w: Working) -> None:
    """Nobody asks for the answers of an epoch that ended. But who cannot reach QuickBooks may leave it all the same."""
    if w.connection.state is ConnectionState.CONNECTED:
        with suppress(SyncError):
            repeat_unanswered(w)


def give_up(w: Working) -> None:
    """A hard disconnect that a person stopped before its end: the ERP is shown the QuickBooks IDs again."""
    with w.writing() as tx:
        tx.id_map.unpush(w.id, w.epoch)
    push_links(w)


def restore(w: Working) -> None:
    """Undo a hard disconnect: the links and settings of an archived epoch come back; two-way stays off.

    Resumable: an epoch that is back is not brought back again.
    """
    assert w.run is not None
    epoch = int(w.run.params["epoch"])
    if w.epoch != epoch:
        w.progress(phase="Bringing links and settings back")
        _bring_back(w, epoch)
    w.progress(phase="Reading both books and showing the ERP its QuickBooks IDs")
    sync(w, Look(retry=True))
    _say(w, "restore", f"Epoch {epoch} restored.")


def _bring_back(w: Working, epoch: int) -> None:
    archived = w.connection.lists.get("epochs") or {}
    kept = archived.get(str(epoch))
    if kept is None or kept.get("realm_id") != w.connection.realm_id:
        raise Refused(
            "That epoch belongs to another QuickBooks company than the one connected now.", code="wrong_company"
        )
    with w.writing() as tx:
        tx.id_map.clear(w.id, w.epoch)
        tx.records.clear(w.id)
        w.connection = tx.connections.update(
            w.id,
            epoch=epoch,
            settings=kept["settings"],
            lists={"epochs": {e: v for e, v in archived.items() if e != str(epoch)}},
            watermarks=dict.fromkeys(EPOCH_SOURCES),
        )
        tx.id_map.unpush(w.id, w.epoch)


def _clear_links(w: Working) -> None:
    """Tell the ERP that no record has a QuickBooks ID any more, and show how far it is."""
    total = done = 0
    with w.reading() as tx:
        total = tx.id_map.count(w.id, w.epoch)
    w.progress(total=total)
    cursor: str | None = None
    while True:
        w.heed()
        with w.reading() as tx:
            page = tx.id_map.links(w.id, epoch=w.epoch, cursor=cursor, limit=500)
        clear_links(w, page.data)
        done += len(page.data)
        w.progress(done=done)
        cursor = page.next_cursor
        if cursor is None:
            return


def _revoke(w: Working) -> None:
    """End the grant at Intuit and forget it here; a grant that is dead already is no reason to stop.

    Raises: `Unreachable`, where Intuit does not answer and is asked again later. When it was asked often enough, that
    the grant lives on becomes a problem: said before it is forgotten here, or nobody ever says it.
    """
    with w.ports.vault.locked(w.id):
        tokens = w.ports.vault.load(w.id)
        if tokens is None:
            return
        try:
            w.ports.consent.revoke(tokens)
        except SyncError as error:
            if isinstance(error, Unreachable) and w.may_try_again("revoke", REVOKE_TRIES):
                raise
            _say_that_it_lives_on(w, error)
        w.ports.vault.forget(w.id)


def _say_that_it_lives_on(w: Working, error: SyncError) -> None:
    cause = f"Intuit did not confirm that the grant of '{w.connection.quickbooks_company}' ended: {error.message}"
    problem = of_connection(w, LIVES_ON, Refused(cause, code=LIVES_ON), ADVICE[LIVES_ON])
    with w.writing() as tx:
        tx.audits.add(w.id, [_entry(w, "revoke", cause)])
        report(tx, w, replace(problem, key=GRANT, fingerprint=w.run.id if w.run else None))


def _portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that mean something in another QuickBooks company: its own ids do not."""
    ids = {"default_item_id", "reason_items", "deposit_account_id", "payment_methods", "timezone"}
    return {name: value for name, value in settings.items() if name not in ids}


def _say(w: Working, action: str, why: str) -> None:
    with w.writing() as tx:
        tx.audits.add(w.id, [_entry(w, action, why)])


def _entry(w: Working, action: str, why: str) -> Audit:
    run = w.run
    return Audit(
        at=w.now(),
        actor=run.requested_by if run and run.requested_by else "sync",
        action=action,
        side="connection",
        quickbooks_id=w.connection.realm_id,
        why=why,
        run_id=run.id if run else None,
    )
