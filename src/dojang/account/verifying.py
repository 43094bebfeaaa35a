"""Verifying a signature over a challenge, as a relying party must: the first step that is wrong raises.

The status is read from the authority's own rows at the moment of the answer, so a hold or a revocation
committed before is seen: nothing is cached here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.account.errors import (
    CertificateEndedError,
    CertificateExpiredError,
    CertificateHeldError,
    SignatureRefusedError,
)
from dojang.ca import queries as ca
from dojang.pki.certificate import read_certificate
from dojang.pki.cms import verify_signed_data
from dojang.pki.errors import DojangError, IndeterminateError, MalformedError, VerificationError
from dojang.pki.oids import policy_oid
from dojang.pki.paths import Trust, verify_path
from dojang.pki.signing import verify_signature
from dojang.products import PRODUCTS

if TYPE_CHECKING:
    from dojang.ca.queries import CertificateView
    from dojang.ports.world import World

#: Signature schemes a challenge may be answered with, by key algorithm.
SCHEMES = {"ec-p256": "ecdsa-sha256", "rsa-2048": "rsa-sha256", "rsa-3072": "rsa-sha256"}


def verify_use(view: CertificateView, challenge: bytes, signature: bytes, *, world: World) -> None:
    """Accept the use of a certificate, or raise a `UseRefusedError` that says why not."""
    # 1. The signature over the very bytes of the challenge (RFC 5280 §4.1.2.7 names the key).
    key = read_certificate(view.der).facts.spki
    algorithm = SCHEMES.get(read_certificate(view.der).facts.key.algorithm, "")
    try:
        verify_signature(key, algorithm, challenge, signature)
    except DojangError as error:
        raise SignatureRefusedError from error
    # 2.-4. The certificate itself.
    verify_certificate(view, world=world)


def verify_certificate(view: CertificateView, *, world: World) -> None:
    """Check life, live status and path of a certificate of ours. Raises a `UseRefusedError`."""
    now = world.clock.now()
    # 2. Its live status: held and revoked before expired, because they say more.
    fresh = ca.certificate_by_id(view.id)
    if fresh is None or fresh.state == "issued":
        raise SignatureRefusedError
    if fresh.state == "held":
        raise CertificateHeldError(product=view.product)
    if fresh.state == "revoked":
        raise CertificateEndedError(product=view.product, reason=fresh.reason or "unspecified")
    # 3. Its life, end points included (RFC 5280 §4.1.2.5).
    if now > view.not_after:
        raise CertificateExpiredError(product=view.product, until=view.not_after.isoformat())
    # 4. The path to our root, under the policy of the product (RFC 5280 §6). Status: step 2.
    *between, root = ca.chain_of(view)
    trust = Trust(
        roots=(root,),
        intermediates=tuple(between),
        policies=frozenset({policy_oid(world.policy.bank.policy_arc, PRODUCTS[view.product].policy_branch)}),
        status="none",
    )
    try:
        verify_path(view.der, trust=trust, at=now)
    except (VerificationError, IndeterminateError, MalformedError) as error:
        raise SignatureRefusedError from error


def read_signed(data: bytes, challenge: bytes) -> CertificateView:
    """Find the certificate of ours that signed a challenge as CMS SignedData (RFC 5652), one signer exactly.

    The content may be attached (then it must be the challenge) or detached. Raises `SignatureRefusedError`.
    """
    try:
        try:
            verified = verify_signed_data(data, content=challenge)
        except VerificationError:
            verified = verify_signed_data(data)
    except (VerificationError, MalformedError, IndeterminateError) as error:
        raise SignatureRefusedError from error
    if verified.content != challenge or len(verified.signers) != 1:
        raise SignatureRefusedError
    signer = verified.signers[0]
    view = ca.find_by_serial(f"{signer.serial:x}")
    if view is None or view.der != signer.certificate or signer.weak:
        raise SignatureRefusedError
    return view
