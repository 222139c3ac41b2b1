"""Claim one connection, do everything that is due on it, give it back. One writer per QuickBooks company, ever."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import simplejson

from mappings.money import text
from service.engine import disconnecting, enabling, repairing, resyncing
from service.engine.problems import of_connection, report
from service.engine.reading import CONCERNS
from service.engine.repeating import repeat_unanswered
from service.engine.sync import Look, TooLarge, connection_trouble, sync
from service.engine.working import LEASE, NEVER, Ports, Working, month_of
from service.errors import Cancelled, Disconnected, Refused, Replaced, SyncError, Unreachable
from service.ports import Calls, Claim, Connection, ConnectionState, Notice, Raw, Run

log = logging.getLogger(__name__)

BACKOFF_S = (5, 10, 20, 40, 80, 160, 300)
SETTLE = timedelta(seconds=2)
"""The ERP's reads lag about a second: after its notices we look once more."""

JOBS: dict[str, Callable[[Working], None]] = {
    "enable_two_way": enabling.run,
    "soft_disconnect": disconnecting.soft,
    "hard_disconnect": disconnecting.hard,
    "resync": resyncing.run,
    "restore": disconnecting.restore,
    "repair": repairing.run,
}
WORKING_STATES = (ConnectionState.CONNECTED,)
ALWAYS = ("soft_disconnect", "hard_disconnect")
"""Jobs that need no living grant."""


def work(ports: Ports, connection_id: int) -> None:
    """Do what is due on one connection. Never raises: what goes wrong is kept, shown and tried again."""
    now = ports.clock()
    with ports.store.writing() as tx:
        claim = tx.connections.claim(connection_id, now, now + LEASE)
    if claim is None:
        return
    seen: int | None = None
    try:
        seen = _work(ports, claim)
    except Replaced:
        log.warning("replaced while working", extra={"connection_id": connection_id})
    except Exception:
        log.exception("unexpected error", extra={"connection_id": connection_id})
        _put_off(ports, claim, 60)
    finally:
        with ports.store.writing() as tx:
            tx.connections.release(claim, seen=seen)


def _work(ports: Ports, claim: Claim) -> int | None:
    with ports.store.reading() as tx:
        connection = tx.connections.by_id(claim.connection_id)
        queued = tx.runs.queued(connection.id)
    for run in queued:
        if not _execute(ports, claim, run):
            return None
    with ports.store.reading() as tx:
        connection = tx.connections.by_id(claim.connection_id)
    if connection.state not in WORKING_STATES:
        _rest(ports, claim, connection)
        return claim.dirty
    if claim.dirty > connection.seen or connection.sweep_at <= ports.clock():
        return claim.dirty if _look(ports, claim, connection) else None
    return claim.dirty


def _rest(ports: Ports, claim: Claim, connection: Connection) -> None:
    """Nothing to do without a grant; notices are kept for when it is back."""
    with ports.store.writing(claim) as tx:
        tx.connections.update(connection.id, sweep_at=NEVER)


# --------------------------------------------------------------------------------------- runs of their own


def _execute(ports: Ports, claim: Claim, run: Run) -> bool:
    """Carry out one run that somebody asked for; answers whether the next may follow."""
    with ports.store.writing(claim) as tx:
        connection = tx.connections.by_id(claim.connection_id)
        run = tx.runs.update(run.id, state="running", started_at=run.started_at or ports.clock(), error=None)
    w = Working(ports, connection, claim, run)
    if connection.state not in WORKING_STATES and run.kind not in ALWAYS:
        return _finish(w, "failed", "This connection is not connected to QuickBooks: connect it, then ask again.")
    try:
        w.stop_if_cancelled()
        if run.kind not in ALWAYS:
            repeat_unanswered(w)
        JOBS.get(run.kind, _reconcile)(w)
    except TooLarge as large:
        return _held(w, large)
    except Cancelled:
        if run.kind == "resync":
            resyncing.give_up(w)
        return _finish(w, "cancelled")
    except Refused as error:
        return _finish(w, "failed", error.message)
    except Disconnected as error:
        disconnected(w, error)
        return _finish(w, "queued", error.message, over=False)
    except Unreachable as error:
        _unreachable(w, error)
        return _finish(w, "queued", error.message, over=False)
    except (Replaced, SyncError):
        raise
    except Exception as error:
        _surprised(w, error)
        return _finish(w, "failed", f"Unexpected: {type(error).__name__}.")
    _reached(w)
    return _finish(w, "succeeded")


def _reconcile(w: Working) -> None:
    assert w.run is not None
    params = w.run.params
    companies = params.get("company_ids")
    notices, bodies = _notices(w)
    look = Look(
        notices,
        bodies,
        companies=frozenset(companies) if companies else None,
        retry=True,
        census=w.run.trigger == "person",
    )
    sync(w, look, approved=w.run.approved_by is not None)
    _absorb(w, notices)


def _held(w: Working, large: TooLarge) -> bool:
    """Brakes: the run waits, before its first write, until another person has looked."""
    why = (
        f"It would change {large.documents} documents ({text(large.amount)}): more than this connection allows at once."
    )
    return _finish(w, "held", why, over=False)


def _finish(w: Working, state: str, error: str | None = None, *, over: bool = True) -> bool:
    assert w.run is not None
    calls = _calls(w)
    with w.writing() as tx:
        run = tx.runs.get(w.run.id) or w.run
        tx.runs.update(
            w.run.id,
            state=state,
            error=error,
            finished_at=w.now() if over else None,
            problems=tx.problems.count(w.id),
            free_calls=run.free_calls + calls[0],
            metered_calls=run.metered_calls + calls[1],
            erp_calls=run.erp_calls + calls[2],
        )
        tx.figures.add_calls(w.id, month_of(w.now()), Calls(*calls[:2]))
    return state != "queued"


def _calls(w: Working) -> tuple[int, int, int]:
    """Calls that this piece of work cost; a door that was never opened cost nothing."""
    opened = w.__dict__
    quickbooks, erp = opened.get("quickbooks"), opened.get("erp")
    return (
        quickbooks.calls.free if quickbooks else 0,
        quickbooks.calls.metered if quickbooks else 0,
        erp.calls if erp else 0,
    )


# ----------------------------------------------------------------------------- notices and scheduled looks


def _look(ports: Ports, claim: Claim, connection: Connection) -> bool:
    """A look that notices or the schedule asked for. It becomes a run in the list where it did or held something."""
    is_sweep = connection.sweep_at <= ports.clock()
    run = _implicit(ports, connection, "sweep" if is_sweep else "webhook")
    with ports.store.writing(claim) as tx:
        run = tx.runs.create(run)
    w = Working(ports, connection, claim, run)
    try:
        notices, bodies = _notices(w)
        sync(w, Look(notices, bodies, everything=is_sweep))
        _absorb(w, notices)
    except TooLarge as large:
        _absorb(w, notices)
        return _hold_once(w, large)
    except Disconnected as error:
        disconnected(w, error)
        return _end_implicit(w, "failed", error.message)
    except Unreachable as error:
        _unreachable(w, error)
        return not _end_implicit(w, "failed", error.message)
    except Refused as error:
        connection_trouble(w, error, _side(error))
        _put_off(ports, claim, 60)
        return not _end_implicit(w, "failed", error.message)
    except (Replaced, SyncError):
        raise
    except Exception as error:
        _surprised(w, error)
        _put_off(ports, claim, 60)
        return not _end_implicit(w, "failed", f"Unexpected: {type(error).__name__}.")
    _reached(w)
    from_erp = any(n.source == "erp" for n in notices)
    _schedule(w, SETTLE if from_erp or w.declared else ports.reconcile_every, is_sweep=is_sweep)
    return _end_implicit(w, "succeeded")


def _implicit(ports: Ports, connection: Connection, trigger: str) -> Run:
    now = ports.clock()
    return Run(
        id=ports.new_id(),
        connection_id=connection.id,
        kind="reconcile",
        state="running",
        trigger=trigger,
        params={},
        done=0,
        total=0,
        counts={},
        free_calls=0,
        metered_calls=0,
        erp_calls=0,
        problems=0,
        error=None,
        requested_by=None,
        approved_by=None,
        cancel_requested=False,
        cursor={"implicit": True},
        created_at=now,
        started_at=now,
        finished_at=None,
    )


def _end_implicit(w: Working, state: str, error: str | None = None) -> bool:
    """Looks that found nothing leave only the newest of their kind in the list."""
    _finish(w, state, error)
    assert w.run is not None
    with w.writing() as tx:
        before = w.connection.lists.get("last_look")
        idle = state == "succeeded" and not w.run.counts
        if before:
            tx.runs.delete(str(before))
        tx.connections.update(w.id, lists={"last_look": w.run.id if idle else None})
    return True


def _hold_once(w: Working, large: TooLarge) -> bool:
    """One held run a connection: later looks find it waiting and leave."""
    assert w.run is not None
    with w.writing() as tx:
        waiting = tx.runs.active(w.id, "reconcile")
        if waiting is not None and waiting.id != w.run.id and waiting.state == "held":
            tx.runs.delete(w.run.id)
            waiting = None
        else:
            waiting = w.run
    if waiting:
        _held(w, large)
    _schedule(w, w.ports.reconcile_every, is_sweep=True)
    return True


def _schedule(w: Working, after: timedelta, *, is_sweep: bool) -> None:
    """When to look again without being told. The settle look after ERP notices does not put the sweep off."""
    at = w.now() + after
    if not is_sweep and after != SETTLE:
        return
    w.update(sweep_at=at)


def _notices(w: Working) -> tuple[tuple[Notice, ...], dict[int, Raw]]:
    with w.reading() as tx:
        notices = tuple(tx.inbox.new(w.id))
    bodies = {
        n.id: simplejson.loads(n.body, use_decimal=True) for n in notices if n.source == "erp" and n.type in CONCERNS
    }
    ours = tuple(n for n in notices if n.source != "erp" or n.id in bodies)
    return ours, bodies


def _absorb(w: Working, notices: tuple[Notice, ...]) -> None:
    """What the notices pointed at is done: only now are they forgotten."""
    with w.writing() as tx:
        tx.inbox.finish([n.id for n in notices], "done")


# ------------------------------------------------------------------------------------------------ trouble


def _unreachable(w: Working, error: Unreachable) -> None:
    """Run again later, the longer the more often it failed; one problem per cause."""
    connection_trouble(w, error, _side(error))
    failures = int(w.connection.lists.get("failures") or 0)
    wait = error.retry_after_s or BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
    w.update(lists={"failures": failures + 1}, not_before=w.now() + timedelta(seconds=wait))


def _reached(w: Working) -> None:
    if w.connection.lists.get("failures"):
        w.update(lists={"failures": 0})
    with w.writing() as tx:
        tx.problems.settle(w.id, "connection", at=w.now())


def disconnected(w: Working, error: Disconnected) -> None:
    """One alert; webhooks are still taken and stored; everything runs in order once it is connected again."""
    if _side(error) == "erp":
        advice = "Give this connection a valid ERP API key (POST /api/v1/connections)."
        w.update(not_before=w.now() + timedelta(seconds=BACKOFF_S[-1]))
    else:
        advice = "Connect this account to QuickBooks again (a fresh connect link: POST /api/v1/connections)."
        w.update(state=ConnectionState.NEEDS_REAUTHORISATION, sweep_at=NEVER)
    with w.writing() as tx:
        report(tx, w, of_connection(w, error.code, error, advice))


def _surprised(w: Working, error: Exception) -> None:
    """What nobody foresaw: logged in full, told in one problem, tried again by itself."""
    log.exception("unexpected error", extra={"connection_id": w.id})
    found = Refused(f"The work on this connection was interrupted: {type(error).__name__}.", code="internal_error")
    with w.writing() as tx:
        report(
            tx, w, of_connection(w, "internal_error", found, "It is tried again by itself. Report it with its time.")
        )


def _side(error: SyncError) -> str:
    return "erp" if error.code.startswith("erp") else "quickbooks"


def _put_off(ports: Ports, claim: Claim, seconds: int) -> None:
    with ports.store.writing() as tx:
        tx.connections.update(claim.connection_id, not_before=ports.clock() + timedelta(seconds=seconds))
