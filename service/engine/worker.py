"""Claim one connection, do everything that is due on it, give it back. One writer per QuickBooks company, ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

import simplejson
from structlog.contextvars import bind_contextvars

from mappings.money import text
from service.engine import disconnecting, enabling, repairing, resyncing
from service.engine.brakes import HELD, TooLarge
from service.engine.problems import TRIED_AGAIN, connection_trouble, of_connection, report
from service.engine.reading import CONCERNS
from service.engine.repeating import repeat_unanswered
from service.engine.sync import Look, sync
from service.engine.working import LEASE, NEVER, Ports, Working
from service.errors import Cancelled, Disconnected, Refused, Replaced, SyncError, TurnOver, Unreachable
from service.ports import Claim, Connection, ConnectionState, Notice, Raw, Run, Transaction

log = logging.getLogger(__name__)

BACKOFF_S = (5, 10, 20, 40, 80, 160, 300)
TRIES = 3
"""How often a run is tried anew after a surprise, or a refusal of what every look asks. A locked database or a bad
moment of QuickBooks' is no reason to have a person ask again; a mistake of ours comes back every time."""
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
GIVE_UP: dict[str, Callable[[Working], None]] = {
    "resync": resyncing.give_up,
    "hard_disconnect": disconnecting.give_up,
}
"""What has to be put right when a person stops one of these half-way."""
WORKING_STATES = (ConnectionState.CONNECTED,)
ALWAYS = ("soft_disconnect", "hard_disconnect")
"""Jobs that need no living grant."""
IN_TURNS = ("reconcile", "resync", "enable_two_way")
"""Jobs that may be long, and can go on where they were."""
GIVE_WAY_S = 0.15
"""After a turn, for a person who waits for this very connection."""


class End(Enum):
    """How a piece of work ended: done, not done and tried again later, or to go on when others had their turn."""

    DONE = "done"
    LATER = "later"
    NEXT_TURN = "next turn"


def work(ports: Ports, connection_id: int, by: str | None = None) -> bool:
    """Do what is due on one connection, for the time of one turn; answers whether it goes on as soon as others that
    wait had theirs. What goes wrong is kept, shown and tried again; only a database that is away is an error here.

    `by` names who works, so that a connection can be taken from a worker that died.
    """
    now = ports.clock()
    with ports.store.writing() as tx:
        claim = tx.connections.claim(connection_id, now, now + LEASE, by=by)
        if claim is None:
            return False
        connection, queued = tx.connections.by_id(connection_id), tx.runs.queued(connection_id)
    end, seen = End.LATER, None
    try:
        end, seen = _work(ports, claim, connection, queued)
    except Replaced:
        log.warning("replaced while working", extra={"connection_id": connection_id})
    except Exception:
        log.exception("unexpected error", extra={"connection_id": connection_id})
        _put_off(ports, claim, 60)
    finally:
        _release(ports, claim, seen)
    if end is not End.NEXT_TURN or ports.is_stopping():
        return False
    ports.pause(GIVE_WAY_S)
    return True


def _release(ports: Ports, claim: Claim, seen: int | None) -> None:
    """A database that is away for a moment must not cost the rest of the lease."""
    for pause_s in (1, 2, 4, 8, None):
        try:
            with ports.store.writing() as tx:
                tx.connections.release(claim, seen=seen)
            return
        except Exception:
            if pause_s is None or ports.is_stopping():
                raise
            log.warning("could not give the connection back", extra={"connection_id": claim.connection_id})
            ports.pause(pause_s)


def _work(ports: Ports, claim: Claim, connection: Connection, queued: Sequence[Run]) -> tuple[End, int | None]:
    """Everything that is due; with it, the `dirty` up to which notices are done.

    What never had a turn comes first, then the notices; last what has been going on for long.
    """
    if connection.state is ConnectionState.NEEDS_REAUTHORISATION:
        queued = [run for run in queued if run.kind in ALWAYS or run.cancel_requested]  # the others go on after it
    begun = sorted(filter(_turns, queued), key=_turns)
    for run in (run for run in queued if not _turns(run)):
        end = _execute(ports, claim, run)
        if end is not End.DONE:
            return end, None
        with ports.store.reading() as tx:
            connection = tx.connections.by_id(claim.connection_id)
    if connection.state not in WORKING_STATES:
        for run in begun:
            _execute(ports, claim, run)
        _rest(ports, claim, connection)
        return End.DONE, claim.dirty
    if claim.dirty > connection.seen or connection.sweep_at <= ports.clock():
        end = _look(ports, claim, connection, only_new=bool(begun))
        if end is not End.DONE:
            return end, claim.dirty if end is End.NEXT_TURN else None
    for run in begun:
        end = _execute(ports, claim, run)
        if end is not End.DONE:
            return end, claim.dirty
    return End.DONE, claim.dirty


def _turns(run: Run) -> int:
    return int(run.cursor.get("turns") or 0)


def _rest(ports: Ports, claim: Claim, connection: Connection) -> None:
    """Nothing to do without a grant; notices and runs are kept for when it is back."""
    with ports.store.writing(claim) as tx:
        now = tx.connections.by_id(connection.id).state
        if now not in WORKING_STATES:  # else somebody connected it meanwhile
            waits = {"not_before": NEVER} if now is ConnectionState.NEEDS_REAUTHORISATION else {}
            tx.connections.update(connection.id, sweep_at=NEVER, **waits)


# --------------------------------------------------------------------------------------- runs of their own


def _execute(ports: Ports, claim: Claim, run: Run) -> End:
    """Carry out one run that somebody asked for, or go on with one; after its end the next may follow."""
    with ports.store.writing(claim) as tx:
        connection = tx.connections.by_id(claim.connection_id)
        pace = run.pace if _turns(run) else None  # what stood still for long tells no pace
        run = tx.runs.update(run.id, state="running", started_at=run.started_at or ports.clock(), error=None, pace=pace)
    bind_contextvars(run_id=run.id)
    w = Working(ports, connection, claim, run, in_turns=run.kind in IN_TURNS)
    try:
        w.heed()
        if connection.state not in WORKING_STATES and run.kind not in ALWAYS:
            return _finish(w, "failed", "This connection is not connected to QuickBooks: connect it, then ask again.")
        if run.kind not in ALWAYS:
            repeat_unanswered(w)
        JOBS.get(run.kind, _reconcile)(w)
    except TurnOver:
        return _next_turn(w)
    except TooLarge as large:
        return _held(w, large)
    except Cancelled:
        if run.kind in GIVE_UP:
            GIVE_UP[run.kind](w)
        return _finish(w, "cancelled")
    except Refused as error:
        if not _is_theirs(error) or not w.may_try_again("refusals", TRIES):
            return _finish(w, "failed", error.message)
        connection_trouble(w, error, _side(error))
        return _later(w, error.message)
    except Disconnected as error:
        disconnected(w, error)
        return _finish(w, "queued", error.message, over=False)
    except Unreachable as error:
        _unreachable(w, error)
        return _finish(w, "queued", error.message, over=False)
    except (Replaced, SyncError):
        raise
    except Exception as error:
        goes_on, told = w.may_try_again("surprises", TRIES), f"Unexpected: {type(error).__name__}."
        _surprised(w, error, for_good=not goes_on)
        return _later(w, told) if goes_on else _finish(w, "failed", told)
    if w.connection.lists.get("failures"):
        w.update(lists={"failures": 0})
    return _finish(w, "succeeded")


def _reconcile(w: Working) -> None:
    assert w.run is not None
    params = w.run.params
    companies = params.get("company_ids")
    with w.reading() as tx:
        arrived = tx.inbox.new(w.id)
    notices, bodies = _read(arrived)
    by_itself = bool(w.run.cursor.get("implicit")) and _turns(w.run) > 0
    look = Look(
        notices,
        bodies,
        everything=not by_itself or bool(w.run.cursor.get("everything")),
        companies=frozenset(companies) if companies else None,
        retry=not by_itself,
        census=w.run.trigger == "person",
    )
    sync(w, look)
    _absorb(w, notices)


def _next_turn(w: Working) -> End:
    """Back into the queue, with what was reached; notices whose reading is done are not needed any more."""
    assert w.run is not None
    w.reach("turns", _turns(w.run) + 1)
    with w.writing() as tx:
        tx.runs.update(w.run.id, cursor=w.run.cursor)
    _finish(w, "queued", over=False)
    return End.NEXT_TURN


def _held(w: Working, large: TooLarge) -> End:
    """Brakes: the run waits, before its first write, until another person has looked; then it reads anew."""
    assert w.run is not None
    with w.writing() as tx:
        implicit = {"implicit": True} if w.run.cursor.get("implicit") else {}
        tx.runs.update(w.run.id, cursor={**implicit, HELD: [large.documents, large.amount]})
    why = (
        f"It would change {large.documents} documents ({text(large.amount)}): more than this connection allows at once."
    )
    return _finish(w, "held", why, over=False)


def _later(w: Working, error: str) -> End:
    """Back into the queue, for a while."""
    _wait(w)
    return _finish(w, "queued", error, over=False)


def _finish(w: Working, state: str, error: str | None = None, *, over: bool = True) -> End:
    with w.writing() as tx:
        _end(tx, w, state, error, over=over)
    return End.LATER if state == "queued" else End.DONE


def _end(tx: Transaction, w: Working, state: str, error: str | None, *, over: bool = True) -> None:
    assert w.run is not None
    calls = _calls(w)
    problems = tx.problems.count(w.id)
    if problems and state == "succeeded":  # both sides could be reached
        problems -= tx.problems.settle(w.id, "connection", at=w.now())
        problems -= tx.problems.settle(w.id, f"run:{w.run.kind}", at=w.now())
    tx.runs.update(
        w.run.id,
        state=state,
        error=error,
        finished_at=w.now() if over else None,
        problems=problems,
        free_calls=w.run.free_calls + calls[0],
        metered_calls=w.run.metered_calls + calls[1],
        erp_calls=w.run.erp_calls + calls[2],
    )


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


def _look(ports: Ports, claim: Claim, connection: Connection, *, only_new: bool) -> End:
    """A look that notices or the schedule asked for. It becomes a run in the list where it did or held something."""
    is_sweep = connection.sweep_at <= ports.clock()
    run = _implicit(ports, connection, "sweep" if is_sweep else "webhook")
    with ports.store.writing(claim) as tx:
        run = tx.runs.create(run)
        arrived = tx.inbox.new(connection.id)
    bind_contextvars(run_id=run.id)
    w = Working(ports, connection, claim, run, in_turns=True)
    try:
        notices, bodies = _read(arrived)
        sync(w, Look(notices, bodies, everything=is_sweep, only_new=only_new))
    except TurnOver:
        if w.has_reached("read"):
            _absorb(w, notices)
        w.reach("everything", is_sweep)
        w.update(sweep_at=w.now() + ports.reconcile_every)
        return _next_turn(w)
    except TooLarge as large:
        _absorb(w, notices)
        return _hold_once(w, large)
    except Disconnected as error:
        disconnected(w, error)
        return _end_failed(w, error.message)
    except Unreachable as error:
        _unreachable(w, error)
        return _end_failed(w, error.message, End.LATER)
    except Refused as error:
        connection_trouble(w, error, _side(error))
        _put_off(ports, claim, 60)
        return _end_failed(w, error.message, End.LATER)
    except (Replaced, SyncError):
        raise
    except Exception as error:
        _surprised(w, error)
        _put_off(ports, claim, 60)
        return _end_failed(w, f"Unexpected: {type(error).__name__}.", End.LATER)
    from_erp = any(n.source == "erp" for n in notices)
    after = SETTLE if from_erp or w.declared else ports.reconcile_every
    # The settle look after ERP notices does not put the sweep off.
    next_at = w.now() + after if is_sweep or after == SETTLE else None
    with w.writing() as tx:
        tx.inbox.finish([n.id for n in notices], "done")
        _end_look(tx, w, "succeeded", next_at=next_at)
    return End.DONE


def _implicit(ports: Ports, connection: Connection, trigger: str) -> Run:
    now = ports.clock()
    return Run(
        id=ports.new_id(),
        connection_id=connection.id,
        kind="reconcile",
        state="running",
        trigger=trigger,
        params={},
        cursor={"implicit": True},
        created_at=now,
        started_at=now,
    )


def _end_failed(w: Working, error: str, end: End = End.DONE) -> End:
    with w.writing() as tx:
        _end_look(tx, w, "failed", error)
    return end


def _end_look(
    tx: Transaction, w: Working, state: str, error: str | None = None, *, next_at: datetime | None = None
) -> None:
    """Looks that found nothing leave only the newest of their kind in the list. `next_at`: when to look without being
    told."""
    assert w.run is not None
    _end(tx, w, state, error)
    before = w.connection.lists.get("last_look")
    idle = state == "succeeded" and not w.run.counts
    if before:
        tx.runs.delete(str(before))
    back = {"failures": 0} if state == "succeeded" and w.connection.lists.get("failures") else {}
    planned = {"sweep_at": next_at} if next_at else {}
    tx.connections.update(w.id, lists={"last_look": w.run.id if idle else None, **back}, **planned)


def _hold_once(w: Working, large: TooLarge) -> End:
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
    w.update(sweep_at=w.now() + w.ports.reconcile_every)
    return End.DONE


def _read(arrived: Sequence[Notice]) -> tuple[tuple[Notice, ...], dict[int, Raw]]:
    """The notices that concern us, and the envelopes of the ERP's by notice id."""
    bodies = {
        n.id: simplejson.loads(n.body, use_decimal=True) for n in arrived if n.source == "erp" and n.type in CONCERNS
    }
    ours = tuple(n for n in arrived if n.source != "erp" or n.id in bodies)
    return ours, bodies


def _absorb(w: Working, notices: tuple[Notice, ...]) -> None:
    """What the notices pointed at is done: only now are they forgotten."""
    if notices:
        with w.writing() as tx:
            tx.inbox.finish([n.id for n in notices], "done")


# ------------------------------------------------------------------------------------------------ trouble


def _unreachable(w: Working, error: Unreachable) -> None:
    """Run again later, the longer the more often it failed; one problem per cause."""
    connection_trouble(w, error, _side(error))
    _wait(w, error.retry_after_s)


def _wait(w: Working, asked_s: int | None = None) -> None:
    """The longer, the more often it failed; `asked_s` seconds, where the other side asked for that."""
    failures = int(w.connection.lists.get("failures") or 0)
    wait = asked_s or BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
    w.update(lists={"failures": failures + 1}, not_before=w.now() + timedelta(seconds=wait))


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


def _surprised(w: Working, error: Exception, *, for_good: bool = False) -> None:
    """What nobody foresaw: logged in full, told in one problem. One of a run that is given up `for_good` stays until
    one of its kind succeeds."""
    log.exception("unexpected error", extra={"connection_id": w.id})
    found = Refused(f"The work on this connection was interrupted: {type(error).__name__}.", code="internal_error")
    problem = of_connection(w, "internal_error", found, TRIED_AGAIN)
    if for_good and w.run is not None:
        advice = f"The {w.run.kind.replace('_', ' ')} was tried several times. Report it with its time, and ask again."
        problem = replace(problem, key=f"run:{w.run.kind}", what_to_do=advice)
    with w.writing() as tx:
        report(tx, w, problem)


def _is_theirs(error: SyncError) -> bool:
    """Whether one of the two sides said it, and not we."""
    return error.quickbooks_code is not None or _side(error) == "erp"


def _side(error: SyncError) -> str:
    return "erp" if error.code.startswith("erp") else "quickbooks"


def _put_off(ports: Ports, claim: Claim, seconds: int) -> None:
    with ports.store.writing() as tx:
        tx.connections.update(claim.connection_id, not_before=ports.clock() + timedelta(seconds=seconds))
