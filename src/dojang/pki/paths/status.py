"""Revocation status of the certificates of a path, by OCSP and CRLs (RFC 6960 §3.2; RFC 5280 §6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dojang.pki import oids
from dojang.pki.certificate import ParsedCertificate, read_certificate, read_issuer
from dojang.pki.errors import IndeterminateError, MalformedError, ProfileError, VerificationError
from dojang.pki.ocsp import CertId, OcspResponse, issuer_hashes, parse_response
from dojang.pki.paths.facts import (
    basic_constraints,
    check_critical,
    check_life,
    key_usage,
    may_use,
    purposes,
)
from dojang.pki.paths.lists import (
    ALL_REASONS,
    DistributionPoint,
    ForeignList,
    Scope,
    find_entry,
    read_distribution_points,
    read_foreign_list,
    repeats_a_serial,
)
from dojang.pki.paths.model import undecided, wrong
from dojang.pki.paths.names import GeneralName, same_name
from dojang.pki.rules import KEY_USAGE_BITS
from dojang.pki.signatures import inherit_parameters, lacks_parameters, verify_foreign
from dojang.pki.signing import HASH_OIDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dojang.pki.paths.model import Trust

_SKEW: Final = timedelta(minutes=5)  # clocks of issuers and verifiers differ a little
_WALKED_WHOLE: Final = 1 << 20  # octets of a list up to which it is searched for repetitions
_ERRORS: Final = (MalformedError, IndeterminateError, VerificationError, ProfileError)

Path = tuple[ParsedCertificate, ...]


@dataclass(frozen=True, slots=True)
class Revoked:
    """Since when a certificate is revoked, and why."""

    at: datetime
    reason: str


#: A marker compared by identity: known, and not revoked.
_GOOD: Final = Revoked(datetime.min.replace(tzinfo=UTC), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCheck:
    """One look at the status of a path. `prove` verifies the path of somebody who signs lists."""

    trust: Trust
    at: datetime
    strict: bool
    prove: Callable[[ParsedCertificate, ParsedCertificate, frozenset[bytes]], bool]
    pending: frozenset[bytes] = frozenset()  #: signers of lists whose own path is just being verified

    @property
    def _fresh(self) -> datetime:
        """When lists and answers must be fresh."""
        return self.trust.status_at or self.at

    def check(self, path: Path) -> None:
        """Refuse a path with a revoked certificate; `IndeterminateError` when a status is not known."""
        unknown: list[int] = []
        depth_limit = {"all": len(path) - 1, "leaf": 1, "none": 0}[self.trust.status]
        for depth in range(depth_limit - 1, -1, -1):
            certificate = path[depth]
            if _needs_no_status(certificate):
                continue
            answer = self._by_ocsp(certificate, path[depth + 1])
            if answer is None:
                answer = self._by_lists(certificate, path[depth:])
            if answer is None:
                unknown.append(depth)
            elif answer is not _GOOD and (self.strict or answer.at <= self.at):
                raise wrong("revoked", "revoked", at=answer.at, reason=answer.reason, depth=depth)
        if unknown:
            raise undecided("status_unknown", "no fresh revocation status", depths=unknown)

    # --- OCSP ---

    def _by_ocsp(self, certificate: ParsedCertificate, issuer: ParsedCertificate) -> Revoked | None:
        """Answer of a trustworthy, fresh OCSP response; None when there is none (RFC 6960 §3.2)."""
        latest: tuple[datetime, Revoked] | None = None
        for data in self.trust.responses:
            try:
                response = parse_response(data)
                single = next(
                    s for s in response.data.singles if _is_about(s.cert_id, certificate.facts.serial, issuer)
                )
                # 3.2 (2)-(4): signed by the issuer or by a responder the issuer authorised for this.
                self._check_responder(response, issuer)
            except (StopIteration, *_ERRORS):
                continue
            # 3.2 (5), (6): recent enough, and not from the future.
            until = single.next_update or single.this_update
            if single.this_update > self.at + _SKEW or until < self.at - _SKEW or single.status == "unknown":
                continue
            answer = _GOOD
            if single.revoked_at is not None:
                answer = Revoked(single.revoked_at, single.reason or "unspecified")
            if latest is None or single.this_update >= latest[0]:
                latest = (single.this_update, answer)
        return None if latest is None else latest[1]

    def _check_responder(self, response: OcspResponse, issuer: ParsedCertificate) -> None:
        """RFC 6960 §4.2.2.2: the issuer itself, or a certificate it signed with the purpose OCSPSigning."""
        wanted, name = response.data.responder_key_hash, response.data.responder_name
        for candidate in (issuer, *map(read_issuer, response.certificates)):
            facts = candidate.facts
            if wanted is None:
                assert name is not None
                if not same_name(facts.subject, name):
                    continue
            elif facts.key.identifier != wanted:
                continue
            if candidate.der != issuer.der:
                self._check_delegate(candidate, issuer)
            verify_foreign(facts.spki, response.algorithm, response.tbs, response.signature)
            return
        raise VerificationError("the responder is not known")

    def _check_delegate(self, responder: ParsedCertificate, issuer: ParsedCertificate) -> None:
        if not same_name(responder.facts.issuer, issuer.facts.subject):
            raise VerificationError("the responder is another authority's")
        _signed(responder.der, issuer.facts.spki)
        check_life(responder.facts, self.at)
        check_critical(responder.facts)
        if oids.EKU_OCSP_SIGNING not in (purposes(responder.facts) or ()) or not may_use(
            responder, "digitalSignature"
        ):
            raise VerificationError("the responder's key has another purpose")

    # --- CRLs ---

    def _by_lists(self, certificate: ParsedCertificate, above: Path) -> Revoked | None:
        """Answer of the lists together (RFC 5280 §6.3.3); None while a reason is not covered."""
        lists = tuple(self._readable_lists())
        covered: frozenset[int] = frozenset()
        try:
            points = tuple(p for p in _points(certificate) if not self.strict or _is_by_address(p))
        except MalformedError:
            return None
        for point in points:
            for found in lists:
                scope = found.scope or Scope()
                # (b), (c): the right issuer and scope. (d), (e): reasons not yet covered.
                gained = point.reasons & scope.reasons
                if found.base is not None or gained <= covered:
                    continue
                if not self._covers(found, point, certificate) or not self._usable(found, above):
                    continue
                try:
                    answer = self._look_up(found, lists, certificate, above)
                except MalformedError:
                    continue
                if answer is not _GOOD:
                    return answer
                covered |= gained
        return _GOOD if covered >= ALL_REASONS else None

    def _readable_lists(self) -> Iterator[ForeignList]:
        """Yield the lists that are fresh and whose every critical word is understood (§6.3.3 (a))."""
        skew = timedelta(0) if self.strict else _SKEW
        for data in self.trust.crls:
            try:
                found = read_foreign_list(data)
            except MalformedError:
                continue
            if (
                found.plain
                and found.this_update <= self._fresh + skew
                and found.next_update >= self._fresh - skew
            ):
                yield found

    def _covers(self, found: ForeignList, point: DistributionPoint, certificate: ParsedCertificate) -> bool:
        """§6.3.3 (b): issuer and scope of the list fit the point and the certificate."""
        scope = found.scope or Scope()
        if point.signers:
            if not scope.indirect or not _names_directory(point.signers, found.issuer):
                return False
        elif not same_name(found.issuer, certificate.facts.issuer):
            return False
        if scope.names and not _share(scope.names, point.names or point.signers):
            return False
        try:
            authority = basic_constraints(certificate.facts).authority
        except MalformedError:
            return False
        return not (
            scope.attributes_only
            or (scope.users_only and authority)
            or (scope.authorities_only and not authority)
        )

    def _look_up(
        self, found: ForeignList, lists: tuple[ForeignList, ...], certificate: ParsedCertificate, above: Path
    ) -> Revoked:
        """§6.3.3 (i)-(k): the delta first, then the complete list."""
        issuer, serial = certificate.facts.issuer, certificate.facts.serial
        deltas = [d for d in lists if _is_delta_of(d, found) and self._usable(d, above)]
        if deltas:
            entry = find_entry(max(deltas, key=lambda d: d.number), issuer, serial)
            if entry is not None:
                return _GOOD if entry.reason == "removeFromCRL" else Revoked(entry.at, entry.reason)
        entry = find_entry(found, issuer, serial)
        return _GOOD if entry is None else Revoked(entry.at, entry.reason)

    def _usable(self, found: ForeignList, above: Path) -> bool:
        """Whether somebody who may signed the list, and, looked at strictly, it is as lists should be."""
        # In this order: nobody makes us walk through a list that no authority signed.
        return self._trusted(found, above) and not (self.strict and not _is_ordinary(found.der))

    def _trusted(self, found: ForeignList, above: Path) -> bool:
        """§6.3.3 (f), (g): somebody signed the list who may, under the same anchor."""
        for signer in self._signers(found, above):
            if not _may_sign_lists(signer, in_path=signer in above[1:]):
                continue
            if not _signs(found.der, _key(signer, above)):
                continue
            if (
                signer in above[1:]
                or signer.der in self.pending
                or self.prove(signer, above[-1], self.pending)
            ):
                return True
        return False

    def _signers(self, found: ForeignList, above: Path) -> Iterator[ParsedCertificate]:
        yield from (c for c in above[1:] if same_name(c.facts.subject, found.issuer))
        for data in self.trust.intermediates:
            try:
                other = read_issuer(data)
                if same_name(other.facts.subject, found.issuer) and other not in above[1:]:
                    yield other
            except MalformedError:
                continue


def _needs_no_status(certificate: ParsedCertificate) -> bool:
    """Whether it is a responder's whose issuer said so (RFC 6960 §4.2.2.2.1); no other is excused."""
    facts = certificate.facts
    return oids.OCSP_NO_CHECK in facts.extensions and oids.EKU_OCSP_SIGNING in (purposes(facts) or ())


def _is_about(asked: CertId, serial: int, issuer: ParsedCertificate) -> bool:
    if asked.serial != serial or asked.hash_alg not in HASH_OIDS:
        return False
    return (asked.name_hash, asked.key_hash) == issuer_hashes(issuer.der, asked.hash_alg)


def _points(certificate: ParsedCertificate) -> Iterator[DistributionPoint]:
    """Points the certificate names, and at the end the one every certificate has: its issuer's own list."""
    facts = certificate.facts
    extension = facts.extensions.get(oids.CRL_DISTRIBUTION_POINTS)
    if extension is not None:
        yield from read_distribution_points(extension.value, facts.issuer)
    own = GeneralName("dn", "", facts.issuer)
    yield DistributionPoint((own,), ALL_REASONS, ())


def _is_by_address(point: DistributionPoint) -> bool:
    """Whether a point is as on the open network: addresses only, or its issuer's own list."""
    kinds = {name.kind for name in point.names}
    return kinds == {"uri"} or (kinds == {"dn"} and len(point.names) == 1)


def _names_directory(names: Iterable[GeneralName], wanted: bytes) -> bool:
    return any(name.kind == "dn" and same_name(name.value, wanted) for name in names)


def _share(one: Iterable[GeneralName], other: Iterable[GeneralName]) -> bool:
    listed = tuple(other)
    return any(name in listed or (name.kind == "dn" and _names_directory(listed, name.value)) for name in one)


def _is_delta_of(delta: ForeignList, complete: ForeignList) -> bool:
    """§6.3.3 (c), §5.2.4: same issuer, key and scope, built on a list not newer than this one."""
    return (
        delta.base is not None
        and delta.base <= complete.number < delta.number
        and same_name(delta.issuer, complete.issuer)
        and delta.authority_key == complete.authority_key
        and delta.scope == complete.scope
    )


def _may_sign_lists(signer: ParsedCertificate, *, in_path: bool) -> bool:
    """Whether the key may sign lists (§6.3.3 (f)). Who is not of the path must have it in writing."""
    bits = key_usage(signer.facts)
    return in_path if bits is None else KEY_USAGE_BITS["cRLSign"] in bits


def _key(signer: ParsedCertificate, above: Path) -> bytes:
    """Return the signer's key; DSA parameters it leaves to its issuer come from above (§6.1.4 (e))."""
    spki = signer.facts.spki
    if not lacks_parameters(spki) or signer not in above:
        return spki
    working = above[-1].facts.spki
    for certificate in above[-2 : -len(above) - 1 : -1]:
        working = inherit_parameters(certificate.facts.spki, working)
        if certificate == signer:
            return working
    return spki


@lru_cache(maxsize=64)
def _signs(data: bytes, spki: bytes) -> bool:
    found = read_foreign_list(data)
    try:
        verify_foreign(spki, found.algorithm, found.tbs, found.signature)
    except (VerificationError, MalformedError):
        return False
    return True


@lru_cache(maxsize=32)
def _is_ordinary(data: bytes) -> bool:
    """Whether a list is as on the open network: one authority's own, by address, for all reasons."""
    found = read_foreign_list(data)
    scope = found.scope or Scope()
    if scope.indirect or scope.reasons != ALL_REASONS or any(name.kind != "uri" for name in scope.names):
        return False
    return len(data) > _WALKED_WHOLE or not repeats_a_serial(found)


@lru_cache(maxsize=64)
def _signed(certificate: bytes, spki: bytes) -> None:
    found = read_certificate(certificate)
    if found.algorithm != found.facts.algorithm:
        raise VerificationError("the two algorithm fields differ")
    verify_foreign(spki, found.algorithm, found.tbs, found.signature)
