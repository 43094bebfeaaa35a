"""The profiles this centre issues under, as data (RFC 5280; shape of the Korean NPKI, KCAC.TS.CERTPROF).

Where the NPKI shape as observed and the PKIX rules differ, PKIX wins:

* explicitText is UTF8String, not BMPString (RFC 5280 §4.2.1.4, RFC 6818 §3);
* CRLs and issuer certificates are found by http, not LDAP, so that any reader can fetch them;
* authorityKeyIdentifier holds the key identifier alone: issuer name and serial would tie a
  certificate to one certificate of its issuer and lead astray when that is renewed;
* serial numbers are random and long (invariant: at least 120 random bits).
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dojang.pki import oids
from dojang.pki.checks import check_tbs
from dojang.pki.rules import Profile, Urls

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROFILES", "Profile", "Urls", "add_profile", "check_tbs", "remove_profile"]

_BRANCH: Final = re.compile(r"1\.[1-9][0-9]{0,8}")
_AUTHORITY_USAGE: Final = ("keyCertSign", "cRLSign")

_ROOT = Profile(
    id="root",
    role="root",
    max_life=timedelta(days=20 * 366),
    subject=("C", "O", "OU", "CN"),
    key_usage=_AUTHORITY_USAGE,
    keys=frozenset({"ec-p256", "ec-p384", "rsa-3072", "rsa-4096"}),
)

_ISSUING = Profile(
    id="issuing",
    role="issuing",
    max_life=timedelta(days=10 * 366),
    subject=("C", "O", "OU", "CN"),
    key_usage=_AUTHORITY_USAGE,
    policy="any",
    path_length=0,
    crl=True,
    ca_issuers=True,
)

_OCSP = Profile(
    id="ocsp",
    role="ocsp",
    # Not revocable in practice (nocheck, RFC 6960 §4.2.2.2.1): so it must not live long.
    max_life=timedelta(days=398),
    subject=("C", "O", "OU", "CN"),
    key_usage=("digitalSignature",),
    extended_key_usage=(oids.EKU_OCSP_SIGNING,),
    no_check=True,
)

_FINANCIAL = Profile(
    id="financial",
    role="subscriber",
    # Three years, and the rest of the day on which they end.
    max_life=timedelta(days=3 * 365 + 1 + 1),
    subject=("C", "O", "OU+", "CN"),
    key_usage=("digitalSignature", "nonRepudiation"),
    policy="1.2",
    policy_critical=True,
    notice="이 인증서는 은행 인증센터가 발급한 금융인증서입니다.",
    identify=True,
    crl=True,
    ocsp=True,
    ca_issuers=True,
)

_JOINT = replace(
    _FINANCIAL,
    id="joint",
    # One year, and the rest of the day on which it ends.
    max_life=timedelta(days=366 + 1),
    policy="1.1",
    notice="이 인증서는 은행 인증센터가 발급한 공동인증서입니다.",
    # Made on the customer's device and carried as NPKI files, whose readers know RSA only.
    keys=frozenset({"rsa-2048", "rsa-3072", "rsa-4096"}),
)

_BANK = replace(
    _FINANCIAL,
    id="bank",
    policy="1.3",
    notice="이 인증서는 은행이 자기 서비스에 쓰려고 발급한 은행인증서입니다.",
    # For this bank alone, which knows its customer: nobody has to prove an identity number with it.
    identify=False,
    # Lives in the device's own key store.
    keys=frozenset({"ec-p256"}),
)

_profiles = {profile.id: profile for profile in (_ROOT, _ISSUING, _OCSP, _FINANCIAL, _JOINT, _BANK)}
#: Every profile by its id: those above, and what installed packages add to them.
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(_profiles)
GROUP: Final = "dojang.profiles"


def add_profile(profile: Profile) -> None:
    """Know one more profile, of a product that lies in a package of its own.

    It can be nothing but a customer's, under a policy of its own: `ValueError` for everything else.
    """
    if profile.role != "subscriber" or profile.path_length is not None:
        raise ValueError(f"{profile.id}: only profiles of customers' certificates can be added")
    if profile.id in _profiles or profile.policy in {known.policy for known in _profiles.values()}:
        raise ValueError(f"{profile.id}: there is a profile of this name or policy")
    if _BRANCH.fullmatch(profile.policy or "") is None:
        raise ValueError(f"{profile.id}: its policy must be a branch such as 1.4")
    _profiles[profile.id] = profile


def remove_profile(profile_id: str) -> None:
    """Forget a profile that was added; `KeyError` when there is none."""
    del _profiles[profile_id]


for _entry in entry_points(group=GROUP):
    add_profile(_entry.load())
