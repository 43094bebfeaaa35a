"""Cases of strangers' certificates, and how each must end: form, life, authorities, purposes, peers."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from tests.unit.pki.paths.makers import (
    CLIENT,
    DAY,
    NOW,
    SERVER,
    Made,
    between,
    dns,
    leaf,
    name,
    permit,
    raw,
    root,
    usage,
)

from dojang.pki import der

if TYPE_CHECKING:
    from collections.abc import Callable

DNS, MAIL, URI, DN = x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier, x509.DirectoryName
Reason = x509.ReasonFlags


@dataclass(frozen=True)
class Asked:
    """What is asked: certificates, lists, and what the path must satisfy."""

    leaf: Made
    between: tuple[Made, ...] = ()
    trusted: tuple[Made, ...] = ()
    crls: tuple[str, ...] = ()
    purpose: str | None = "server"
    peer: Any = "www.example.com"
    more: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """Return the case as `dojang verify-path` reads it."""
        return {
            "trusted": [made.text for made in self.trusted],
            "intermediates": [made.text for made in self.between],
            "leaf": self.leaf.text,
            "crls": list(self.crls),
            "time": NOW.isoformat(),
            "purpose": self.purpose,
            "peer_name": self.peer,
        } | self.more


#: Id → (what is asked, how it must end: ``ok`` or the reason).
CASES: dict[str, tuple[Callable[[], Asked], str]] = {}


def add_case(number: str, outcome: str, build: Callable[[], Asked]) -> None:
    """Enter a case under an id of its own."""
    assert number not in CASES
    CASES[number] = (build, outcome)


def add_direct(outcome: str, number: str, **given: Any) -> None:
    """Add a case of a leaf right below a root; `root_…` goes to the root, `ask_…` to the question."""
    above = {k.removeprefix("root_"): v for k, v in given.items() if k.startswith("root_")}
    asked = {k.removeprefix("ask_"): v for k, v in given.items() if k.startswith("ask_")}
    own = {k: v for k, v in given.items() if not k.startswith(("root_", "ask_"))}

    def build() -> Asked:
        anchor = root(**above)
        return Asked(leaf(anchor, **own), (), (anchor,), **asked)

    add_case(number, outcome, build)


def add_below(outcome: str, number: str, *, of: dict[str, Any] | None = None, **given: Any) -> None:
    """Add a case with one authority between, made with `of`."""
    asked = {k.removeprefix("ask_"): v for k, v in given.items() if k.startswith("ask_")}
    own = {k: v for k, v in given.items() if not k.startswith("ask_")}

    def build() -> Asked:
        anchor = root()
        middle = between(anchor, **(of or {}))
        return Asked(leaf(middle, **own), (middle,), (anchor,), **asked)

    add_case(number, outcome, build)


# --- right ones, so that the refusals are for their faults ---
add_direct("ok", "plain")
add_below("ok", "plain-below")
add_direct("ok", "no-key-usage", bits=None)
add_direct("ok", "no-purposes", eku=None)
add_direct("ok", "any-time-between", begins=NOW, ends=NOW)
add_direct(
    "ok", "far-future", ends=datetime(2961, 1, 1, tzinfo=UTC), root_ends=datetime(2961, 1, 1, tzinfo=UTC)
)
add_direct("ok", "empty-subject-critical-name", subject=name(""), san=(dns("www.example.com"), True))
add_direct("ok", "unknown-extension", more=(raw("1.3.6.1.4.1.32473.9", b"\x05\x00"),))
add_direct("ok", "two-purposes", eku=x509.ExtendedKeyUsage([SERVER, CLIENT]))
add_direct("ok", "client", eku=x509.ExtendedKeyUsage([CLIENT]), ask_purpose="client")
add_direct("ok", "p384", key="ec-384r1")
add_direct("ok", "p521", key="ec-521r1")
add_direct("ok", "rsa-2048", key="rsa-2048")

# --- the profile ---
for _number, _given in {
    "serial-zero": {"serial": 0},
    "serial-long": {"serial": 1 << 160},
    "empty-issuer": {"issuer_name": name(""), "root_subject": name("")},
    "root-empty-subject": {"root_subject": name("")},
    "empty-subject-plain-name": {"subject": name("")},
    "no-authority-key": {"aki": None},
    "critical-authority-key": {
        "aki": (x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None), True),
    },
    "root-no-subject-key": {"root_ski": None},
    "critical-subject-key": {"ski": (x509.SubjectKeyIdentifier(b"\x01" * 20), True)},
    "cert-sign-without-authority": {"bits": usage("digital_signature", "key_cert_sign")},
    "usage-of-nothing": {"bits": raw("2.5.29.15", b"\x03\x01\x00", critical=True)},
    "root-plain-constraints": {"root_basic": (x509.BasicConstraints(True, None), False)},
    "critical-access": {
        "more": (
            (x509.AuthorityInformationAccess([x509.AccessDescription(Access.OCSP, URI("http://o/"))]), True),
        )
    },
    "constraints-in-a-leaf": {"more": ((permit(DNS("example.com")), True),)},
    "critical-name-beside-subject": {"san": (dns("www.example.com"), True)},
    "root-with-purposes": {"root_eku": x509.ExtendedKeyUsage([SERVER])},
    "root-names-another-key": {"root_aki": x509.AuthorityKeyIdentifier(b"\x02" * 20, None, None)},
    "root-aki-by-serial": {"root_aki": x509.AuthorityKeyIdentifier(None, [DN(name("Root"))], 7)},
    "bad-host-in-names": {"san": dns("www.example.com", "a..example.com")},
}.items():
    add_direct("profile", _number, **_given)

for _number, _given in {
    "duplicate-extension": {"more": ((dns("www.example.com"), False),)},
    "junk-names": {"san": raw("2.5.29.17", b"www.example.com")},
    "junk-access": {"more": (raw("1.3.6.1.5.5.7.1.1", b"junk"),)},
    "empty-purposes": {"eku": raw("2.5.29.37", b"\x30\x00")},
    "emoji-host": {"san": dns("\U0001f61c.example.com")},
    "default-constraints": {"basic": raw("2.5.29.19", bytes.fromhex("3003010100"))},
}.items():
    add_direct("malformed", _number, **_given)

add_direct("critical_extension", "unknown-critical", more=(raw("1.3.6.1.4.1.32473.9", b"", critical=True),))
add_direct(
    "critical_extension", "unknown-critical-root", root_more=(raw("1.3.6.1.4.1.32473.9", b"", critical=True),)
)
add_below(
    "critical_extension",
    "unknown-critical-between",
    of={"more": (raw("1.3.6.1.4.1.32473.9", b"", critical=True),)},
)
add_below("profile", "between-no-authority-key", of={"aki": None})
add_below("profile", "between-no-subject-key", of={"ski": None})
add_below("profile", "between-plain-limits", of={"more": ((x509.PolicyConstraints(None, 0), False),)})
add_below("profile", "between-plain-any", of={"more": ((x509.InhibitAnyPolicy(0), False),)})
add_below("profile", "between-plain-names", of={"more": ((permit(DNS("example.com")), False),)})

add_direct(
    "profile",
    "authority-that-may-not-sign",
    basic=(x509.BasicConstraints(True, None), True),
    bits=usage("digital_signature"),
)

# --- weak ---
add_direct("weak", "rsa-1024", key="rsa-1024")
add_direct("weak", "rsa-odd", key="rsa-2052")
add_direct("weak", "dsa", key="dsa-1024")
add_direct("weak", "p192", key="ec-192r1")
add_direct("weak", "k256", key="ec-256k1")
add_direct("weak", "root-rsa-1024", root_key="rsa-1024")

# --- life ---
add_direct("expired", "expired", ends=NOW - DAY / 2)
add_direct("not_yet_valid", "not-yet", begins=NOW + DAY)
add_direct("expired", "root-expired", root_ends=NOW - DAY / 2)
add_direct("not_yet_valid", "root-not-yet", root_begins=NOW + DAY)
add_below("expired", "between-expired", of={"ends": NOW - DAY / 2})
add_below("not_yet_valid", "between-not-yet", of={"begins": NOW + DAY})

# --- authorities ---
add_below("not_an_authority", "between-no-constraints", of={"basic": None})
add_below("not_an_authority", "between-not-ca", of={"basic": x509.BasicConstraints(False, None)})
add_below("key_usage", "between-may-not-sign", of={"bits": usage("crl_sign")})
add_direct("not_an_authority", "root-no-constraints", root_basic=None)
add_direct("key_usage", "root-may-not-sign", root_bits=usage("crl_sign"))
add_direct("no_path", "other-issuer-name", issuer_name=name("Another"))


def _stranger() -> Asked:
    known, unknown = root("Known"), root("Unknown")
    middle = between(unknown)
    return Asked(leaf(middle), (middle, unknown), (known,))


def _forged() -> Asked:
    right = root("Root")
    return Asked(leaf(root("Root", key_of="mallory")), (), (right,))


def _customer_issues() -> Asked:
    anchor = root()
    customer = leaf(anchor, "customer.example.com")
    return Asked(leaf(customer), (customer,), (anchor,))


def _trusted_between() -> Asked:
    anchor = root()
    middle = between(anchor)
    return Asked(leaf(middle), (anchor,), (middle,))


add_case("stranger", "no_path", _stranger)
add_case("forged", "signature", _forged)
add_case("customer-issues", "not_an_authority", _customer_issues)
add_case("between-is-trusted", "ok", _trusted_between)


# --- length ---
def _chain(*lengths: int | None, anchor_length: int | None = None, **more: Any) -> Asked:
    anchor = root(path_length=anchor_length)
    made: list[Made] = []
    above = anchor
    for number, length in enumerate(lengths):
        above = between(above, f"Level {number}", path_length=length)
        made.append(above)
    return Asked(leaf(above), tuple(made), (anchor,), more=more)


def _self_issued(length: int) -> Asked:
    anchor = root()
    first = between(anchor, "Same", path_length=length)
    second = between(first, "Same", key_of="same-2", path_length=length)
    third = between(second, "Last", path_length=0)
    return Asked(leaf(third), (first, second, third), (anchor,))


def _authority_as_leaf() -> Asked:
    anchor = root()
    first = between(anchor, "First", path_length=0)
    return Asked(between(first, "Second", path_length=0), (first,), (anchor,), peer=None)


add_case("length-0", "ok", lambda: _chain(0))
add_case("length-may-grow", "ok", lambda: _chain(1, 2))
add_case("length-0-broken", "path_length", lambda: _chain(0, 0))
add_case("length-1-0-broken", "path_length", lambda: _chain(1, 0, 0))
add_case("root-length-broken", "path_length", lambda: _chain(None, anchor_length=0))
add_case("self-issued-not-counted", "ok", lambda: _self_issued(1))
add_case("self-issued-length", "path_length", lambda: _self_issued(0))
add_case("authority-as-leaf", "ok", _authority_as_leaf)
add_case("depth-0", "ok", lambda: _chain(max_depth=0))
add_case("depth-0-broken", "depth", lambda: _chain(None, max_depth=0))
add_case("depth-1", "ok", lambda: _chain(None, max_depth=1))
add_case("depth-1-broken", "depth", lambda: _chain(None, None, max_depth=1))
add_case("far-too-deep", "depth", lambda: _chain(*[None] * 20))

# --- purposes ---
add_direct("purpose", "other-purpose", eku=x509.ExtendedKeyUsage([CLIENT]))
add_direct("purpose", "server-for-client", ask_purpose="client")
add_below("purpose", "between-other-purpose", of={"eku": x509.ExtendedKeyUsage([CLIENT])})
add_direct("purpose", "any-for-a-server", eku=x509.ExtendedKeyUsage([Purpose.ANY_EXTENDED_KEY_USAGE]))
add_direct("purpose", "critical-purposes", eku=(x509.ExtendedKeyUsage([SERVER]), True))
for _number, _other in {
    "code": Purpose.CODE_SIGNING,
    "mail": Purpose.EMAIL_PROTECTION,
    "time": Purpose.TIME_STAMPING,
    "ocsp": Purpose.OCSP_SIGNING,
}.items():
    add_direct("purpose", f"server-and-{_number}", eku=x509.ExtendedKeyUsage([SERVER, _other]))

_MAIL = x509.ExtendedKeyUsage([Purpose.EMAIL_PROTECTION])


def _mailbox_of(outcome: str, number: str, *, of: dict[str, Any] | None = None, **given: Any) -> None:
    """Add a case of a mailbox's certificate, below a root or below an authority made with `of`."""
    usual = {"eku": _MAIL, "san": x509.SubjectAlternativeName([MAIL("kim@example.com")])}
    usual |= {"ask_purpose": "email", "ask_peer": "kim@example.com"} | given
    if of is None:
        add_direct(outcome, f"mail-{number}", **usual)
    else:
        add_below(outcome, f"mail-{number}", of=of, **usual)


_mailbox_of("ok", "plain")
_mailbox_of("ok", "below", of={})
_mailbox_of("ok", "authority-for-mail", of={"eku": _MAIL})
_mailbox_of("profile", "no-key-usage", bits=None)
_mailbox_of("profile", "no-mailbox", san=dns("example.com"), ask_peer=None)
_mailbox_of("purpose", "and-server", eku=x509.ExtendedKeyUsage([Purpose.EMAIL_PROTECTION, SERVER]))
_mailbox_of("purpose", "for-client", eku=x509.ExtendedKeyUsage([CLIENT]))
_mailbox_of("profile", "authority-signs-no-lists", of={"bits": usage("key_cert_sign")})
_mailbox_of("purpose", "authority-for-server", of={"eku": x509.ExtendedKeyUsage([SERVER])})
_mailbox_of("profile", "root-with-purposes", root_eku=_MAIL)

# --- peers ---
for _number, _names, _wanted, _outcome in (
    ("exact", ["example.com"], "example.com", "ok"),
    ("case", ["Example.COM"], "eXample.com", "ok"),
    ("final-dot", ["example.com"], "example.com.", "ok"),
    ("second", ["a.example.com", "b.example.com"], "b.example.com", "ok"),
    ("star", ["*.example.com"], "foo.example.com", "ok"),
    ("other", ["example.com"], "example2.com", "peer_name"),
    ("below", ["example.com"], "abc.example.com", "peer_name"),
    ("above", ["abc.example.com"], "example.com", "peer_name"),
    ("star-apex", ["*.example.com"], "example.com", "peer_name"),
    ("star-two-labels", ["*.example.com"], "foo.bar.example.com", "peer_name"),
    ("star-top", ["*.com"], "example.com", "peer_name"),
    ("star-alone", ["*"], "example", "profile"),
    ("star-within", ["ba*.example.com"], "baz.example.com", "profile"),
    ("star-later", ["foo.*.example.com"], "foo.bar.example.com", "profile"),
    ("star-in-a-label", ["xn--*-1b3c148a.example.com"], "xn--bliss-1b3c148a.example.com", "profile"),
    ("address-as-host", ["192.0.2.1"], "192.0.2.1", "peer_name"),
    ("asks-for-a-star", ["*.example.com"], "*.example.com", "peer_name"),
):
    add_direct(_outcome, f"peer-{_number}", san=dns(*_names), ask_peer=_wanted)

V4, V6 = (x509.IPAddress(ipaddress.ip_address(text)) for text in ("192.0.2.1", "2001:db8::1"))
add_direct("peer_name", "peer-common-name-only", san=None)
add_direct(
    "ok", "peer-v4", san=x509.SubjectAlternativeName([V4]), ask_peer={"kind": "IP", "value": "192.0.2.1"}
)
add_direct("ok", "peer-v6", san=x509.SubjectAlternativeName([V6]), ask_peer="[2001:0db8::1]")
add_direct("peer_name", "peer-other-v4", san=x509.SubjectAlternativeName([V4]), ask_peer="192.0.2.2")
add_direct(
    "ok",
    "peer-mail",
    eku=x509.ExtendedKeyUsage([CLIENT]),
    san=x509.SubjectAlternativeName([MAIL("kim@example.com"), MAIL("lee@example.com")]),
    ask_purpose="client",
    ask_peer=[{"kind": "RFC822", "value": "kim@EXAMPLE.com"}, {"kind": "RFC822", "value": "lee@example.com"}],
)
add_direct(
    "peer_name",
    "peer-mail-case",
    eku=x509.ExtendedKeyUsage([CLIENT]),
    san=x509.SubjectAlternativeName([MAIL("Kim@example.com")]),
    ask_purpose="client",
    ask_peer="kim@example.com",
)


def _algorithms_differ() -> Asked:
    anchor = root()
    own = leaf(anchor)
    outer = bytes.fromhex("06082a8648ce3d040302")  # ecdsa-with-SHA256, of which the second is the outer one
    data = own.der
    at = data.rindex(outer)
    changed = data[:at] + bytes.fromhex("06082a8648ce3d040303") + data[at + len(outer) :]
    return Asked(_Bytes(changed), (), (anchor,))  # type: ignore[arg-type]


def _negative_serial() -> Asked:
    """Change the serial in the signed body, and sign it again."""
    anchor = root()
    own = leaf(anchor).certificate
    body = der.whole(own.tbs_certificate_bytes)
    parts = [body.raw() for _ in range(2)]
    parts[1] = der.integer(-own.serial_number)
    while body.more:
        parts.append(body.raw())
    tbs = der.sequence(*parts)
    signature = anchor.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    algorithm = der.sequence(der.oid("1.2.840.10045.4.3.2"))
    changed = der.sequence(tbs, algorithm, der.bit_string(signature))
    return Asked(_Bytes(changed), (), (anchor,))  # type: ignore[arg-type]


class _Bytes:
    """A certificate that only exists as octets."""

    def __init__(self, data: bytes) -> None:
        import base64

        self.der = data
        self.text = base64.b64encode(data).decode()


add_case("serial-negative", "profile", _negative_serial)
add_case("algorithms-differ", "algorithm", _algorithms_differ)
add_direct("ok", "sha384", digest=hashes.SHA384())
