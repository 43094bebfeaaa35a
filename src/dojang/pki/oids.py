"""Object identifiers, by the names their standards give them. Dotted strings."""

from __future__ import annotations

from typing import Final

from dojang.pki import der
from dojang.pki.errors import ProfileError

# Attributes of names (ITU-T X.520, RFC 5280 appendix A)
COMMON_NAME: Final = "2.5.4.3"
COUNTRY: Final = "2.5.4.6"
ORGANIZATION: Final = "2.5.4.10"
ORGANIZATIONAL_UNIT: Final = "2.5.4.11"

# Certificate and CRL extensions (RFC 5280 §4.2, §5.2, §5.3)
SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
SUBJECT_ALT_NAME: Final = "2.5.29.17"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
CRL_NUMBER: Final = "2.5.29.20"
CRL_REASON: Final = "2.5.29.21"
DELTA_CRL_INDICATOR: Final = "2.5.29.27"
CERTIFICATE_ISSUER: Final = "2.5.29.29"
ISSUING_DISTRIBUTION_POINT: Final = "2.5.29.28"
NAME_CONSTRAINTS: Final = "2.5.29.30"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
CERTIFICATE_POLICIES: Final = "2.5.29.32"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
POLICY_CONSTRAINTS: Final = "2.5.29.36"
POLICY_MAPPINGS: Final = "2.5.29.33"
INHIBIT_ANY_POLICY: Final = "2.5.29.54"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
AUTHORITY_INFO_ACCESS: Final = "1.3.6.1.5.5.7.1.1"

ANY_POLICY: Final = "2.5.29.32.0"
CPS_QUALIFIER: Final = "1.3.6.1.5.5.7.2.1"
USER_NOTICE_QUALIFIER: Final = "1.3.6.1.5.5.7.2.2"
AD_OCSP: Final = "1.3.6.1.5.5.7.48.1"
AD_CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"

# OCSP (RFC 6960 §4.2.1, §4.4; RFC 9654)
OCSP_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
OCSP_NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
OCSP_NO_CHECK: Final = "1.3.6.1.5.5.7.48.1.5"
EKU_OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"

# Purposes (RFC 5280 §4.2.1.12)
EKU_ANY: Final = "2.5.29.37.0"
EKU_SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
EKU_CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
EKU_CODE_SIGNING: Final = "1.3.6.1.5.5.7.3.3"
EKU_EMAIL_PROTECTION: Final = "1.3.6.1.5.5.7.3.4"
EKU_TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
EKU_PRECERTIFICATE: Final = "1.3.6.1.4.1.11129.2.4.4"

# Keys, hashes and signatures (RFC 3279, RFC 4055, RFC 5480, RFC 5754)
RSA: Final = "1.2.840.113549.1.1.1"
RSA_SHA1: Final = "1.2.840.113549.1.1.5"
RSA_MGF1: Final = "1.2.840.113549.1.1.8"
RSA_PSS: Final = "1.2.840.113549.1.1.10"
RSA_SHA256: Final = "1.2.840.113549.1.1.11"
RSA_SHA384: Final = "1.2.840.113549.1.1.12"
RSA_SHA512: Final = "1.2.840.113549.1.1.13"
EC_KEY: Final = "1.2.840.10045.2.1"
P256: Final = "1.2.840.10045.3.1.7"
P384: Final = "1.3.132.0.34"
P521: Final = "1.3.132.0.35"
ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
ECDSA_SHA384: Final = "1.2.840.10045.4.3.3"
ECDSA_SHA512: Final = "1.2.840.10045.4.3.4"
SHA1: Final = "1.3.14.3.2.26"
SHA224: Final = "2.16.840.1.101.3.4.2.4"
SHA256: Final = "2.16.840.1.101.3.4.2.1"
SHA384: Final = "2.16.840.1.101.3.4.2.2"
SHA512: Final = "2.16.840.1.101.3.4.2.3"

# CMS (RFC 5652)
CMS_DATA: Final = "1.2.840.113549.1.7.1"
CMS_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
TIME_STAMP: Final = "1.2.840.113549.1.9.16.2.14"  # RFC 3161 appendix A
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"  # RFC 3161 section 2.4.2

# Password-based encryption (RFC 8018) and the Korean ciphers (KCAC.TS.ENC, RFC 4010)
PBES2: Final = "1.2.840.113549.1.5.13"
PBKDF2: Final = "1.2.840.113549.1.5.12"
PBMAC1: Final = "1.2.840.113549.1.5.14"
SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"
HMAC_SHA1: Final = "1.2.840.113549.2.7"
HMAC_SHA256: Final = "1.2.840.113549.2.9"
HMAC_SHA384: Final = "1.2.840.113549.2.10"
HMAC_SHA512: Final = "1.2.840.113549.2.11"
AES128_CBC: Final = "2.16.840.1.101.3.4.1.2"
AES192_CBC: Final = "2.16.840.1.101.3.4.1.22"
AES256_CBC: Final = "2.16.840.1.101.3.4.1.42"
DES_EDE3_CBC: Final = "1.2.840.113549.3.7"
SEED_CBC: Final = "1.2.410.200004.1.4"
SEED_CBC_WITH_SHA1: Final = "1.2.410.200004.1.15"

# PKCS #12 (RFC 7292)
CMS_ENVELOPED_DATA: Final = "1.2.840.113549.1.7.3"
CMS_ENCRYPTED_DATA: Final = "1.2.840.113549.1.7.6"
PBE_3DES: Final = "1.2.840.113549.1.12.1.3"
PBE_2DES: Final = "1.2.840.113549.1.12.1.4"
PBE_RC2_128: Final = "1.2.840.113549.1.12.1.5"
PBE_RC2_40: Final = "1.2.840.113549.1.12.1.6"
KEY_BAG: Final = "1.2.840.113549.1.12.10.1.1"
SHROUDED_BAG: Final = "1.2.840.113549.1.12.10.1.2"
CERT_BAG: Final = "1.2.840.113549.1.12.10.1.3"
X509_CERTIFICATE: Final = "1.2.840.113549.1.9.22.1"
FRIENDLY_NAME: Final = "1.2.840.113549.1.9.20"
LOCAL_KEY_ID: Final = "1.2.840.113549.1.9.21"

# NPKI (KCAC.TS.SIVID v1.21)
NPKI_IDENTIFY_DATA: Final = "1.2.410.200004.10.1.1"
NPKI_VID: Final = "1.2.410.200004.10.1.1.1"
NPKI_RANDOM: Final = "1.2.410.200004.10.1.1.3"
NPKI_VID_ALSO: Final = "1.2.410.200004.10.1.1.4"  # listed as a VID by some authorities

_MAX_ARC: Final = 2**32 - 1


def policy_oid(arc: str, branch: str) -> str:
    """OID of a certificate policy: the profile's `branch` under the bank's own `arc`.

    Such as ``1.2`` under ``1.3.6.1.4.1.99999.1``; ``<arc>.1.<n>`` is the policy of one product.
    Each number of the arc fits 32 bits: larger ones (``2.25.<uuid>``) cannot be read by much software.
    Raises `ProfileError`.
    """
    numbers = arc.split(".")
    if len(numbers) < 2 or not all(n.isascii() and n.isdigit() and int(n) <= _MAX_ARC for n in numbers):  # noqa: PLR2004
        raise ProfileError("the policy arc is dotted numbers of at most 32 bits", arc=arc)
    if not branch:
        raise ProfileError("a profile without a policy")
    dotted = f"{arc}.{branch}"
    try:
        der.oid(dotted)
    except ValueError:
        raise ProfileError("the policy arc is not an object identifier", arc=arc) from None
    return dotted
