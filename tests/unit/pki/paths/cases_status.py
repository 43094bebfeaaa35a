"""Cases of policies and of revocation lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509
from tests.unit.pki.paths.cases import URI, Asked, add_case
from tests.unit.pki.paths.makers import (
    DAY,
    NOW,
    Made,
    between,
    leaf,
    name,
    points,
    raw,
    revocations,
    root,
    scope,
    usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Reason = x509.ReasonFlags


# --- policies ---
def _policy(*dotted: str) -> tuple[x509.ExtensionType, bool]:
    listed = [x509.PolicyInformation(x509.ObjectIdentifier(one), None) for one in dotted]
    return x509.CertificatePolicies(listed), False


def _limits(explicit: int | None, mapping: int | None = None) -> tuple[x509.ExtensionType, bool]:
    return x509.PolicyConstraints(explicit, mapping), True


_P1, _P2, _ANY = "1.3.6.1.4.1.32473.1.1", "1.3.6.1.4.1.32473.1.2", "2.5.29.32.0"


def _governed(above: tuple[Any, ...], own: tuple[Any, ...], **policies: Any) -> Asked:
    anchor = root()
    middle = between(anchor, more=above)
    return Asked(leaf(middle, more=own), (middle,), (anchor,), more={"policies": policies})


add_case("policy-held", "ok", lambda: _governed((_policy(_P1),), (_policy(_P1),), explicit=True))
add_case(
    "policy-any-above",
    "ok",
    lambda: _governed((_policy(_ANY),), (_policy(_P1),), initial=[_P1], explicit=True),
)
add_case("policy-none", "policy", lambda: _governed((), (), explicit=True))
add_case("policy-other", "policy", lambda: _governed((_policy(_P1),), (_policy(_P2),), explicit=True))
add_case(
    "policy-not-asked",
    "policy",
    lambda: _governed((_policy(_P1),), (_policy(_P1),), initial=[_P2], explicit=True),
)
add_case("policy-required-above", "policy", lambda: _governed((_policy(_P1), _limits(0)), ()))
add_case("policy-required-and-held", "ok", lambda: _governed((_policy(_ANY), _limits(0)), (_policy(_P1),)))
add_case(
    "policy-any-inhibited",
    "policy",
    lambda: _governed((_policy(_ANY),), (_policy(_P1),), explicit=True, inhibit_any=True),
)
add_case(
    "policy-twice",
    "malformed",
    lambda: _governed(
        (_policy(_P1),),
        (
            raw(
                "2.5.29.32", bytes.fromhex("3014" + "30080606" + "2a0304050607" + "30080606" + "2a0304050607")
            ),
        ),
    ),
)


# --- lists ---
def _listed(build: Callable[[Made, Made], tuple[str, ...]], **given: Any) -> Asked:
    anchor = root()
    own = leaf(anchor, **given)
    return Asked(own, (), (anchor,), build(anchor, own))


_PLACE = "http://example.com/1.crl"
_AT = {"more": ((points(_PLACE), False),)}
_MIXED = x509.CRLDistributionPoints(
    [x509.DistributionPoint([URI(_PLACE), x509.DNSName("a.b")], None, None, None)]
)
_SHARD = scope(full_name=[URI(_PLACE)])
_OTHER_SHARD = scope(full_name=[URI("http://example.com/10.crl")])
#: Id → (outcome, lists, what the leaf has).
_LISTS: dict[str, tuple[str, Callable[[Made, Made], tuple[str, ...]], dict[str, Any]]] = {
    "empty": ("ok", lambda a, _: (revocations(a),), {}),
    "another-serial": ("ok", lambda a, _: (revocations(a, leaf(a, "other")),), {}),
    "revoked": ("revoked", lambda a, own: (revocations(a, own),), {}),
    "held": ("revoked", lambda a, own: (revocations(a, own, reason=Reason.certificate_hold),), {}),
    "old": ("status_unknown", lambda a, _: (revocations(a, until=NOW - DAY / 2),), {}),
    "early": ("status_unknown", lambda a, _: (revocations(a, updated=NOW + DAY / 2),), {}),
    "forged": ("status_unknown", lambda a, _: (revocations(a, key=root("Mallory").key),), {}),
    "no-number": ("status_unknown", lambda a, _: (revocations(a, number=None),), {}),
    "other-issuer": ("status_unknown", lambda a, _: (revocations(a, issuer_name=name("Other")),), {}),
    "unknown-critical": (
        "status_unknown",
        lambda a, _: (revocations(a, more=(raw("1.3.6.1.4.1.32473.9", b"", critical=True),)),),
        {},
    ),
    "unknown": ("ok", lambda a, _: (revocations(a, more=(raw("1.3.6.1.4.1.32473.9", b""),)),), {}),
    "junk": ("status_unknown", lambda _, __: ("AAAA",), {}),
    "twice": ("status_unknown", lambda a, _: (revocations(a, *[leaf(a, "x")] * 2),), {}),
    "shard": ("ok", lambda a, _: (revocations(a, scope=_SHARD),), _AT),
    "shard-revoked": ("revoked", lambda a, own: (revocations(a, own, scope=_SHARD),), _AT),
    "other-shard": ("status_unknown", lambda a, _: (revocations(a, scope=_OTHER_SHARD),), _AT),
    "revoked-from-tomorrow": ("revoked", lambda a, own: (revocations(a, own, since=NOW + DAY),), {}),
    "no-point-of-its-own": ("status_unknown", lambda a, _: (revocations(a, scope=_SHARD),), {}),
    "point-with-a-host": (
        "status_unknown",
        lambda a, _: (revocations(a, scope=_SHARD),),
        {"more": ((_MIXED, False),)},
    ),
    "authorities-only": (
        "status_unknown",
        lambda a, _: (revocations(a, scope=scope(only_contains_ca_certs=True)),),
        {},
    ),
    "users-only": ("ok", lambda a, _: (revocations(a, scope=scope(only_contains_user_certs=True)),), {}),
    "attributes-only": (
        "status_unknown",
        lambda a, _: (revocations(a, scope=scope(only_contains_attribute_certs=True)),),
        {},
    ),
    "some-reasons": (
        "status_unknown",
        lambda a, _: (revocations(a, scope=scope(only_some_reasons=frozenset([Reason.key_compromise]))),),
        {},
    ),
    "delta-revokes": ("revoked", lambda a, own: (revocations(a), revocations(a, own, number=8, base=7)), {}),
    "delta-releases": (
        "ok",
        lambda a, own: (
            revocations(a, own, reason=Reason.certificate_hold),
            revocations(a, own, number=8, base=7, reason=Reason.remove_from_crl),
        ),
        {},
    ),
    "delta-of-a-newer": (
        "revoked",
        lambda a, own: (
            revocations(a, own),
            revocations(a, own, number=9, base=8, reason=Reason.remove_from_crl),
        ),
        {},
    ),
    "delta-alone": ("status_unknown", lambda a, _: (revocations(a, number=8, base=7),), {}),
}
for _number, (_outcome, _build, _own) in _LISTS.items():
    add_case(f"list-{_number}", _outcome, lambda build=_build, own=_own: _listed(build, **own))


def _listsadd_below(*, revoked: bool, missing: bool = False) -> Asked:
    anchor = root()
    middle = between(anchor)
    own = leaf(middle)
    upper = () if missing else (revocations(anchor, *([middle] if revoked else [])),)
    return Asked(own, (middle,), (anchor,), (*upper, revocations(middle)))


add_case("list-each", "ok", lambda: _listsadd_below(revoked=False))
add_case("list-authority-revoked", "revoked", lambda: _listsadd_below(revoked=True))
add_case("list-authority-missing", "status_unknown", lambda: _listsadd_below(revoked=False, missing=True))


def _lists_of(anchor: Made) -> Asked:
    return Asked(leaf(anchor), (), (anchor,), (revocations(anchor),))


add_case(
    "list-signer-may-not",
    "status_unknown",
    lambda: _lists_of(root(bits=usage("key_cert_sign"))),
)
