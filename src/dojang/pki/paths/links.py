"""From a certificate to its issuers: every path there may be, best first, with a bound on the work."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dojang.pki import oids
from dojang.pki.certificate import ParsedCertificate, read_certificate, read_issuer
from dojang.pki.errors import MalformedError, VerificationError
from dojang.pki.paths.facts import authority_key, check_authority, check_life, subject_key
from dojang.pki.paths.model import undecided, wrong
from dojang.pki.paths.names import Rdn, comparable
from dojang.pki.signatures import lacks_parameters, verify_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

MAX_PATH: Final = 16  #: certificates, leaf and anchor included
MAX_SIGNATURES: Final = 256  #: verified for one leaf
MAX_STEPS: Final = 4096  #: candidates looked at for one leaf
MAX_PATHS: Final = 64  #: whole paths tried for one leaf


@dataclass(slots=True)
class Effort:
    """What may still be spent on one leaf, and the links known to hold."""

    signatures: int = MAX_SIGNATURES
    steps: int = MAX_STEPS
    paths: int = MAX_PATHS
    links: dict[tuple[bytes, bytes], bool] = field(default_factory=dict)

    def step(self) -> None:
        """Count one candidate."""
        self.steps -= 1
        if self.steps < 0:
            raise undecided("effort", "more certificates to try than a path may need")

    def path(self) -> None:
        """Count one whole path."""
        self.paths -= 1
        if self.paths < 0:
            raise undecided("effort", "more paths to try than a leaf may need")

    def holds(self, child: ParsedCertificate, spki: bytes) -> bool:
        """Whether the child's signature verifies under a key; each link is verified once."""
        link = (child.der, spki)
        found = self.links.get(link)
        if found is None:
            self.signatures -= 1
            if self.signatures < 0:
                raise undecided("effort", "more signatures to verify than a path may need")
            found = self.links[link] = _holds(child, spki)
        return found


def _holds(child: ParsedCertificate, spki: bytes) -> bool:
    try:
        if oids.BASIC_CONSTRAINTS in child.facts.extensions:
            _signed_known(child.der, spki)
        else:
            verify_foreign(spki, child.algorithm, child.tbs, child.signature)
    except (VerificationError, MalformedError):
        return False
    return True


@lru_cache(maxsize=128)
def _signed_known(authority: bytes, spki: bytes) -> None:
    """Verify a link between authorities; the few there are, are remembered once they verified."""
    certificate = read_issuer(authority)
    verify_foreign(spki, certificate.algorithm, certificate.tbs, certificate.signature)


@dataclass(frozen=True, slots=True)
class CertificatePool:
    """Certificates at hand, by the name of their subject. What cannot be read is left out."""

    anchors: dict[tuple[Rdn, ...], tuple[ParsedCertificate, ...]]
    others: dict[tuple[Rdn, ...], tuple[ParsedCertificate, ...]]
    anchor_octets: frozenset[bytes]
    #: What `validating` found out about authorities: they stay the same from leaf to leaf.
    known: dict[object, object] = field(default_factory=dict, compare=False)

    def named(self, name: bytes) -> Iterator[ParsedCertificate]:
        """All certificates of a subject, anchors first."""
        key = comparable(name)
        yield from self.anchors.get(key, ())
        yield from self.others.get(key, ())


@lru_cache(maxsize=32)
def make_pool(anchors: tuple[bytes, ...], others: tuple[bytes, ...]) -> CertificatePool:
    """Sort certificates by subject; a set that is used often is remembered."""
    octets = frozenset(anchors)
    return CertificatePool(
        _by_subject(_readable(anchors)),
        _by_subject(_readable(tuple(dict.fromkeys(o for o in others if o not in octets)))),
        octets,
    )


def _readable(listed: tuple[bytes, ...]) -> Iterator[ParsedCertificate]:
    for data in listed:
        try:
            certificate = read_certificate(data)
            comparable(certificate.facts.subject)
        except MalformedError:
            continue
        yield certificate


def _by_subject(listed: Iterator[ParsedCertificate]) -> dict[tuple[Rdn, ...], tuple[ParsedCertificate, ...]]:
    found: dict[tuple[Rdn, ...], list[ParsedCertificate]] = {}
    for certificate in listed:
        found.setdefault(comparable(certificate.facts.subject), []).append(certificate)
    return {name: tuple(certificates) for name, certificates in found.items()}


class Search:
    """A search for paths from one leaf. `blame` is the first thing that was wrong on the way."""

    def __init__(self, pool: CertificatePool, at: datetime, effort: Effort) -> None:
        self.blame: VerificationError | MalformedError | None = None
        self._pool = pool
        self._at = at
        self._effort = effort

    def paths(self, leaf: ParsedCertificate) -> Iterator[tuple[ParsedCertificate, ...]]:
        """Paths, leaf first and anchor last; signatures hold. A root is taken by identity alone."""
        if leaf.der in self._pool.anchor_octets:
            raise wrong("anchor", "a root is not a certificate to verify")
        yield from self._above((leaf,))

    def _above(self, path: tuple[ParsedCertificate, ...]) -> Iterator[tuple[ParsedCertificate, ...]]:
        child = path[-1]
        if child.algorithm != child.facts.algorithm:
            self._note(wrong("algorithm", "the two algorithm fields differ"))
            return
        if len(path) >= MAX_PATH:
            self._note(wrong("depth", "the path is too long"))
            return
        key = comparable(child.facts.issuer)
        for anchor in self._hinted(child, self._pool.anchors.get(key, ())):
            if self._linked(child, anchor):
                self._effort.path()
                yield (*path, anchor)
        for issuer in self._hinted(child, self._pool.others.get(key, ())):
            if not _repeats(issuer, path) and self._linked(child, issuer) and self._usable(issuer):
                yield from self._above((*path, issuer))

    def _hinted(
        self, child: ParsedCertificate, found: tuple[ParsedCertificate, ...]
    ) -> tuple[ParsedCertificate, ...]:
        """Order: those whose key identifier is the one the child tells before the others."""
        if len(found) < 2:  # noqa: PLR2004 - nothing to order
            return found
        hint = authority_key(child.facts)
        return tuple(sorted(found, key=lambda c: (_differs(c, hint), not _lives(c, self._at))))

    def _linked(self, child: ParsedCertificate, issuer: ParsedCertificate) -> bool:
        self._effort.step()
        spki = issuer.facts.spki
        try:
            # Whose DSA parameters are its issuer's, has a key only once the path above is known.
            if lacks_parameters(spki) or self._effort.holds(child, spki):
                return True
        except MalformedError as error:
            self._note(error)
            return False
        self._note(wrong("signature", "the signature does not verify"))
        return False

    def _usable(self, issuer: ParsedCertificate) -> bool:
        try:
            check_life(issuer.facts, self._at)
            check_authority(issuer)
        except (VerificationError, MalformedError) as error:
            self._note(error)
            return False
        return True

    def _note(self, error: VerificationError | MalformedError) -> None:
        self.blame = self.blame or error


def _differs(certificate: ParsedCertificate, hint: bytes | None) -> bool:
    try:
        own = subject_key(certificate.facts)
    except MalformedError:
        return True
    return hint is not None and own is not None and own != hint


def _lives(certificate: ParsedCertificate, at: datetime) -> bool:
    return certificate.facts.not_before <= at <= certificate.facts.not_after


def _repeats(issuer: ParsedCertificate, path: tuple[ParsedCertificate, ...]) -> bool:
    """Whether a subject with the same key is in the path already (RFC 4158 §2.4.2): a circle."""
    return any(
        issuer.facts.spki == known.facts.spki and issuer.facts.subject == known.facts.subject
        for known in path
    )
