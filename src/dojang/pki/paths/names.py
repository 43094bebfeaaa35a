"""Names in certificates: when two are the same (RFC 5280 §7.1), and the kinds of GeneralName (§4.2.1.6)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError

if TYPE_CHECKING:
    from dojang.pki.certificate import Tbs

_MAX_NAME: Final = 65_536  # octets; a certificate is not larger
_TEXTS: Final = frozenset(
    {der.UTF8, der.PRINTABLE, der.IA5, der.BMP, der.NUMERIC, der.T61, der.VISIBLE, der.UNIVERSAL}
)
EMPTY_NAME: Final = b"\x30\x00"

Rdn = frozenset[tuple[str, str | bytes]]


@lru_cache(maxsize=4096)
def comparable(name: bytes) -> tuple[Rdn, ...]:
    """Return a distinguished name in the form in which equal names are equal (RFC 5280 §7.1).

    Text is compared without regard to its string type, case and runs of spaces; anything else octet by octet.
    """
    rdns = der.whole(name, limit=_MAX_NAME)
    found: list[Rdn] = []
    while rdns.more:
        rdn = rdns.enter(der.SET)
        pairs: set[tuple[str, str | bytes]] = set()
        while rdn.more:
            pair = rdn.enter()
            dotted = pair.oid()
            pairs.add((dotted, _value(pair)))
            pair.done()
        if not pairs:
            raise MalformedError("an empty RDN")
        found.append(frozenset(pairs))
    return tuple(found)


def _value(pair: der.Reader) -> str | bytes:
    tag = pair.tag
    raw = pair.raw()
    if tag not in _TEXTS:
        return raw
    content = der.Reader(raw).value()
    try:
        text = der.read_text(tag, content)
    except MalformedError:
        # Printable strings with an @ or an & are about in old roots: compare what is there.
        text = content.decode("latin-1")
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def same_name(one: bytes, other: bytes) -> bool:
    """Whether two encoded distinguished names are the same name."""
    return one == other or comparable(one) == comparable(other)


def is_self_issued(facts: Tbs) -> bool:
    """Whether subject and issuer are the same name (RFC 5280 §3.2)."""
    return same_name(facts.subject, facts.issuer)


class GeneralName(NamedTuple):
    """One GeneralName. `text` for e-mail, DNS and URI; `value` are the content octets."""

    kind: str  #: ``other`` ``email`` ``dns`` ``x400`` ``dn`` ``edi`` ``uri`` ``ip`` ``id``
    text: str
    value: bytes


_KINDS: Final = {
    0xA0: "other",
    0x81: "email",
    0x82: "dns",
    0xA3: "x400",
    0xA4: "dn",
    0xA5: "edi",
    0x86: "uri",
    0x87: "ip",
    0x88: "id",
}


def read_general_name(body: der.Reader) -> GeneralName:
    """Take the next GeneralName. Raises `MalformedError`."""
    kind = _KINDS.get(body.tag)
    if kind is None:
        raise MalformedError("a general name of no kind there is")
    value = body.value()
    text = der.read_text(der.IA5, value) if kind in ("email", "dns", "uri") else ""
    if kind == "dn":
        comparable(value)
    elif kind == "other":
        other = der.Reader(value)
        other.oid()
        other.enter(0xA0)
        other.done()
    elif kind == "id":
        der.read_oid(value)
    return GeneralName(kind, text, value)


def read_general_names(value: bytes) -> tuple[GeneralName, ...]:
    """GeneralNames of an extension's value; at least one."""
    listed = der.whole(value)
    found = []
    while listed.more:
        found.append(read_general_name(listed))
    if not found:
        raise MalformedError("an empty list of names")
    return tuple(found)


def alternative_names(facts: Tbs) -> tuple[GeneralName, ...]:
    """Names in the subjectAltName; empty when there is no such extension."""
    extension = facts.extensions.get(oids.SUBJECT_ALT_NAME)
    return () if extension is None else read_general_names(extension.value)


def texts_of(name: bytes, dotted: str) -> tuple[str, ...]:
    """Texts of one attribute type in a distinguished name, as they are written."""
    found: list[str] = []
    rdns = der.whole(name, limit=_MAX_NAME)
    while rdns.more:
        rdn = rdns.enter(der.SET)
        while rdn.more:
            pair = rdn.enter()
            wanted = pair.oid() == dotted
            tag, raw = pair.tag, pair.raw()
            if wanted and tag in _TEXTS:
                found.append(der.read_text(tag, der.Reader(raw).value()))
    return tuple(found)


_LABEL: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def is_dns_name(text: str) -> bool:
    """Whether a text is a host name in labels: letters, digits, hyphens; no dot at either end.

    An underscore passes: such names are about, and it matches nothing but itself.
    """
    if not 1 <= len(text) <= 253:  # noqa: PLR2004 - RFC 1035 §2.3.4
        return False
    return all(
        1 <= len(label) <= 63  # noqa: PLR2004 - the same
        and _LABEL.issuperset(label)
        and label[0] != "-"
        and label[-1] != "-"
        for label in text.lower().split(".")
    )


def is_dns_pattern(text: str) -> bool:
    """Whether a text is a host name, or one whose whole first label is an asterisk (RFC 9525 §6.3)."""
    return is_dns_name(text.removeprefix("*."))


def split_mailbox(text: str) -> tuple[str, str] | None:
    """(local part, host in lower case) of a mailbox (RFC 5321 §4.1.2, no quoted local parts), or None."""
    local, at, host = text.rpartition("@")
    if (
        not at
        or not local
        or "@" in local
        or not is_dns_name(host)
        or not local.isprintable()
        or " " in local
    ):
        return None
    return local, host.lower()
