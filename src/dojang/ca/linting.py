"""Lint before signing: what was linted is what is signed.

Every body is put under a signature of a throw-away key and judged by our own rules. pkilint, slower and
independent, judges the first body of every profile before the profile may issue in this process, and one
in `SAMPLE` afterwards.
"""

from __future__ import annotations

import secrets
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dojang.pki import lint, signing
from dojang.pki.build import assemble_certificate
from dojang.pki.checks import check_tbs

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ca.authorities import Issuer
    from dojang.pki.rules import Profile

SAMPLE = 500  #: one in so many certificates is judged by pkilint as well
_ROOT_ONLY = "pkix.authority_key_identifier_extension_absent"

_proven: set[tuple[Profile, str]] = set()
_proving = threading.Lock()


@lru_cache(maxsize=8)
def _throw_away_key(algorithm: str) -> signing.PrivateKey:
    """Make a key of the issuer's kind that signs nothing anybody relies on."""
    if algorithm == "ec-p384":
        return ec.generate_private_key(ec.SECP384R1())
    if algorithm.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm[4:]))
    return ec.generate_private_key(ec.SECP256R1())


@lru_cache(maxsize=8)
def _throw_away_signature(algorithm: str) -> bytes:
    """One signature of the right shape. Which bytes it covers does not matter to a lint of structure."""
    return signing.sign(_throw_away_key(algorithm), algorithm, b"throw-away")


def lint_before_signing(
    profile: Profile, tbs: bytes, *, issuer: Issuer | None, algorithm: str, policy_arc: str, now: datetime
) -> None:
    """Raise `ProfileError` unless `tbs` may be signed. `issuer` is None when a root signs itself."""
    check_tbs(
        profile,
        tbs,
        issuer_certificate=None if issuer is None else issuer.certificate,
        now=now,
        policy_arc=policy_arc,
    )
    certificate = assemble_certificate(tbs, _throw_away_signature(algorithm), algorithm)
    lint.require_clean(lint.lint_certificate(certificate, profile))
    kind = (profile, algorithm)
    if kind in _proven and secrets.randbelow(SAMPLE):
        return
    with _proving:
        found = lint.pkilint_certificate(certificate)
        if profile.role == "root":
            # pkilint knows a root by its own signature, which a throw-away key cannot have made.
            found = tuple(finding for finding in found if finding.code != _ROOT_ONLY)
        lint.require_clean(found)
        _proven.add(kind)
