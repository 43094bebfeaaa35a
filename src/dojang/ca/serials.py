"""Serial numbers as text: the one spelling used in rows, events and pages."""

from __future__ import annotations

from dojang.pki.errors import MalformedError

MAX_OCTETS = 20  #: RFC 5280 §4.1.2.2


def serial_text(serial: int) -> str:
    """Spell a serial as lower-case hexadecimal, two digits for each octet."""
    return serial.to_bytes(max(1, (serial.bit_length() + 7) // 8), "big").hex()


def serial_number(text: str) -> int:
    """Read a serial as people write it: any case, colons or ``0x`` allowed. Raises `MalformedError`."""
    digits = text.strip().lower().replace(":", "").replace(" ", "").removeprefix("0x")
    try:
        serial = int(digits, 16)
    except ValueError as error:
        raise MalformedError("not a serial number") from error
    if serial <= 0 or serial.bit_length() > MAX_OCTETS * 8:
        raise MalformedError("not a serial number")
    return serial
