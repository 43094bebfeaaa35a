"""Name constraints (RFC 5280 §4.2.1.10, §6.1.3 (b), (c), §6.1.4 (g)) for every kind of general name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError
from dojang.pki.paths.model import undecided, wrong
from dojang.pki.paths.names import (
    EMPTY_NAME,
    GeneralName,
    alternative_names,
    comparable,
    is_dns_name,
    is_dns_pattern,
    read_general_name,
    split_mailbox,
    texts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.pki.certificate import Tbs

MAX_COMPARISONS: Final = 100_000  #: of names of one certificate with constraints; beyond, it is not decided
_EMAIL_ADDRESS: Final = "1.2.840.113549.1.9.1"
_SMTP_UTF8_MAILBOX: Final = "1.3.6.1.5.5.7.8.9"  # RFC 9598 §3


@dataclass(frozen=True, slots=True)
class NameConstraints:
    """The constraints one certificate puts on those below it."""

    permitted: dict[str, tuple[GeneralName, ...]]  #: by kind
    excluded: dict[str, tuple[GeneralName, ...]]


@lru_cache(maxsize=64)
def read_name_constraints(value: bytes) -> NameConstraints:
    """Read the extension's value. Raises `MalformedError`, also for a constraint that constrains nothing."""
    body = der.whole(value)
    permitted = _read_subtrees(body.optional(0xA0))
    excluded = _read_subtrees(body.optional(0xA1))
    body.done()
    if not permitted and not excluded:
        raise MalformedError("name constraints without any")
    return NameConstraints(permitted, excluded)


def _read_subtrees(listed: der.Reader | None) -> dict[str, tuple[GeneralName, ...]]:
    found: dict[str, list[GeneralName]] = {}
    while listed is not None and listed.more:
        subtree = listed.enter()
        base = read_general_name(subtree)
        if subtree.more:  # minimum and maximum are not used with any kind of name
            raise MalformedError("a subtree with a minimum or a maximum")
        _check_base(base)
        found.setdefault(base.kind, []).append(base)
    return {kind: tuple(bases) for kind, bases in found.items()}


def _check_base(base: GeneralName) -> None:
    right = True
    if base.kind == "dns":
        right = not base.text or is_dns_name(base.text)
    elif base.kind in ("email", "uri"):
        host = base.text.removeprefix(".")
        mailbox = base.kind == "email" and split_mailbox(base.text) is not None
        right = mailbox or is_dns_name(host)
    elif base.kind == "ip":
        right = len(base.value) in (8, 32) and _is_mask(base.value[len(base.value) // 2 :])
    if not right:
        raise MalformedError("a name constraint that is no name of its kind")


def _is_mask(octets: bytes) -> bool:
    size = len(octets) * 8
    ones = size - int.from_bytes(octets, "big").bit_count()
    return int.from_bytes(octets, "big") == (1 << size) - (1 << ones)


class NameSpace:
    """The names that are still allowed on the way from the anchor to the leaf."""

    __slots__ = ("_layers",)

    def __init__(self) -> None:
        self._layers: list[NameConstraints] = []

    def narrow(self, facts: Tbs) -> None:
        """Take up the constraints of one more authority (§6.1.4 (g))."""
        extension = facts.extensions.get(oids.NAME_CONSTRAINTS)
        if extension is not None:
            self._layers.append(read_name_constraints(extension.value))

    def check(self, facts: Tbs, *, host_in_common_name: bool = False) -> None:
        """Refuse a certificate with a name outside (§6.1.3 (b), (c))."""
        if not self._layers:
            return
        names = tuple(_names_of(facts, host_in_common_name=host_in_common_name))
        compared = 0
        for layer in self._layers:
            for name in names:
                excluded, permitted = layer.excluded.get(name.kind, ()), layer.permitted.get(name.kind, ())
                compared += len(excluded) + len(permitted)
                if compared > MAX_COMPARISONS:
                    raise undecided("effort", "more name constraints than a path may need")
                if excluded or permitted:
                    _check_one(name, excluded, permitted)


def _check_one(
    name: GeneralName, excluded: tuple[GeneralName, ...], permitted: tuple[GeneralName, ...]
) -> None:
    """Refuse a name that one authority's constraints of its kind exclude, or do not permit."""
    _check_form(name)
    if any(_within(name, base, excluding=True) for base in excluded):
        raise wrong("name_constraints", "a name that an authority above excludes", kind=name.kind)
    if permitted and not any(_within(name, base, excluding=False) for base in permitted):
        raise wrong("name_constraints", "a name outside what an authority above permits", kind=name.kind)


def _names_of(facts: Tbs, *, host_in_common_name: bool) -> Iterator[GeneralName]:
    """Return every name the constraints apply to: of the subject and of the subjectAltName."""
    if facts.subject != EMPTY_NAME:
        yield GeneralName("dn", "", facts.subject)
    alternatives = alternative_names(facts)
    yield from alternatives
    for name in alternatives:
        if name.kind == "other" and (mailbox := _utf8_mailbox(name.value)) is not None:
            yield mailbox
    if not alternatives:
        # Mailboxes in the subject count where there is no subjectAltName (§4.2.1.10).
        for text in texts_of(facts.subject, _EMAIL_ADDRESS):
            yield GeneralName("email", text, text.encode())
    if host_in_common_name and not any(name.kind in ("dns", "ip") for name in alternatives):
        # No host is looked for in a common name here; others may, and then the constraint must have held.
        for text in texts_of(facts.subject, oids.COMMON_NAME):
            if "." in text and is_dns_pattern(text):
                yield GeneralName("dns", text, text.encode())


def _utf8_mailbox(value: bytes) -> GeneralName | None:
    other = der.Reader(value)
    if other.oid() != _SMTP_UTF8_MAILBOX:
        return None
    text = der.read_text(der.UTF8, other.enter(0xA0).value(der.UTF8))
    return GeneralName("email", text, text.encode())


def _check_form(name: GeneralName) -> None:
    """Refuse a name that is not what its kind says: nobody can tell whether it lies within."""
    right = True
    if name.kind == "dns":
        right = is_dns_pattern(name.text)
    elif name.kind == "email":
        right = split_mailbox(name.text) is not None
    elif name.kind == "ip":
        right = len(name.value) in (4, 16)
    if not right:
        raise wrong("name_constraints", "a name that is not of its kind, under a constraint", kind=name.kind)


def _within(name: GeneralName, base: GeneralName, *, excluding: bool) -> bool:
    """Whether a name lies in a subtree; when `excluding`, whether it might."""
    if name.kind == "dns":
        return _dns_within(name.text.lower(), base.text.lower(), excluding=excluding)
    if name.kind == "email":
        return _email_within(name.text, base.text)
    if name.kind == "uri":
        return _host_within(_uri_host(name.text), base.text.lower())
    if name.kind == "ip":
        return _ip_within(name.value, base.value)
    if name.kind == "dn":
        prefix = comparable(base.value)
        return comparable(name.value)[: len(prefix)] == prefix
    # No standard says what a subtree of the other kinds is: the same name is in it, and of any other it is
    # not known, which excludes.
    return excluding or name.value == base.value


def _dns_within(name: str, base: str, *, excluding: bool) -> bool:
    if not base or name == base or name.endswith("." + base):
        return True
    # An asterisk stands for any one label: it might stand for the excluded one.
    return excluding and name.startswith("*.") and base.partition(".")[2] == name[2:]


def _email_within(name: str, base: str) -> bool:
    mailbox = split_mailbox(name)
    assert mailbox is not None
    if "@" in base:
        return split_mailbox(base) == mailbox  # the local part with its case
    return _host_within(mailbox[1], base.lower())


def _host_within(host: str, base: str) -> bool:
    """``host`` is that host alone; ``.domain`` is every host below, not the domain itself (§4.2.1.10)."""
    return host.endswith(base) and host != base if base.startswith(".") else host == base


def _uri_host(text: str) -> str:
    try:
        host = urlsplit(text).hostname or ""
    except ValueError:
        host = ""
    labels = host.split(".")
    if not is_dns_name(host) or labels[-1].isdigit():
        raise wrong("name_constraints", "a URI without a host name, under a constraint", kind="uri")
    return host.lower()


def _ip_within(address: bytes, base: bytes) -> bool:
    size = len(base) // 2
    if len(address) != size:
        return False
    mask = int.from_bytes(base[size:], "big")
    return int.from_bytes(address, "big") & mask == int.from_bytes(base[:size], "big") & mask
