"""How the telephone answered: by a text, by the keys of a call, or in the app. Nothing is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dojang.account.connecting.values import APPROVAL, ARS_CALL, SMS_REPLY, ConnectingView, Line
from dojang.guard.sealing import sealer
from dojang.journeys.kinds.base import mask_mobile
from dojang.ports.writing import reply_number
from dojang.wallet.devices.actions.approvals import approval_state

if TYPE_CHECKING:
    from dojang.account.models import Connecting
    from dojang.ports.policy import Policy
    from dojang.ports.world import World

TABLE: Final = "account_connecting"


def lives_for(way: str, policy: Policy) -> int:
    """Return how long a telephone may take to answer, in seconds."""
    return {SMS_REPLY: policy.sms_reply.ttl, ARS_CALL: policy.ars.ttl, APPROVAL: policy.approvals.ttl}[way]


def digits_of(row: Connecting, policy: Policy) -> str:
    """Derive the number on the screen."""
    # The app asks for as many digits as for any other approval.
    count = policy.approvals.digits if row.way == APPROVAL else policy.connect.digits
    return sealer().digits(count, "connect", str(row.id))


def line_of(row: Connecting) -> Line:
    """Open what was typed."""
    return Line.from_json(sealer().open(bytes(row.line), table=TABLE, column="line", row=str(row.id)))


def view_of(row: Connecting, *, world: World) -> ConnectingView:
    """Tell how a browser stands, the telephone asked."""
    return ConnectingView(
        id=str(row.id),
        way=row.way,
        digits=digits_of(row, world.policy),
        phone=mask_mobile(line_of(row).phone),
        state="connected" if row.ended_at else state_of(row, world=world),
        until=row.until,
    )


def state_of(row: Connecting, *, world: World) -> str:
    """Ask how the telephone stands: ``waiting received late void``. A call nobody placed just waits."""
    if row.way == SMS_REPLY:
        return _reply(row, world=world)
    late = world.clock.now() > row.until
    if not row.outside:
        return "late" if late else "waiting"
    if row.way == ARS_CALL:
        answered = world.telephony.call(row.outside).state == "approved"
    else:
        answered = approval_state(row.outside, world=world).state == "approved"
    return "late" if late else ("received" if answered else "waiting")


def _reply(row: Connecting, *, world: World) -> str:
    """Read the replies in order: each wrong number is a try, too many make the right one void."""
    phone, digits, misses = line_of(row).phone, digits_of(row, world.policy), 0
    found = world.sms.inbound(since=row.made_at, sender=phone, text=digits)
    for reply in sorted(found, key=lambda one: (one.at, one.id)):
        number = reply_number(reply.text, len(digits))
        if reply.sender != phone or reply.at > row.until or number is None:
            continue
        if number == digits:
            return "received"
        misses += 1
        if misses >= world.policy.wrong_entries.sms_reply.count:
            return "void"
    return "late" if world.clock.now() > row.until else "waiting"
