"""Cases of name constraints, for every kind of name; and of several ways up, and too many."""

from __future__ import annotations

import ipaddress

from cryptography import x509
from tests.unit.pki.paths.cases import DN, DNS, MAIL, URI, V4, V6, Asked, add_below, add_case, add_direct
from tests.unit.pki.paths.makers import (
    DAY,
    NOW,
    between,
    dns,
    leaf,
    name,
    permit,
    raw,
    root,
)


# --- name constraints ---
def _names(*given: x509.GeneralName) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(list(given))


def _net(text: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_network(text))


def _host(text: str) -> x509.GeneralName:
    return DNS._init_without_validation(text)


def _mailbox(text: str) -> x509.GeneralName:
    return MAIL._init_without_validation(text)


_OTHER = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.32473.5"), b"\x0c\x01a")
_OTHER_2 = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.32473.5"), b"\x0c\x01b")
_ID = x509.RegisteredID(x509.ObjectIdentifier("1.3.6.1.4.1.32473.6"))
_UTF8 = x509.OtherName(
    x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"),
    b"\x0c" + bytes([len("김@example.com".encode())]) + "김@example.com".encode(),
)
_W = _host("www.example.com")
_FOO, _BAR = DN(name("foo")), DN(name("bar"))
#: Id, constraints, names of the leaf beside its subject, outcome.
_CONSTRAINED: tuple[tuple[str, x509.NameConstraints, list[x509.GeneralName], str], ...] = (
    ("dns-in", permit(DNS("example.com")), [_W], "ok"),
    ("dns-deeper", permit(DNS("example.com")), [_W, _host("a.b.example.com")], "ok"),
    ("dns-case", permit(DNS("EXAMPLE.com")), [_W], "ok"),
    ("dns-out", permit(DNS("example.org")), [_W], "name_constraints"),
    ("dns-suffix-no-label", permit(DNS("ample.com")), [_W], "name_constraints"),
    ("dns-second-out", permit(DNS("example.com")), [_W, _host("example.org")], "name_constraints"),
    ("dns-excluded", permit(exclude=(DNS("example.com"),)), [_W], "name_constraints"),
    (
        "dns-second-excluded",
        permit(exclude=(DNS("no.example.com"),)),
        [_W, _host("x.no.example.com")],
        "name_constraints",
    ),
    (
        "dns-excluded-wins",
        permit(DNS("example.com"), exclude=(DNS("example.com"),)),
        [_W],
        "name_constraints",
    ),
    ("dns-empty-excludes-all", permit(exclude=(_host(""),)), [_W], "name_constraints"),
    ("dns-star-in", permit(DNS("example.com")), [_W, _host("*.example.com")], "ok"),
    ("dns-star-wider", permit(DNS("www.example.com")), [_W, _host("*.example.com")], "name_constraints"),
    (
        "dns-star-reaches-excluded",
        permit(exclude=(DNS("no.example.com"),)),
        [_W, _host("*.example.com")],
        "name_constraints",
    ),
    ("dns-leading-dot", permit(_host(".example.com")), [_W], "malformed"),
    ("dns-star-constraint", permit(_host("*.example.com")), [_W], "malformed"),
    ("ip-in", permit(_net("192.0.2.0/24"), _net("2001:db8::/32")), [_W, V4, V6], "ok"),
    ("ip-out", permit(_net("192.0.3.0/24")), [_W, V4], "name_constraints"),
    ("ip-other-family", permit(_net("192.0.2.0/24")), [_W, V6], "name_constraints"),
    ("ip-excluded", permit(exclude=(_net("2001:db8::/32"),)), [_W, V6], "name_constraints"),
    ("ip-not-a-net", permit(V4), [_W, V4], "malformed"),
    ("ip-not-a-net-v6", permit(V6), [_W, V6], "malformed"),
    ("other-kind", permit(_net("192.0.2.0/24")), [_W], "ok"),
    ("other-kind-excluded", permit(exclude=(_net("192.0.2.0/24"),)), [_W], "ok"),
    ("mail-exact", permit(MAIL("kim@example.com")), [_W, MAIL("kim@example.com")], "ok"),
    ("mail-exact-case", permit(MAIL("kim@example.com")), [_W, MAIL("Kim@example.com")], "name_constraints"),
    ("mail-host", permit(MAIL("example.com")), [_W, MAIL("kim@EXAMPLE.com")], "ok"),
    ("mail-host-not-below", permit(MAIL("example.com")), [_W, MAIL("kim@a.example.com")], "name_constraints"),
    ("mail-domain", permit(_mailbox(".example.com")), [_W, MAIL("kim@a.example.com")], "ok"),
    (
        "mail-domain-not-itself",
        permit(_mailbox(".example.com")),
        [_W, MAIL("kim@example.com")],
        "name_constraints",
    ),
    (
        "mail-excluded",
        permit(exclude=(MAIL("example.com"),)),
        [_W, MAIL("kim@example.com")],
        "name_constraints",
    ),
    ("mail-two-at", permit(_mailbox("a@b@example.com")), [_W, MAIL("kim@example.com")], "malformed"),
    ("mail-name-two-at", permit(MAIL("example.com")), [_W, _mailbox("a@b@example.com")], "name_constraints"),
    ("mail-utf8", permit(MAIL("example.org")), [_W, _UTF8], "name_constraints"),
    ("mail-utf8-in", permit(MAIL("example.com")), [_W, _UTF8], "ok"),
    ("uri-host", permit(URI("www.example.com")), [_W, URI("https://www.example.com:8443/a")], "ok"),
    ("uri-domain", permit(URI(".example.com")), [_W, URI("https://www.example.com/")], "ok"),
    ("uri-out", permit(URI("example.com")), [_W, URI("https://www.example.com/")], "name_constraints"),
    ("uri-no-host", permit(URI("example.com")), [_W, URI("urn:x:y")], "name_constraints"),
    ("uri-address", permit(URI("example.com")), [_W, URI("http://192.0.2.1/")], "name_constraints"),
    (
        "uri-user",
        permit(URI("example.com")),
        [_W, URI("http://example.com@example.org/")],
        "name_constraints",
    ),
    ("other-name-excluded", permit(exclude=(_OTHER,)), [_W, _OTHER], "name_constraints"),
    ("other-name-unlike-excluded", permit(exclude=(_OTHER,)), [_W, _OTHER_2], "name_constraints"),
    ("other-name-permitted", permit(_OTHER), [_W, _OTHER], "ok"),
    ("other-name-unlike-permitted", permit(_OTHER), [_W, _OTHER_2], "name_constraints"),
    ("other-name-absent", permit(_OTHER), [_W], "ok"),
    ("registered-id-out", permit(exclude=(_ID,)), [_W, _ID], "name_constraints"),
    ("dn-subject-out", permit(_FOO), [_W, _FOO], "name_constraints"),
    ("dn-san-excluded", permit(exclude=(_BAR,)), [_W, _BAR], "name_constraints"),
)
for _number, _constraints, _given_names, _outcome in _CONSTRAINED:
    add_below(_outcome, f"names-{_number}", of={"more": ((_constraints, True),)}, san=_names(*_given_names))
    add_direct(
        _outcome, f"root-names-{_number}", root_more=((_constraints, True),), san=_names(*_given_names)
    )
add_below(
    "ok", "names-dn-in", of={"more": ((permit(_FOO), True),)}, subject=name("FOO"), san=_names(_W, _FOO)
)
add_below(
    "name_constraints",
    "names-mail-in-subject",
    of={"more": ((permit(MAIL("example.org")), True),)},
    subject=x509.Name(
        [
            x509.NameAttribute(x509.NameOID.EMAIL_ADDRESS, "kim@example.com", _validate=False),
        ]
    ),
    san=None,
    ask_peer=None,
)
add_below(
    "name_constraints",
    "names-host-in-common-name",
    of={"more": ((permit(DNS("example.org")), True),)},
    san=None,
    ask_peer=None,
)
add_below(
    "malformed",
    "names-nothing-constrained",
    of={"more": (raw("2.5.29.30", b"\x30\x00", critical=True),)},
)


def _layers(upper: x509.NameConstraints, lower: x509.NameConstraints, host: str) -> Asked:
    anchor = root()
    first = between(anchor, "First", more=((upper, True),))
    second = between(first, "Second", more=((lower, True),))
    return Asked(leaf(second, san=dns(host)), (first, second), (anchor,), peer=host)


_A, _B = DNS("a.example.com"), DNS("b.example.com")
add_case("names-narrowed", "name_constraints", lambda: _layers(permit(_A, _B), permit(_B), "a.example.com"))
add_case(
    "names-not-widened", "name_constraints", lambda: _layers(permit(_B), permit(_A, _B), "a.example.com")
)
add_case("names-in-both", "ok", lambda: _layers(permit(_A, _B), permit(_B), "b.example.com"))


def _rollover(*, last: bool) -> Asked:
    anchor = root("Same", more=((permit(DNS("example.com")), True),))
    outside = {"san": dns("www.example.org")}
    renewed = between(anchor, "Same", key_of="same-new", **outside)
    if last:
        return Asked(leaf(renewed, "Same", **outside), (renewed,), (anchor,), peer="www.example.org")
    return Asked(leaf(renewed), (renewed,), (anchor,))


add_case("names-self-issued-pass", "ok", lambda: _rollover(last=False))
add_case("names-self-issued-leaf", "name_constraints", lambda: _rollover(last=True))


def _two_ways(*, both: bool) -> Asked:
    """One authority certified twice; the names of one certificate are forbidden where it hangs."""
    good, other = root("Root A"), root("Root B")
    guard = between(good, "Guard", more=((permit(exclude=(DNS("no.example.com"),)), True),))
    bad = between(guard, "Twice", san=dns("no.example.com"))
    fine = between(other, "Twice", san=dns("yes.example.com"))
    trusted = (good, other) if both else (good,)
    return Asked(leaf(bad), (guard, bad, fine), trusted)


add_case("two-ways-one-good", "ok", lambda: _two_ways(both=True))
add_case("two-ways-none-good", "name_constraints", lambda: _two_ways(both=False))


# --- several ways, and too many ---
def _expired_cross() -> Asked:
    old, new = root("Old Root"), root("New Root")
    cross = between(old, "New Root", ends=NOW - DAY / 2)
    return Asked(leaf(new), (cross,), (new, old))


def _same_names() -> Asked:
    roots = [root("Root", key_of=f"twin-{number}") for number in range(4)]
    return Asked(leaf(roots[3]), (), tuple(roots))


def _circle() -> Asked:
    anchor = root()
    first = between(root("Second", key_of="second"), "First", key_of="first")
    second = between(root("First", key_of="first"), "Second", key_of="second")
    return Asked(leaf(first), (first, second), (anchor,))


def _web(authorities: int) -> Asked:
    """Everybody certifies everybody, and nobody is certified by the anchor."""
    anchor = root()
    heads = [root(f"Web {number}") for number in range(authorities)]
    links = [between(above, f"Web {number}") for above in heads for number in range(authorities)]
    return Asked(leaf(heads[0]), tuple(links), (anchor,))


def _crowd(authorities: int) -> Asked:
    """Many authorities of one name, each with a key of its own; one of them is right."""
    anchor = root()
    crowd = [
        between(root("Other"), "Between", key_of=f"crowd-{number}", aki=None) for number in range(authorities)
    ]
    middle = between(anchor)
    return Asked(leaf(middle, aki=None), (*crowd, middle), (anchor,), purpose=None)


def _many_names(count: int) -> Asked:
    anchor = root()
    layer = permit(*(DNS(f"x{number}.example.com") for number in range(count)))
    middle = between(anchor, more=((layer, True),))
    return Asked(
        leaf(middle, san=dns(*(f"y{number}.example.com" for number in range(count)))), (middle,), (anchor,)
    )


def _many_directory_names(count: int) -> Asked:
    anchor = root()
    layer = permit(exclude=tuple(DN(name(f"x{number}")) for number in range(count)))
    middle = between(anchor, more=((layer, True),))
    own = [_W, *(DN(name(f"y{number}")) for number in range(count))]
    return Asked(leaf(middle, san=_names(*own)), (middle,), (anchor,))


add_case("many-directory-names", "ok", lambda: _many_directory_names(250))
add_case("too-many-directory-names", "effort", lambda: _many_directory_names(1500))
add_case("expired-cross", "ok", _expired_cross)
add_case("roots-of-one-name", "ok", _same_names)
add_case("circle", "no_path", _circle)
add_case("web", "effort", lambda: _web(9))
add_case("crowd", "ok", lambda: _crowd(40))
add_case("crowd-too-large", "effort", lambda: _crowd(300))
add_case("names-one-outside", "name_constraints", lambda: _many_names(60))
