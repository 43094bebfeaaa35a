"""WebAuthn as its relying party: who we are to a browser, what we ask it, and whether its answer holds.

W3C Web Authentication level 3, sections 7.1 and 7.2, checked by the library `webauthn`. Answers arrive as the
JSON forms of section 5.1 (RegistrationResponseJSON, AuthenticationResponseJSON). Nothing here is secret.
"""

from __future__ import annotations

import ipaddress
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from dojang.pki.errors import DojangError

LONGEST: Final = 6_000  #: octets of an answer; real ones have some 1,000
LONGEST_ID: Final = 1_023  #: octets of a credential id (section 4)
_ALGORITHMS: Final = (-7, -257)  #: COSE: ES256, RS256 (section 5.4.5)
_FORMATS: Final = frozenset({"none", "packed"})  #: what is left of an attestation when none was asked for
_USUAL: Final = {"https": 443, "http": 80}


class PasskeyRefusedError(DojangError):
    """An answer of a browser that does not hold; the reason is for nobody but the log."""

    code = "passkey_refused"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who we are to a browser: `id` is a domain, `origin` the one address answers may come from."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Passkey:
    """The public half of a credential. `public_key` is a COSE_Key (RFC 9052), `count` the last counter."""

    id: bytes
    public_key: bytes
    count: int = 0


def relying_party(public_url: str) -> RelyingParty | None:
    """Return who we are at a public address; None where browsers allow no WebAuthn.

    They allow it at domains over https, and at ``localhost``; never at a bare network address. A machine's
    own address (127.0.0.1, ::1) is the same place as ``localhost``, so that stands for it.
    """
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    try:
        if not ipaddress.ip_address(host).is_loopback:
            return None
        host = "localhost"
    except ValueError:
        pass
    is_local = host == "localhost" or host.endswith(".localhost")
    if not host or parts.scheme not in _USUAL or (parts.scheme == "http" and not is_local):
        return None
    port = "" if parts.port in {None, _USUAL[parts.scheme]} else f":{parts.port}"
    return RelyingParty(host, f"{parts.scheme}://{host}{port}")


def text_of(octets: bytes) -> str:
    """Write octets as browsers do: base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def creation_options(
    party: RelyingParty, *, name: str, challenge: bytes, user: bytes, label: str, seconds: int
) -> dict[str, Any]:
    """Ask for a new credential: in the device's own keeper, opened by finger, face or screen lock.

    The JSON form PublicKeyCredentialCreationOptionsJSON. `user` is opaque; `label` is what the keeper shows.
    """
    return {
        "rp": {"id": party.id, "name": name},
        "user": {"id": text_of(user), "name": label, "displayName": label},
        "challenge": text_of(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in _ALGORITHMS],
        "timeout": seconds * 1000,
        "attestation": "none",
        "authenticatorSelection": {
            "authenticatorAttachment": "platform",
            "residentKey": "discouraged",
            "requireResidentKey": False,
            "userVerification": "required",
        },
    }


def read_registration(answer: bytes, *, party: RelyingParty, challenge: bytes) -> Passkey:
    """Return the credential a browser made for a challenge. Raises `PasskeyRefusedError`.

    The user must have been verified; another place than this device's own keeper is refused.
    """
    # Only processes that meet such an answer pay for the library.
    from webauthn import verify_registration_response
    from webauthn.helpers import parse_registration_credential_json
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.exceptions import WebAuthnException
    from webauthn.helpers.structs import AuthenticatorAttachment

    try:
        credential = parse_registration_credential_json(_text(answer))
        if credential.authenticator_attachment not in {None, AuthenticatorAttachment.PLATFORM}:
            raise PasskeyRefusedError("not of this device")
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(number) for number in _ALGORITHMS],
        )
    except (WebAuthnException, *_UNREADABLE) as error:
        raise PasskeyRefusedError("the registration does not hold") from error
    if made.fmt not in _FORMATS or len(made.credential_id) > LONGEST_ID:
        raise PasskeyRefusedError("another registration than was asked for")
    return Passkey(made.credential_id, made.credential_public_key, made.sign_count)


def read_assertion(
    answer: bytes, *, party: RelyingParty, challenge: bytes, passkey: Passkey, user: bytes
) -> int:
    """Return the counter of an answer by this very credential. Raises `PasskeyRefusedError`.

    The user must have been verified, and a counter that is kept at all must have gone up.
    """
    # Only processes that meet such an answer pay for the library.
    from webauthn import verify_authentication_response
    from webauthn.helpers import parse_authentication_credential_json
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        credential = parse_authentication_credential_json(_text(answer))
        if credential.raw_id != passkey.id or credential.response.user_handle not in {None, b"", user}:
            raise PasskeyRefusedError("another credential")
        proven = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.count,
            require_user_verification=True,
        )
    except (WebAuthnException, *_UNREADABLE) as error:
        raise PasskeyRefusedError("the assertion does not hold") from error
    return proven.new_sign_count


#: What a library of parsers may raise over bytes that are none of its forms.
_UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


def _text(answer: bytes) -> str:
    if len(answer) > LONGEST:
        raise PasskeyRefusedError("too long")
    return answer.decode("utf-8")
