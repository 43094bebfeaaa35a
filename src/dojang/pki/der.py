"""Distinguished Encoding Rules (ITU-T X.690 §8, §10, §11): a small writer and a strict reader.

The writer returns ``bytes`` ready to be concatenated, which is what makes template splicing possible.
The reader accepts only DER: definite and minimal lengths, minimal integers, low tag numbers. It never
recurses: depth is bounded by the code that calls it. Anything else raises `MalformedError`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from dojang.pki.errors import MalformedError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, ENUMERATED = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A
UTF8, PRINTABLE, IA5, UTC_TIME, GENERALIZED_TIME, BMP = 0x0C, 0x13, 0x16, 0x17, 0x18, 0x1E
NUMERIC, T61, VISIBLE, UNIVERSAL = 0x12, 0x14, 0x1A, 0x1C  # read, never written
SEQUENCE, SET = 0x30, 0x31

TRUE = b"\x01\x01\xff"
NULL_VALUE = b"\x05\x00"

_PRINTABLE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")
_UTC_TIME_FIRST, _UTC_TIME_LAST = 1950, 2049  # RFC 5280 §4.1.2.5
_LONG = 0x80
_MAX_OID = 64  # octets; the longest in use is under 30


# --- writing -----------------------------------------------------------------------------------------


#: Every short header, by tag and length: half the work of writing small elements is done here, once.
_HEADS: Final = tuple(bytes((tag, length)) for tag in range(256) for length in range(_LONG))


def header(tag: int, length: int) -> bytes:
    """Encode identifier and length octets for a value of `length` octets."""
    if length < _LONG:
        return _HEADS[tag << 7 | length]
    if length <= 0xFF:  # noqa: PLR2004 - one length octet
        return bytes((tag, 0x81, length))
    if length <= 0xFFFF:  # noqa: PLR2004 - two length octets
        return bytes((tag, 0x82, length >> 8, length & 0xFF))
    size = (length.bit_length() + 7) // 8
    return bytes((tag, _LONG | size)) + length.to_bytes(size, "big")


def tlv(tag: int, content: bytes) -> bytes:
    """One complete element."""
    length = len(content)
    return (_HEADS[tag << 7 | length] if length < _LONG else header(tag, length)) + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE of already encoded parts."""
    return tlv(SEQUENCE, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """SET OF, sorted as DER wants it (X.690 §11.6)."""
    return tlv(SET, b"".join(sorted(parts)))


def integer(value: int, tag: int = INTEGER) -> bytes:
    """INTEGER (or ENUMERATED, by `tag`) in the fewest octets."""
    size = value.bit_length() // 8 + 1 if value >= 0 else (value + 1).bit_length() // 8 + 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def enumerated(value: int) -> bytes:
    """Encode an ENUMERATED."""
    return integer(value, ENUMERATED)


@lru_cache(maxsize=512)
def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form; `ValueError` if that is not one."""
    arcs = [int(arc) for arc in dotted.split(".")]
    two = 2
    if len(arcs) < two or arcs[0] > two or (arcs[0] < two and arcs[1] > 39) or min(arcs) < 0:  # noqa: PLR2004
        message = "not an object identifier"
        raise ValueError(message)
    body = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        octets = [arc & 0x7F]
        rest = arc >> 7
        while rest:
            octets.append((rest & 0x7F) | 0x80)
            rest >>= 7
        body += bytes(reversed(octets))
    return tlv(OID, bytes(body))


def octet_string(content: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTET_STRING, content)


def bit_string(content: bytes, unused: int = 0) -> bytes:
    """BIT STRING of whole octets, `unused` low bits of the last one being padding."""
    return tlv(BIT_STRING, bytes((unused,)) + content)


def named_bits(*positions: int) -> bytes:
    """BIT STRING with named bits: trailing zero bits are left out (X.690 §11.2.2)."""
    if not positions:
        return bit_string(b"")
    highest = max(positions)
    octets = bytearray(highest // 8 + 1)
    for position in positions:
        octets[position // 8] |= 0x80 >> (position % 8)
    return bit_string(bytes(octets), 7 - highest % 8)


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv(UTF8, text.encode())


def printable(text: str) -> bytes:
    """PrintableString; `ValueError` for a character outside its set."""
    content = text.encode("ascii", "strict")
    if not _PRINTABLE.issuperset(content):
        message = "a character that PrintableString does not have"
        raise ValueError(message)
    return tlv(PRINTABLE, content)


def explicit(number: int, content: bytes) -> bytes:
    """Wrap as ``[number] EXPLICIT`` or a constructed ``[number] IMPLICIT`` around `content`."""
    return tlv(0xA0 | number, content)


def context(number: int, content: bytes) -> bytes:
    """Encode a primitive ``[number] IMPLICIT`` value."""
    return tlv(0x80 | number, content)


_TWO = tuple(f"{n:02d}".encode() for n in range(100))


def generalized_time(moment: datetime) -> bytes:
    """GeneralizedTime ``YYYYMMDDHHMMSSZ``; `moment` is aware UTC."""
    year = moment.year
    return b"".join(
        (
            b"\x18\x0f",
            _TWO[year // 100],
            _TWO[year % 100],
            _TWO[moment.month],
            _TWO[moment.day],
            _TWO[moment.hour],
            _TWO[moment.minute],
            _TWO[moment.second],
            b"Z",
        )
    )


def time(moment: datetime) -> bytes:
    """Time as RFC 5280 §4.1.2.5 has it: UTCTime through 2049, GeneralizedTime from 2050."""
    if moment.utcoffset():
        moment = moment.astimezone(UTC)
    year = moment.year
    if not _UTC_TIME_FIRST <= year <= _UTC_TIME_LAST:
        return generalized_time(moment)
    return b"".join(
        (
            b"\x17\x0d",
            _TWO[year % 100],
            _TWO[moment.month],
            _TWO[moment.day],
            _TWO[moment.hour],
            _TWO[moment.minute],
            _TWO[moment.second],
            b"Z",
        )
    )


# --- reading -----------------------------------------------------------------------------------------


class Reader:
    """A cursor over the elements of one DER value. Reading off the grammar raises `MalformedError`."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.pos = start
        self.end = len(data) if end is None else end

    @property
    def tag(self) -> int:
        """Tag of the next element, or -1 at the end."""
        return self.data[self.pos] if self.pos < self.end else -1

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self.pos < self.end

    def _head(self, tag: int) -> tuple[int, int]:
        """Bounds of the next element's content; moves the cursor behind it."""
        data, pos, end = self.data, self.pos, self.end
        if pos + 2 > end:
            raise MalformedError("the value ends too early")
        found = data[pos]
        if tag >= 0 and found != tag:
            raise MalformedError("an element of another type was expected here")
        if found & 0x1F == 0x1F:  # noqa: PLR2004 - the high-tag-number form
            raise MalformedError("a tag number above 30")
        length = data[pos + 1]
        pos += 2
        if length >= _LONG:
            size = length - _LONG
            if not 1 <= size <= 4 or pos + size > end:  # noqa: PLR2004 - 4 GiB is far above every bound
                raise MalformedError("a length that DER does not allow")
            length = int.from_bytes(data[pos : pos + size], "big")
            if length < _LONG or length >> (8 * (size - 1)) == 0:
                raise MalformedError("a length that is not minimal")
            pos += size
        if pos + length > end:
            raise MalformedError("an element reaches beyond its parent")
        self.pos = pos + length
        return pos, pos + length

    def value(self, tag: int = -1) -> bytes:
        """Content octets of the next element."""
        start, end = self._head(tag)
        return self.data[start:end]

    def raw(self, tag: int = -1) -> bytes:
        """Take the next element, header included."""
        before = self.pos
        self._head(tag)
        return self.data[before : self.pos]

    def enter(self, tag: int = SEQUENCE) -> Reader:
        """Take the next, constructed element as a reader over its content."""
        start, end = self._head(tag)
        return Reader(self.data, start, end)

    def optional(self, tag: int) -> Reader | None:
        """As `enter`, or None when the next element has another tag."""
        return self.enter(tag) if self.tag == tag else None

    def done(self) -> None:
        """Refuse anything left over."""
        if self.pos != self.end:
            raise MalformedError("octets behind the end of the value")

    def integer(self, tag: int = INTEGER) -> int:
        """INTEGER in its minimal form."""
        content = self.value(tag)
        if not content or (
            len(content) > 1 and content[0] in (0, 0xFF) and not (content[0] ^ content[1]) & 0x80
        ):
            raise MalformedError("an integer that is not minimal")
        return int.from_bytes(content, "big", signed=True)

    def small(self, tag: int = INTEGER) -> int:
        """INTEGER of at most eight octets, for versions, counts and enumerations."""
        before = self.pos
        start, end = self._head(tag)
        if end - start > 8:  # noqa: PLR2004 - eight octets
            raise MalformedError("an integer too large for its place")
        self.pos = before
        return self.integer(tag)

    def oid(self) -> str:
        """OBJECT IDENTIFIER in dotted form."""
        return read_oid(self.value(OID))

    def boolean(self) -> bool:
        """BOOLEAN: FF or 00 (X.690 §11.1)."""
        content = self.value(BOOLEAN)
        if content not in (b"\xff", b"\x00"):
            raise MalformedError("a boolean that DER does not allow")
        return content == b"\xff"

    def octets(self) -> bytes:
        """Content of an OCTET STRING."""
        return self.value(OCTET_STRING)

    def bits(self) -> bytes:
        """Content of a BIT STRING of whole octets."""
        content = self.value(BIT_STRING)
        if not content or content[0]:
            raise MalformedError("a bit string that is not whole octets")
        return content[1:]

    def named_bits(self) -> frozenset[int]:
        """Positions set in a BIT STRING with named bits; trailing zeros are refused."""
        return read_named_bits(self.value(BIT_STRING))

    def time(self) -> datetime:
        """UTCTime or GeneralizedTime in the forms of RFC 5280 §4.1.2.5, aware UTC."""
        tag = self.tag
        return read_time(tag, self.value())

    def text(self) -> str:
        """Read a character string of any type certificates have ever had."""
        tag = self.tag
        return read_text(tag, self.value())


def whole(data: bytes, tag: int = SEQUENCE, *, limit: int | None = None) -> Reader:
    """Open `data`, which must be exactly one element of `tag`, of at most `limit` octets."""
    if limit is not None and len(data) > limit:
        raise MalformedError("too large", limit=limit)
    outer = Reader(data)
    inner = outer.enter(tag)
    outer.done()
    return inner


@lru_cache(maxsize=1024)
def read_oid(content: bytes) -> str:
    """Dotted form of OBJECT IDENTIFIER content octets."""
    if not content or len(content) > _MAX_OID or content[-1] & 0x80:
        raise MalformedError("not an object identifier")
    arcs: list[int] = []
    value, fresh = 0, True
    for octet in content:
        if fresh and octet == 0x80:  # noqa: PLR2004 - a padded arc
            raise MalformedError("an object identifier that is not minimal")
        value = value << 7 | octet & 0x7F
        fresh = not octet & 0x80
        if fresh:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


@lru_cache(maxsize=64)
def read_named_bits(content: bytes) -> frozenset[int]:
    """Positions set in BIT STRING content octets."""
    if not content or len(content) > 5 or content[0] > 7:  # noqa: PLR2004 - 32 names at most, 7 padding bits
        raise MalformedError("not a bit string of names")
    value = content[1:]
    if not value:
        if content[0]:
            raise MalformedError("padding without bits")
        return frozenset()
    if value[-1] & ((1 << content[0]) - 1) or not value[-1] & (1 << content[0]):
        raise MalformedError("trailing zero bits")
    return frozenset(
        octet * 8 + bit for octet, bits in enumerate(value) for bit in range(8) if bits & 0x80 >> bit
    )


@lru_cache(maxsize=256)
def read_time(tag: int, content: bytes) -> datetime:
    """Aware UTC moment of UTCTime or GeneralizedTime content octets, to the second, ending in Z."""
    sizes = {UTC_TIME: 13, GENERALIZED_TIME: 15}
    digits = content[:-1]
    if len(content) != sizes.get(tag) or content[-1:] != b"Z" or not digits.isdigit():
        raise MalformedError("not a time as RFC 5280 writes it")
    if tag == UTC_TIME:
        digits = (b"19" if digits[:2] >= b"50" else b"20") + digits
    try:
        return datetime(
            int(digits[:4]),
            int(digits[4:6]),
            int(digits[6:8]),
            int(digits[8:10]),
            int(digits[10:12]),
            int(digits[12:14]),
            tzinfo=UTC,
        )
    except ValueError:
        raise MalformedError("no such moment") from None


def _read_t61(content: bytes) -> str:
    """Text of a TeletexString, in which authorities put what their country wrote: EUC-KR here, else Latin."""
    try:
        return content.decode("euc_kr")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_text(tag: int, content: bytes) -> str:
    """Text of a character string's content octets."""
    try:
        if tag == UTF8:
            return content.decode("utf-8")
        if tag == PRINTABLE:
            if not _PRINTABLE.issuperset(content):
                raise MalformedError("a character that PrintableString does not have")
            return content.decode("ascii")
        if tag in (IA5, VISIBLE, NUMERIC):
            return content.decode("ascii")
        if tag == BMP:
            return content.decode("utf-16-be")
        if tag == UNIVERSAL:
            return content.decode("utf-32-be")
        if tag == T61:
            return _read_t61(content)
    except UnicodeDecodeError:
        raise MalformedError("text in another encoding than it claims") from None
    raise MalformedError("not a character string of a kind in use")
