"""pypinksign as an independent reader of certificates, in an environment of its own (`environment`)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from tests.judges.environment import ask_judge

HERE = Path(__file__).parent
PINS = HERE / "requirements-pypinksign.txt"
INSIDE = HERE / "pinksign_inside.py"


def pinksign(
    certificate: bytes, *, key: bytes | None = None, r: bytes = b"", idn: str = ""
) -> dict[str, Any]:
    """Ask pypinksign about a certificate (DER): cn, issuer, policy, serial, vid.

    With an RSA `key` (PKCS #8, DER) it also makes an NPKI key file holding `r`, opens it again, computes the
    VID of `idn` from the R found in it (``vid_computed``), and signs a text (``signed``, PKCS #7).
    """
    return _ask(
        {
            "certificate": base64.b64encode(certificate).decode(),
            "key": None if key is None else base64.b64encode(key).decode(),
            "r": r.hex(),
            "idn": idn,
        }
    )


def pinksign_opens(
    *, folder: Path | None = None, pfx: bytes | None = None, password: str, idn: str = ""
) -> dict[str, Any]:
    """Let pypinksign open a folder with ``signCert.der`` and ``signPri.key``, or a PFX, and sign with it.

    Answers ``cn``, ``signed`` (PKCS #7 over ``text``); for a folder also ``r`` and ``vid_computed`` of `idn`.
    """
    return _ask(
        {
            "folder": None if folder is None else str(folder),
            "pfx": None if pfx is None else base64.b64encode(pfx).decode(),
            "password": password,
            "idn": idn,
        }
    )


def pinksign_seals(pkcs8: bytes, *, r: bytes, password: str) -> bytes:
    """Key file in the older form (seedCBCWithSHA1) that pypinksign writes of a PKCS #8 key and R."""
    question = {"seal": base64.b64encode(pkcs8).decode(), "r": r.hex(), "password": password}
    return base64.b64decode(_ask(question)["key_file"])


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    return ask_judge(PINS, INSIDE, question)
