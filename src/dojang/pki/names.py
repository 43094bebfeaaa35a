"""Distinguished names as NPKI authorities write them (RFC 5280 §4.1.2.4; KCAC.TS.DN).

One attribute for each RDN; country is a PrintableString in lower case, everything else UTF8String.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from unicodedata import category

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError, ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS: Final = {
    "C": oids.COUNTRY,
    "O": oids.ORGANIZATION,
    "OU": oids.ORGANIZATIONAL_UNIT,
    "CN": oids.COMMON_NAME,
}
_SHORT: Final = {dotted: kind for kind, dotted in _KINDS.items()}
#: Upper bounds (RFC 5280 appendix A.1, ub-*). The standard counts characters; other software counts octets of
#: UTF-8 and complains, so octets it is.
UPPER_BOUNDS: Final = {"C": 2, "O": 64, "OU": 64, "CN": 64}
_UNWRITABLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name: (kind, value) pairs in encoding order, country first.

    `kind` is ``C``, ``O``, ``OU`` or ``CN``, or a dotted OID when read from a foreign certificate.
    """

    attributes: tuple[tuple[str, str], ...]
    _encoded: list[bytes] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def der(self) -> bytes:
        """The name encoded; `ProfileError` if a value is empty, too long or not printable."""
        if not self._encoded:
            rdns = [
                _encode_rdn(kind, value) if kind == "CN" else _encode_shared(kind, value)
                for kind, value in self.attributes
            ]
            self._encoded.append(der.tlv(der.SEQUENCE, b"".join(rdns)))
        return self._encoded[0]

    @classmethod
    def from_der(cls, data: bytes) -> Name:
        """Read an encoded name; multi-valued RDNs are flattened in order. Raises `MalformedError`."""
        found: list[tuple[str, str]] = []
        rdns = der.whole(data, limit=8192)
        while rdns.more:
            rdn = rdns.enter(der.SET)
            if not rdn.more:
                raise MalformedError("an empty RDN")
            while rdn.more:
                pair = rdn.enter()
                dotted = pair.oid()
                found.append((_SHORT.get(dotted, dotted), pair.text()))
                pair.done()
        return cls(tuple(found))

    def get(self, kind: str) -> tuple[str, ...]:
        """Values of one kind, in encoding order."""
        return tuple(value for found, value in self.attributes if found == kind)

    def __str__(self) -> str:
        """Display form, last RDN first, as Korean software and folders show it: ``cn=…,ou=…,o=…,c=kr``."""
        pairs = (f"{kind.lower()}={_escape(value)}" for kind, value in reversed(self.attributes))
        return ",".join(pairs)


def build_name(*pairs: tuple[str, str]) -> Name:
    """Name from (kind, value) pairs in encoding order, checked at once."""
    name = Name(tuple(pairs))
    _ = name.der
    return name


def authority_name(
    *, organization: str, common_name: str, unit: str = "AccreditedCA", country: str = "kr"
) -> Name:
    """Name of a certification authority: ``C, O, OU, CN``."""
    return build_name(("C", country), ("O", organization), ("OU", unit), ("CN", common_name))


def subscriber_name(
    *, organization: str, units: Iterable[str], common_name: str, country: str = "kr"
) -> Name:
    """Name of a customer: ``C, O``, one RDN for each unit, ``CN``."""
    return build_name(
        ("C", country), ("O", organization), *(("OU", unit) for unit in units), ("CN", common_name)
    )


def is_writable(text: str) -> bool:
    """Tell whether a text can stand in a name: no controls, marks of direction, halves of signs, odd spaces.

    Asked by general category, not by whether this version of Python can print it: a letter that Unicode took
    in later, or one of a bank's own (private use), is in somebody's name.
    """
    return all(sign == " " or category(sign) not in _UNWRITABLE for sign in text)


def subscriber_common_name(real_name: str, number: str, *, latin: str = "") -> str:
    """CN in the NPKI shape ``name(latin or nothing)number``, at most 64 octets (`UPPER_BOUNDS`).

    Of a name too long for that stand the first words that fit, or of a first word too long its beginning,
    never half a character nor a letter without its marks. The whole name is in identifyData.
    """
    if not number.isascii() or not number.isdigit():
        raise ProfileError("the number in a common name is decimal digits")
    tail = f"({latin}){number}"
    room = UPPER_BOUNDS["CN"] - len(tail.encode())
    # A character of UTF-8 that is cut in two is left out whole.
    kept = real_name.encode()[: max(room, 0)].decode(errors="ignore")
    while kept and category((real_name + " ")[len(kept)]).startswith("M"):
        kept = kept[:-1]
    if not (real_name + " ")[len(kept) :].startswith(" ") and " " in kept.rstrip():
        kept = kept.rpartition(" ")[0]
    kept = kept.rstrip()
    if not kept:
        raise ProfileError("no room for the name in the common name")
    return kept + tail


_TYPES: Final = {kind: der.oid(dotted) for kind, dotted in _KINDS.items()}


def _encode_rdn(kind: str, value: str) -> bytes:
    encoded_type = _TYPES.get(kind)
    if encoded_type is None:
        raise ProfileError("an attribute type the profiles do not use", kind=kind)
    # The value is a person's: no error quotes it.
    encoded = value.encode()
    if not 1 <= len(encoded) <= UPPER_BOUNDS[kind]:
        raise ProfileError("a name attribute is empty or too long", kind=kind)
    if value[0] == " " or value[-1] == " " or not is_writable(value):
        raise ProfileError("a name attribute is padded or holds unprintable characters", kind=kind)
    if kind == "C":
        if not (len(value) == 2 and value.isascii() and value.isalpha()):  # noqa: PLR2004 - ISO 3166-1
            raise ProfileError("a country is two letters", kind=kind)
        text = der.printable(value)
    else:
        text = der.tlv(der.UTF8, encoded)
    return der.tlv(der.SET, der.tlv(der.SEQUENCE, encoded_type + text))


_encode_shared = lru_cache(maxsize=1024)(_encode_rdn)  # everything but the person's own attribute


def _escape(value: str) -> str:
    r"""Escape what RFC 4514 §2.4 wants escaped, so that the text reads back unambiguously."""
    out = "".join(f"\\{c}" if c in ',+"\\<>;=' else c for c in value)
    return f"\\{out}" if out[:1] in ("#", " ") else out
