"""What every telephone network behind `dojang.ports.telephony` must do.

The handset's side (answer, keys) is the country's; the bank's side is the adapter under test.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dojang.ports.errors import CallUnknownError
from dojang.sandbox.telephony import KEYS, RING, CallStateError

if TYPE_CHECKING:
    from dojang.ports.telephony import Call, Telephony
    from dojang.sandbox.world import SandboxWorldParts

NUMBER = "01000000101"


def _place(telephony: Telephony, key: str = "call-1", number: str = NUMBER) -> Call:
    return telephony.place_call(
        number=number, expect="47", announcement="도장은행입니다.", locale="ko", key=key
    )


def test_a_call_dials_then_rings(telephony: Telephony, country: SandboxWorldParts) -> None:
    """A fresh call is ``dialing``; a second later it rings, and the handset shows it."""
    call = _place(telephony)
    assert call.state == "dialing"
    country.clock.advance(1)
    assert telephony.call(call.id).state == "ringing"
    shown = country.telephony.calls(NUMBER)
    assert [(ringing.id, ringing.state) for ringing in shown] == [(call.id, "ringing")]
    assert shown[0].announcement == "도장은행입니다."


def test_the_same_key_is_the_same_call(telephony: Telephony, country: SandboxWorldParts) -> None:
    """Twenty simultaneous orders under one key ring once."""
    with ThreadPoolExecutor(8) as threads:
        calls = list(threads.map(lambda _: _place(telephony), range(20)))
    assert len({call.id for call in calls}) == 1
    assert len(country.telephony.calls(NUMBER)) == 1


def test_the_right_digits_approve(telephony: Telephony, country: SandboxWorldParts) -> None:
    """Answered and keyed digit by digit, the call is ``approved`` with the last of them."""
    call = _place(telephony)
    country.telephony.answer(NUMBER, call.id)
    assert telephony.call(call.id).state == "answered"
    country.telephony.press(NUMBER, call.id, "4")
    assert telephony.call(call.id).state == "answered"
    country.telephony.press(NUMBER, call.id, "7")
    assert telephony.call(call.id).state == "approved"
    telephony.hang_up(call.id)
    assert telephony.call(call.id).state == "approved"


def test_wrong_digits_end_the_call(telephony: Telephony, country: SandboxWorldParts) -> None:
    """Other digits give ``wrong_code``, and the right ones afterwards are too late."""
    call = _place(telephony)
    country.telephony.answer(NUMBER, call.id)
    country.telephony.press(NUMBER, call.id, "48")
    assert telephony.call(call.id).state == "wrong_code"
    with pytest.raises(CallStateError):
        country.telephony.press(NUMBER, call.id, "47")
    assert telephony.call(call.id).state == "wrong_code"


def test_digits_before_the_answer_do_not_count(telephony: Telephony, country: SandboxWorldParts) -> None:
    """A ringing call takes no digits."""
    call = _place(telephony)
    with pytest.raises(CallStateError):
        country.telephony.press(NUMBER, call.id, "47")
    assert telephony.call(call.id).state == "dialing"


def test_a_refused_call_is_rejected(telephony: Telephony, country: SandboxWorldParts) -> None:
    """Refusing while it rings is ``rejected``; it cannot be answered any more."""
    call = _place(telephony)
    country.telephony.reject(NUMBER, call.id)
    assert telephony.call(call.id).state == "rejected"
    with pytest.raises(CallStateError):
        country.telephony.answer(NUMBER, call.id)


def test_putting_the_handset_down_ends_the_call(telephony: Telephony, country: SandboxWorldParts) -> None:
    """Hanging up after the answer, before the digits, is ``ended``, not approved."""
    call = _place(telephony)
    country.telephony.answer(NUMBER, call.id)
    country.telephony.reject(NUMBER, call.id)
    assert telephony.call(call.id).state == "ended"


def test_nobody_answers(telephony: Telephony, country: SandboxWorldParts) -> None:
    """A minute of ringing ends in ``no_answer``."""
    call = _place(telephony)
    country.clock.advance(RING)
    assert telephony.call(call.id).state == "no_answer"
    with pytest.raises(CallStateError):
        country.telephony.answer(NUMBER, call.id)


def test_nobody_keys_anything(telephony: Telephony, country: SandboxWorldParts) -> None:
    """A minute of silence after the answer is ``ended``."""
    call = _place(telephony)
    country.telephony.answer(NUMBER, call.id)
    country.clock.advance(KEYS)
    assert telephony.call(call.id).state == "ended"


def test_a_second_call_finds_the_handset_busy(telephony: Telephony, country: SandboxWorldParts) -> None:
    """While one call goes on another one is ``busy`` and never shown; afterwards the line is free."""
    call = _place(telephony)
    second = _place(telephony, "call-2")
    assert second.state == "busy"
    assert telephony.call(second.id).state == "busy"
    assert [shown.id for shown in country.telephony.calls(NUMBER)] == [call.id]
    assert _place(telephony, "call-3", "01000000201").state == "dialing"
    telephony.hang_up(call.id)
    assert _place(telephony, "call-4").state == "dialing"


def test_the_bank_hangs_up(telephony: Telephony, country: SandboxWorldParts) -> None:
    """A call no longer wanted ends, on both sides; a second hanging up changes nothing."""
    call = _place(telephony)
    telephony.hang_up(call.id)
    telephony.hang_up(call.id)
    assert telephony.call(call.id).state == "ended"
    assert [shown.is_live for shown in country.telephony.calls(NUMBER)] == [False]


def test_an_unknown_call_is_an_error(telephony: Telephony, country: SandboxWorldParts) -> None:
    """Questions about a call never placed, or from another handset, raise `CallUnknownError`."""
    with pytest.raises(CallUnknownError):
        telephony.call("nothing")
    with pytest.raises(CallUnknownError):
        telephony.hang_up("nothing")
    call = _place(telephony)
    with pytest.raises(CallUnknownError):
        country.telephony.answer("01000000201", call.id)
    assert telephony.call(call.id).state == "dialing"
