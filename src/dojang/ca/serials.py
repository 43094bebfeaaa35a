"""Serial numbers as text: the one spelling used in rows, events and pages."""

from __future__ import annotations

import re
from typing import Final

from dojang.pki.errors import MalformedError
from dojang.ports.writing import plain_digits

MAX_OCTETS = 20  #: RFC 5280 §4.1.2.2
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{1,42}")  # a leading zero octet included


def serial_text(serial: int) -> str:
    """Spell a serial as lower-case hexadecimal, two digits for each octet."""
    return serial.to_bytes(max(1, (serial.bit_length() + 7) // 8), "big").hex()


def serial_number(text: str) -> int:
    """Read a serial as people write it: any case, colons or ``0x`` allowed. Raises `MalformedError`."""
    digits = text
    if not _HEXADECIMAL.fullmatch(digits):  # our own rows' spelling needs no more
        digits = plain_digits(text).lower().replace(":", "").removeprefix("0x")
        if not _HEXADECIMAL.fullmatch(digits):
            raise MalformedError("not a serial number")
    serial = int(digits, 16)
    if serial <= 0 or serial.bit_length() > MAX_OCTETS * 8:
        raise MalformedError("not a serial number")
    return serial
