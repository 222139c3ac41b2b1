"""Everything the engine expects to meet, sorted by what happens next."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Next(StrEnum):
    """What the engine does about an error."""

    RETRY_LATER = "retry_later"
    PLAN_AGAIN = "plan_again"
    ASK_PERSON = "ask_person"
    RECONNECT = "reconnect"


class SyncError(Exception):
    """Something the engine expects to meet; `next` says what it does about it.

    `code` is stable and ours; `quickbooks_code` and `intuit_tid` are QuickBooks' own, when it said something.
    """

    next: ClassVar[Next] = Next.ASK_PERSON
    code: str = "unexpected"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        quickbooks_code: str | None = None,
        intuit_tid: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.quickbooks_code = quickbooks_code
        self.intuit_tid = intuit_tid


class Unreachable(SyncError):
    """No answer, or "come back later", to a call that changed nothing. Repeating it is safe.

    `retry_after_s` is how long the other side asked us to wait, in seconds, when it said so.
    """

    next = Next.RETRY_LATER
    code = "unreachable"

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: int | None = None,
        code: str | None = None,
        quickbooks_code: str | None = None,
        intuit_tid: str | None = None,
    ) -> None:
        super().__init__(message, code=code, quickbooks_code=quickbooks_code, intuit_tid=intuit_tid)
        self.retry_after_s = retry_after_s


class UnknownOutcome(Unreachable):
    """A write was sent and no usable answer came: it may have taken effect. Repeat it unchanged, never anew."""

    code = "unknown_outcome"


class Throttled(Unreachable):
    """The other side's limit was reached; nothing was done."""

    code = "throttled"


class Stale(SyncError):
    """The document changed after we read it (QuickBooks 5010, the ERP's 409)."""

    next = Next.PLAN_AGAIN
    code = "stale"


class Gone(SyncError):
    """The document does not exist (any more) on the other side (QuickBooks 610, the ERP's 404)."""

    next = Next.PLAN_AGAIN
    code = "gone"


class Refused(SyncError):
    """The other side will never accept this as it stands."""

    next = Next.ASK_PERSON
    code = "refused"


class Disconnected(SyncError):
    """The grant or key is dead: nothing can be done before a person connects again."""

    next = Next.RECONNECT
    code = "disconnected"


class Replaced(SyncError):
    """Another worker took this connection over while we were away: stop at once, write nothing more."""

    next = Next.RETRY_LATER
    code = "replaced"


class Cancelled(SyncError):
    """A person asked this run to stop."""

    code = "cancelled"


class SecretLost(Exception):
    """A stored secret that none of ENCRYPTION_KEYS opens."""


class TurnOver(SyncError):
    """This connection had its turn and is not done: others that wait come first, then it goes on where it was."""

    next = Next.RETRY_LATER
    code = "turn_over"


class Reason(StrEnum):
    """Why a request was not carried out; the web turns it into a status, the command line into an exit status."""

    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    INVALID = "invalid"
    MALFORMED = "malformed"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    BUSY = "busy"


class Rejected(Exception):
    """A request that cannot be carried out, with a stable code and a sentence that says what to do.

    `field` names the offending input; `retry_after_s` is set when asking again later helps.
    """

    def __init__(
        self, reason: Reason, code: str, message: str, *, field: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s
