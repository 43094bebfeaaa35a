"""Runs inside pypinksign's own environment: reads a question as JSON, prints what pypinksign and pyasn1 see.

Uses nothing of the product.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

from pyasn1.codec.der import decoder, encoder
from pyasn1.type import char, univ
from pypinksign import PinkSign, encrypt_decrypted_prikey, inject_rand_in_plain_prikey

IDENTIFY_DATA = "1.2.410.200004.10.1.1"
VID = "1.2.410.200004.10.1.1.1"
HASHES = {"2.16.840.1.101.3.4.2.1": "sha256"}
TEXT = "이체 100,000원".encode()


def vid_in(certificate: bytes) -> tuple[str, str, str]:
    """Real name, hash and VID in the certificate, by pyasn1 without a schema."""
    tbs = decoder.decode(certificate)[0][0]
    for extension in tbs[7]:
        if str(extension[0]) != "2.5.29.17":
            continue
        value = bytearray(bytes(extension[1]))
        # otherName is [0] IMPLICIT, which no decoder can know without a schema: make it the SEQUENCE it is.
        value[2 if value[1] < 0x80 else 2 + (value[1] & 0x7F)] = 0x30
        for name in decoder.decode(bytes(value))[0]:
            if str(name[0]) == IDENTIFY_DATA:
                real_name, infos = name[1][0], name[1][1]
                for info in infos:
                    if str(info[0]) == VID:
                        return str(real_name), HASHES[str(info[1][0][0])], bytes(info[1][1]).hex()
    message = "no VID"
    raise ValueError(message)


def vid_of(idn: str, r: univ.BitString, name: str) -> str:
    """VID by the specification, encoded by pyasn1."""
    content = univ.Sequence()
    content[0] = char.PrintableString(idn)
    content[1] = r
    once = hashlib.new(name, encoder.encode(content)).digest()
    return hashlib.new(name, once).hexdigest()


def opened(question: dict[str, str]) -> dict[str, object]:
    """Open files of the product, sign with the key in them, compute the VID from the R in them."""
    password = question["password"].encode()
    if question["pfx"]:
        reader = PinkSign(p12_data=base64.b64decode(question["pfx"]), prikey_password=password)
        reader.load_p12(base64.b64decode(question["pfx"]))
    else:
        place = Path(question["folder"])
        reader = PinkSign(
            pubkey_path=str(place / "signCert.der"),
            prikey_path=str(place / "signPri.key"),
            prikey_password=password,
        )
    answer: dict[str, object] = {"cn": reader.cn(), "text": TEXT.decode()}
    answer["signed"] = base64.b64encode(reader.pkcs7_signed_msg(TEXT)).decode()
    if getattr(reader, "_rand_num", None) is not None:  # it loses R when it opens a PFX
        answer["r"] = reader._rand_num.asOctets().hex()
        answer["vid_computed"] = vid_of(question["idn"], reader._rand_num, "sha256")
    return answer


def main() -> None:
    """Answer one question."""
    question = json.load(sys.stdin)
    if "password" in question and "seal" not in question:
        json.dump(opened(question), sys.stdout)
        return
    if "seal" in question:
        with_r = inject_rand_in_plain_prikey(question["seal"], bytes.fromhex(question["r"]))
        json.dump({"key_file": encrypt_decrypted_prikey(with_r, question["password"].encode())}, sys.stdout)
        return
    certificate = base64.b64decode(question["certificate"])
    reader = PinkSign(pubkey_data=certificate)
    real_name, name, vid = vid_in(certificate)
    answer = {
        "cn": reader.cn(),
        "issuer": reader.issuer(),
        "class": reader.cert_class(),
        "policy": reader.cert_type_oid(),
        "serial": reader.serialnum(),
        "valid": [moment.isoformat() for moment in reader.valid_date()],
        "real_name": real_name,
        "vid": vid,
    }
    if question["key"]:
        with_r = inject_rand_in_plain_prikey(question["key"], bytes.fromhex(question["r"]))
        key_file = base64.b64decode(encrypt_decrypted_prikey(with_r, b"Password1!"))
        reader.load_prikey(prikey_data=key_file, prikey_password=b"Password1!")
        answer["vid_computed"] = vid_of(question["idn"], reader._rand_num, name)
        answer["signed"] = base64.b64encode(reader.pkcs7_signed_msg(TEXT)).decode()
        answer["text"] = TEXT.decode()
    json.dump(answer, sys.stdout)


main()
