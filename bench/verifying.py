"""What verifying costs on one core: a leaf below known authorities, with its status and without it."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from bench.crypto import make_authority
from bench.meter import Report, compare, ratio
from dojang.pki.build import assemble_certificate
from dojang.pki.certificate import read_certificate
from dojang.pki.crl import assemble_crl, build_tbs_crl
from dojang.pki.paths import Trust, verify_path
from dojang.pki.signing import public_key_bytes, sign, verify_signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.crypto import Authority

LEAVES = 2000  #: different certificates, so that nothing about a leaf is remembered


def run(report: Report, seconds: float) -> None:
    """Print how many leaves a core verifies, and what part of bare signature checks that is."""
    report.part("verifying: leaf, authority and root, the authorities known; one core")
    for algorithm in ("ec-p256", "rsa-2048"):
        rates = compare(_works(make_authority(algorithm)), rounds=5, seconds=seconds / 10)
        for name, found in rates.items():
            share = "" if name == "raw" else f"{ratio(rates, name, 'raw'):.0f} % of raw"
            report.line(f"{algorithm}: {name}", f"{statistics.median(found):,.0f}/s", share)


def _works(authority: Authority) -> dict[str, Callable[[], object]]:
    algorithm, key = authority.algorithm, authority.key
    holder = public_key_bytes(ec.generate_private_key(ec.SECP256R1()))
    bodies = (authority.subscriber(holder) for _ in range(LEAVES))
    leaves = [assemble_certificate(tbs, sign(key, algorithm, tbs), algorithm) for tbs in bodies]
    read = read_certificate(leaves[0])
    spki = public_key_bytes(key)
    name = "ecdsa-sha256" if algorithm == "ec-p256" else "rsa-sha256"
    now = datetime.now(UTC)
    trust = Trust(roots=(authority.root,), intermediates=(authority.certificate,), status="none")
    known = replace(trust, crls=(_list_of(authority, now),), status="leaf")
    without, with_list = itertools.cycle(leaves), itertools.cycle(leaves)
    return {
        "raw": lambda: verify_signature(spki, name, read.tbs, read.signature),
        "path": lambda: verify_path(next(without), trust=trust, at=now),
        "path and the leaf's status by list": lambda: verify_path(next(with_list), trust=known, at=now),
    }


def _list_of(authority: Authority, now: datetime) -> bytes:
    moment = now.replace(microsecond=0)
    tbs = build_tbs_crl(
        issuer_certificate=authority.certificate,
        algorithm=authority.algorithm,
        number=1,
        this_update=moment,
        next_update=moment + timedelta(days=1),
        entries=(),
        idp_url=None,
    )
    return assemble_crl(tbs, sign(authority.key, authority.algorithm, tbs), authority.algorithm)
