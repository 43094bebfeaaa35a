"""Files of others, made plain: BER (ITU-T X.690 §8) brought into DER's form, line ends and armour taken off.

NSS and Java write PKCS #12 with lengths left open and octet strings in pieces; editors append a line end to
key files. The reader of `dojang.pki.der` stays strict: what people bring is brought into its form first.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from dojang.pki import der
from dojang.pki.errors import MalformedError

_DEEPEST: Final = 24
_LONG: Final = 0x80
_OPEN: Final = 0x80  # the length octet of an element without a length
_CONSTRUCTED: Final = 0x20
_OCTETS_IN_PIECES: Final = der.OCTET_STRING | _CONSTRUCTED
_LINE_ENDS: Final = b"\r\n\x1a"
_ARMOUR: Final = re.compile(rb"\s*-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+/=\s]+)-----END [A-Z0-9 ]+-----\s*")


def plain_file(data: bytes) -> bytes:
    """Return one DER or BER element without the line ends behind it; PEM is decoded.

    What is none of these comes back as it is, for the reader to refuse.
    """
    if (found := _ARMOUR.fullmatch(data)) is not None:
        try:
            return base64.b64decode(b"".join(found[1].split()), validate=True)
        except binascii.Error:
            return data
    try:
        end = _end(data, 0, len(data), 0)
    except MalformedError:
        return data
    return data[:end] if not data[end:].strip(_LINE_ENDS) else data


def to_der(data: bytes, *, limit: int) -> bytes:
    """Bring one BER element into DER's form: lengths written out, octet strings in one piece.

    Content of octet strings is not looked into. Raises `MalformedError`.
    """
    if len(data) > limit:
        raise MalformedError("too large", limit=limit)
    made, end = _convert(data, 0, len(data), 0)
    if end != len(data):
        raise MalformedError("octets behind the end of the value")
    return made


def _head(data: bytes, pos: int, end: int) -> tuple[int, int, int | None]:
    """Tag, where the content begins, and its length (None: open)."""
    if pos + 2 > end:
        raise MalformedError("the value ends too early")
    tag, length = data[pos], data[pos + 1]
    if tag & 0x1F == 0x1F:  # noqa: PLR2004 - the high-tag-number form
        raise MalformedError("a tag number above 30")
    pos += 2
    if length == _OPEN:
        if not tag & _CONSTRUCTED:
            raise MalformedError("a value without parts and without a length")
        return tag, pos, None
    if length > _LONG:
        size = length - _LONG
        if pos + size > end:
            raise MalformedError("the value ends too early")
        length = int.from_bytes(data[pos : pos + size], "big")
        pos += size
    if pos + length > end:
        raise MalformedError("an element reaches beyond its parent")
    return tag, pos, length


def _end(data: bytes, pos: int, end: int, depth: int) -> int:
    """Where the element that begins at `pos` ends."""
    if depth > _DEEPEST:
        raise MalformedError("parts within parts without end")
    _tag, pos, length = _head(data, pos, end)
    if length is not None:
        return pos + length
    while not data.startswith(b"\0\0", pos):
        pos = _end(data, pos, end, depth + 1)
    return pos + 2


def _convert(data: bytes, pos: int, end: int, depth: int) -> tuple[bytes, int]:
    """Return the element at `pos` in DER's form, and where it ended."""
    if depth > _DEEPEST:
        raise MalformedError("parts within parts without end")
    tag, pos, length = _head(data, pos, end)
    if length is not None and not tag & _CONSTRUCTED:
        return der.tlv(tag, data[pos : pos + length]), pos + length
    last = end if length is None else pos + length
    parts = []
    while pos < last and not (length is None and data.startswith(b"\0\0", pos)):
        part, pos = _convert(data, pos, last, depth + 1)
        parts.append(part)
    if length is None:
        if not data.startswith(b"\0\0", pos) or pos + 2 > end:
            raise MalformedError("the value ends too early")
        pos += 2
    if tag == _OCTETS_IN_PIECES:
        return der.octet_string(joined(b"".join(parts))), pos
    return der.tlv(tag, b"".join(parts)), pos


def joined(pieces: bytes) -> bytes:
    """Content of an octet string that came in pieces."""
    reader, found = der.Reader(pieces), []
    while reader.more:
        found.append(reader.octets())
    return b"".join(found)
