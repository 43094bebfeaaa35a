"""Certificates and lists of strangers, by the builders of pyca: every part can be left out or made wrong."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
USUAL: Any = object()  # the extension as it should be; None leaves it out

_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

_CURVES = {
    "192r1": ec.SECP192R1(),
    "256r1": ec.SECP256R1(),
    "256k1": ec.SECP256K1(),
    "384r1": ec.SECP384R1(),
    "521r1": ec.SECP521R1(),
}


@cache
def key_named(who: str, kind: str = "ec-256r1") -> Any:
    """Return a key for the session, by holder and kind: also kinds and sizes nobody should use."""
    family, _, size = kind.partition("-")
    if family == "rsa":
        return rsa.generate_private_key(65537, int(size))
    return dsa.generate_private_key(int(size)) if family == "dsa" else ec.generate_private_key(_CURVES[size])


def name(common: str, **more: str) -> x509.Name:
    """Return a name: a common name, and what else is given, by the name of the attribute type."""
    pairs = [x509.NameAttribute(getattr(NameOID, kind), value) for kind, value in more.items()]
    return x509.Name([*pairs, x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else pairs)


def usage(*bits: str) -> x509.KeyUsage:
    """Return a key usage with these bits."""
    return x509.KeyUsage(**{bit: bit in bits for bit in _BITS})


def dns(*names: str) -> x509.SubjectAlternativeName:
    """Return an alternative name of hosts, whatever they look like."""
    return x509.SubjectAlternativeName([x509.DNSName._init_without_validation(one) for one in names])


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any = field(repr=False)

    @property
    def der(self) -> bytes:
        """The certificate, encoded."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def text(self) -> str:
        """The certificate in base64."""
        return base64.b64encode(self.der).decode()


def _extension(given: Any, usual: x509.ExtensionType | None, *, critical: bool) -> tuple[Any, bool] | None:
    """Return what to add: the usual one, none, another, or another with its mark (a pair)."""
    if given is None:
        return None
    if given is USUAL:
        return None if usual is None else (usual, critical)
    return given if isinstance(given, tuple) else (given, critical)


def make(
    common: str,
    issuer: Made | None = None,
    *,
    authority: bool,
    subject: x509.Name | None = None,
    issuer_name: x509.Name | None = None,
    key: str = "ec-256r1",
    key_of: str | None = None,
    serial: int | None = None,
    begins: datetime = NOW - DAY,
    ends: datetime = NOW + 365 * DAY,
    basic: Any = USUAL,
    path_length: int | None = None,
    bits: Any = USUAL,
    aki: Any = USUAL,
    ski: Any = USUAL,
    san: Any = USUAL,
    eku: Any = USUAL,
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    digest: Any = None,
) -> Made:
    """Make a certificate; without an issuer it signs itself. An extension can be given, marked, left out."""
    private = key_named(key_of or common, key)
    by = issuer or Made(None, private)  # type: ignore[arg-type]
    own = name(common) if subject is None else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer_name or (issuer.certificate.subject if issuer else own))
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if serial is not None:
        builder._serial_number = serial  # past the builder's own objections
    constraints = x509.BasicConstraints(ca=authority, path_length=path_length) if authority else None
    wanted = (
        _extension(basic, constraints, critical=True),
        _extension(
            bits,
            usage("key_cert_sign", "crl_sign") if authority else usage("digital_signature"),
            critical=True,
        ),
        _extension(ski, x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False),
        _extension(
            aki,
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()) if issuer else None,
            critical=False,
        ),
        _extension(san, None if authority else dns("www.example.com"), critical=False),
        _extension(eku, None if authority else x509.ExtendedKeyUsage([SERVER]), critical=False),
        *more,
    )
    # Past the builder's own objections: what is wrong here is meant to be.
    builder._extensions = [x509.Extension(e[0].oid, e[1], e[0]) for e in wanted if e is not None]
    return Made(builder.sign(by.key, digest or hashes.SHA256()), private)


def root(common: str = "Root", **more: Any) -> Made:
    """Make an anchor."""
    return make(common, authority=True, **more)


def between(issuer: Made, common: str = "Between", **more: Any) -> Made:
    """Make an authority below another."""
    return make(common, issuer, authority=True, **more)


def leaf(issuer: Made, common: str = "www.example.com", **more: Any) -> Made:
    """Make a server's certificate."""
    return make(common, issuer, authority=False, **more)


def raw(dotted: str, value: bytes, *, critical: bool = False) -> tuple[x509.ExtensionType, bool]:
    """Return an extension of any content."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), value), critical


def permit(*names: x509.GeneralName, exclude: tuple[x509.GeneralName, ...] = ()) -> x509.NameConstraints:
    """Return name constraints, past the builder's objections."""
    made = x509.NameConstraints([x509.DNSName("placeholder.example")], None)
    made._permitted_subtrees = list(names) or None
    made._excluded_subtrees = list(exclude) or None
    return made


def revocations(
    issuer: Made,
    *revoked: Made,
    reason: x509.ReasonFlags | None = None,
    number: int | None = 7,
    base: int | None = None,
    scope: x509.IssuingDistributionPoint | None = None,
    updated: datetime = NOW - DAY,
    until: datetime = NOW + DAY,
    since: datetime = NOW - 2 * DAY,
    key: Any = None,
    issuer_name: x509.Name | None = None,
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> str:
    """Make a list of an authority, in base64."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer_name or issuer.certificate.subject)
        .last_update(updated)
        .next_update(until)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
        )
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    if base is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(base), critical=True)
    if scope is not None:
        builder = builder.add_extension(scope, critical=True)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    for one in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(one.certificate.serial_number)
            .revocation_date(since)
        )
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    signed = builder.sign(key or issuer.key, hashes.SHA256())
    return base64.b64encode(signed.public_bytes(serialization.Encoding.DER)).decode()


def scope(**given: Any) -> x509.IssuingDistributionPoint:
    """Return what a list covers."""
    usual: dict[str, Any] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**(usual | given))


def points(*addresses: str, reasons: frozenset[x509.ReasonFlags] | None = None) -> x509.CRLDistributionPoints:
    """Return distribution points by address."""
    return x509.CRLDistributionPoints(
        [
            x509.DistributionPoint([x509.UniformResourceIdentifier(one)], None, reasons, None)
            for one in addresses
        ]
    )
