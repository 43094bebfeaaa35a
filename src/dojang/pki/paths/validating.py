"""Verifying a certificate up to a trusted root (RFC 5280 §6), with revocation status.

Read it in order: each numbered step is the one of the standard named beside it. What is *wrong* raises
`VerificationError`; what *cannot be decided* — no fresh status, or more work than a leaf is worth — raises
`IndeterminateError`, and only when no path is right and at least one could not be found wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dojang.pki import oids
from dojang.pki.certificate import ParsedCertificate, read_certificate
from dojang.pki.errors import IndeterminateError, MalformedError, VerificationError
from dojang.pki.paths.conformity import check_profile
from dojang.pki.paths.constraints import NameSpace
from dojang.pki.paths.facts import check_authority, check_critical, check_life, purposes
from dojang.pki.paths.links import Effort, Search, make_pool
from dojang.pki.paths.model import Demands, PolicyDemands, VerifiedPath, wrong
from dojang.pki.paths.names import is_self_issued, same_name
from dojang.pki.paths.peers import check_peer
from dojang.pki.paths.policies import Policies
from dojang.pki.paths.status import StatusCheck
from dojang.pki.signatures import inherit_parameters, weakness_of_algorithm, weakness_of_key

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.pki.certificate import Extension
    from dojang.pki.paths.model import Trust

_NONE: Final = Demands()
_MAX_KNOWN: Final = 64  # states of authorities kept for one set of certificates

Path = tuple[ParsedCertificate, ...]


def verify_path(leaf: bytes, *, trust: Trust, at: datetime, demands: Demands = _NONE) -> VerifiedPath:
    """Verify a certificate at a moment. `VerificationError`, `IndeterminateError` or `MalformedError`."""
    return _Verification(trust, at, demands).verify(read_certificate(leaf))


@dataclass(frozen=True, slots=True)
class _Above:
    """What was found out about the authorities above a leaf: the state after the last of them."""

    path: Path  #: the leaf's issuer first, the anchor last
    keys: frozenset[bytes]
    demanded: PolicyDemands
    policies: Policies
    space: NameSpace
    spki: bytes  #: of the leaf's issuer
    begins: datetime  #: all of them live from here …
    ends: datetime  #: … to here
    weak: frozenset[str]
    outcomes: dict[Extension | None, frozenset[str] | None]  #: what a leaf holds under, by what it asserts


class _Verification:
    """One verification: the inputs of §6.1.1, and what is left of the effort."""

    def __init__(self, trust: Trust, at: datetime, demands: Demands) -> None:
        self._trust = trust
        self._at = at
        self._demands = demands
        self._effort = Effort()
        self._pool = make_pool(trust.roots, trust.intermediates)
        # An accepted set of policies means that one of them must hold.
        self._policies = demands.policies
        if trust.policies is not None and demands.policies == _NONE.policies:
            self._policies = PolicyDemands(initial=trust.policies, explicit=True)

    def verify(self, leaf: ParsedCertificate) -> VerifiedPath:
        """Return the first path that is right in everything."""
        found = self._below_known(leaf)
        if found is not None:
            return found
        search = Search(self._pool, self._at, self._effort)
        blame: VerificationError | MalformedError | None = None
        doubt: IndeterminateError | None = None
        try:
            # 1. Every path up to a trusted root, best first (§6.1.1 takes a path; here they are built).
            for path in search.paths(leaf):
                try:
                    above = self._validate_above(path)
                    found = self._finish(path, above)
                except (VerificationError, MalformedError) as error:
                    blame = blame or error
                except IndeterminateError as error:
                    doubt = doubt or error
                else:
                    self._remember(leaf, above)
                    return found
        except IndeterminateError as spent:
            doubt = doubt or spent
        raise doubt or blame or search.blame or wrong("no_path", "no path to a trusted root")

    def _below_known(self, leaf: ParsedCertificate) -> VerifiedPath | None:
        """Try the authorities the last right leaf of this issuer hung below; None sends on to the search."""
        above = self._pool.known.get(leaf.facts.issuer)
        if not isinstance(above, _Above) or not above.begins <= self._at <= above.ends:
            return None
        if above.demanded is not self._policies and above.demanded != self._policies:
            return None
        if leaf.algorithm != leaf.facts.algorithm or leaf.der in self._pool.anchor_octets:
            return None
        if leaf.facts.spki in above.keys:
            return None  # a circle, perhaps: for the search to see
        try:
            return self._finish((leaf, *above.path), above)
        except (VerificationError, MalformedError, IndeterminateError):
            return None

    def _remember(self, leaf: ParsedCertificate, above: _Above) -> None:
        if len(self._pool.known) >= _MAX_KNOWN:
            self._pool.known.clear()
        self._pool.known[leaf.facts.issuer] = above

    def _finish(self, path: Path, above: _Above) -> VerifiedPath:
        policies = self._validate_leaf(path[0], above)
        self._check_demands(path)
        # 4. Revocation, issuers before the certificates they issued (§6.1.3 (a)(3), §6.3).
        self._check_status(path, frozenset())
        weak = tuple(sorted({*above.weak, *_weaknesses(path[0])}))
        return VerifiedPath(tuple(c.der for c in path), policies, weak)

    def _validate_above(self, path: Path) -> _Above:
        """§6.1.2 to §6.1.4 for the authorities of one path, from the anchor down."""
        anchor = path[-1]
        state = Policies.begin(self._policies, len(path) - 1)
        space = NameSpace()
        # 2. The anchor: it lives, may issue, and what it limits counts as well (RFC 5937).
        check_life(anchor.facts, self._at)
        check_critical(anchor.facts)
        room = check_authority(anchor).path_length
        space.narrow(anchor.facts)
        state.limit(anchor.facts)
        spki = anchor.facts.spki
        # 3. From the root's child down to the leaf's issuer.
        for depth in range(len(path) - 2, 0, -1):
            certificate, facts = path[depth], path[depth].facts
            self_issued = is_self_issued(facts)
            # 3a. The basic checks (§6.1.3).
            self._check_basics(certificate, path[depth + 1], spki)
            if not self_issued:
                space.check(facts)
            state.take(facts, last=False, self_issued=self_issued)
            check_critical(facts)
            # 3b. What it changes for those below: policies and names (§6.1.4 (a)-(j)) …
            state.prepare(facts, self_issued=self_issued)
            space.narrow(facts)
            # 3c. … and that it may issue: an authority, with room below, and the usage (§6.1.4 (k)-(n)).
            own = check_authority(certificate).path_length
            if not self_issued:
                if room == 0:
                    raise wrong("path_length", "the path is longer than an authority allows")
                room = None if room is None else room - 1
            room = own if room is None or (own is not None and own < room) else room
            spki = inherit_parameters(facts.spki, spki)
        begins = max(certificate.facts.not_before for certificate in path[1:])
        ends = min(certificate.facts.not_after for certificate in path[1:])
        weak = [weakness_of_key(anchor.facts.spki)]  # a root's own signature protects nothing
        for certificate in path[1:-1]:
            weak += _weaknesses(certificate)
        keys = frozenset(certificate.facts.spki for certificate in path[1:])
        return _Above(
            path[1:],
            keys,
            self._policies,
            state,
            space,
            spki,
            begins,
            ends,
            frozenset(filter(None, weak)),
            {},
        )

    def _check_basics(self, certificate: ParsedCertificate, issuer: ParsedCertificate, spki: bytes) -> None:
        """§6.1.3 (a): the signature verifies, the moment lies in the life, names chain."""
        if not self._effort.holds(certificate, spki):
            raise wrong("signature", "the signature does not verify")
        check_life(certificate.facts, self._at)
        if not same_name(certificate.facts.issuer, issuer.facts.subject):
            raise wrong("issuer_name", "the issuer's name does not match")

    def _validate_leaf(self, leaf: ParsedCertificate, above: _Above) -> frozenset[str] | None:
        """§6.1.3 and §6.1.5 for the last certificate; returns the policies the path holds under."""
        facts = leaf.facts
        self._check_basics(leaf, above.path[0], above.spki)
        above.space.check(facts, host_in_common_name=self._demands.strict)
        check_critical(facts)
        # The certificates of one issuer assert few sets of policies: what one holds under, its brothers do.
        asserted = facts.extensions.get(oids.CERTIFICATE_POLICIES)
        if asserted in above.outcomes and oids.POLICY_CONSTRAINTS not in facts.extensions:
            return above.outcomes[asserted]
        state = above.policies.copied()
        state.take(facts, last=True, self_issued=False)
        found = state.finish(facts, self._policies)
        if oids.POLICY_CONSTRAINTS not in facts.extensions and len(above.outcomes) < _MAX_KNOWN:
            above.outcomes[asserted] = found
        return found

    def _check_demands(self, path: Path) -> None:
        """Refuse what lacks something asked for beside a right path: length, purpose, profile, peers."""
        demands = self._demands
        if demands.max_intermediates is not None:
            between = sum(not is_self_issued(c.facts) for c in path[1:-1])
            if between > demands.max_intermediates:
                raise wrong("depth", "the path is longer than asked for")
        if demands.purpose is not None:
            _check_purpose(path, demands.purpose)
            if demands.strict:
                check_profile(path, demands.purpose)
        for peer in demands.peers:
            check_peer(path[0].facts, peer)

    def _check_status(self, path: Path, pending: frozenset[bytes]) -> None:
        if self._trust.status == "none":
            return
        StatusCheck(
            trust=self._trust,
            at=self._at,
            strict=self._demands.strict,
            prove=self._prove_signer,
            pending=pending,
        ).check(path)

    def _prove_signer(
        self, signer: ParsedCertificate, anchor: ParsedCertificate, pending: frozenset[bytes]
    ) -> bool:
        """Whether somebody who signs lists has a right path of its own to the same anchor (§6.3.3 (f))."""
        search = Search(self._pool, self._at, self._effort)
        pending = pending | {signer.der}
        for path in search.paths(signer):
            if path[-1] != anchor:
                continue
            try:
                self._validate_plainly(path)
                self._check_status(path, pending)
            except (VerificationError, MalformedError, IndeterminateError):
                continue
            return True
        return False

    def _validate_plainly(self, path: Path) -> None:
        """§6.1 for a path nobody demands a policy of."""
        asked, self._policies = self._policies, _NONE.policies
        try:
            self._validate_leaf(path[0], self._validate_above(path))
        finally:
            self._policies = asked


def _check_purpose(path: Path, purpose: str) -> None:
    """Purposes of the leaf, and of the authorities that name any (§4.2.1.12). An anchor's do not count."""
    for depth, certificate in enumerate(path[:-1]):
        found = purposes(certificate.facts)
        if found is None or purpose in found or oids.EKU_ANY in found:
            continue
        raise wrong("purpose", "the certificate serves another purpose", depth=depth)


def _weaknesses(certificate: ParsedCertificate) -> list[str]:
    found = weakness_of_algorithm(certificate.algorithm), weakness_of_key(certificate.facts.spki)
    return [weakness for weakness in found if weakness]
