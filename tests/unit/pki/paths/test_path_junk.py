"""Junk for what reads strangers' files: only our own errors, quickly; and always an answer line.

`JUNK=20000` sets how many damaged inputs each reader gets; the suite gives fewer.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from tests.unit.pki.explaining.test_explaining import _header, _jws, _pdf, _signed_today
from tests.unit.pki.kit import NOW, house
from tests.unit.pki.paths.cases import Asked
from tests.unit.pki.paths.makers import between, leaf, permit, points, raw, revocations, root, scope

from dojang.cli.verify_path import answer_line
from dojang.pki.errors import DojangError, MalformedError
from dojang.pki.explaining import Inquiry, explain, read_trust_list
from dojang.pki.explaining.signed import read_stamp
from dojang.pki.paths import (
    Demands,
    Trust,
    constraints,
    lists,
    names,
    policies,
    verify_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = int(os.environ.get("JUNK", "300"))
LIMIT = 0.1  # seconds of work for one input
VERDICTS = {"success", "failure", "indeterminate"}
URI = x509.UniformResourceIdentifier


def _encoded(extension: x509.ExtensionType) -> bytes:
    return extension.public_bytes()


@cache
def _asked() -> Asked:
    """Return a case with everything in it."""
    anchor = root()
    layer = permit(x509.DNSName("example.com"), x509.RFC822Name("example.com"))
    policy = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)])
    mapping = raw("2.5.29.33", bytes.fromhex("300c300a06032a030406032a0305"))
    middle = between(anchor, more=((layer, True), (policy, False), mapping))
    own = leaf(middle, more=((policy, False), (points("http://example.com/1.crl"), False)))
    crls = (
        revocations(anchor),
        revocations(middle, leaf(middle, "other"), reason=x509.ReasonFlags.superseded),
    )
    return Asked(own, (middle,), (anchor,), crls)


def _whole_list(data: bytes) -> None:
    found = lists.read_foreign_list(data)
    lists.find_entry(found, found.issuer, 1)
    lists.repeats_a_serial(found)


def _path(data: bytes) -> None:
    asked = _asked()
    trust = Trust(
        roots=(asked.trusted[0].der,),
        intermediates=(asked.between[0].der,),
        crls=tuple(base64.b64decode(text) for text in asked.crls),
    )
    verify_path(data, trust=trust, at=NOW, demands=Demands(purpose="1.3.6.1.5.5.7.3.1"))


def _below(data: bytes) -> None:
    """Verify with the damage in an authority."""
    asked = _asked()
    trust = Trust(roots=(asked.trusted[0].der,), intermediates=(data,), status="none")
    verify_path(asked.leaf.der, trust=trust, at=NOW)


def _by_list(data: bytes) -> None:
    asked = _asked()
    lists_ = (base64.b64decode(asked.crls[0]), data)
    trust = Trust(roots=(asked.trusted[0].der,), intermediates=(asked.between[0].der,), crls=lists_)
    verify_path(asked.leaf.der, trust=trust, at=NOW)


def _explained(data: bytes) -> None:
    ours = house()
    trust = Trust(roots=(ours.root,), intermediates=(ours.issuing,), status="none")
    try:
        found = explain(data, Inquiry(trust, NOW))
    except DojangError as error:
        raise AssertionError("an explanation never raises") from error
    assert found.verdict in {"valid", "invalid", "indeterminate"}


def _line(data: bytes) -> None:
    answer = answer_line(data)
    assert answer["verdict"] in VERDICTS
    assert answer["reason"] != "internal", answer
    json.dumps(answer)


def _trust_list(data: bytes) -> None:
    read_trust_list(data.decode("latin-1"))


_NAMES = x509.SubjectAlternativeName(
    [
        x509.DNSName("a.example"),
        x509.RFC822Name("a@b.example"),
        URI("http://a.example/"),
        x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "김")])),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x01a"),
    ]
)


@cache
def _seeds() -> dict[str, tuple[Callable[[bytes], object], bytes]]:
    """Each reader with one right object, to be damaged."""
    asked = _asked()
    sharded = revocations(
        asked.trusted[0],
        asked.leaf,
        scope=scope(full_name=[URI("http://a.example/1.crl")], indirect_crl=True),
        reason=x509.ReasonFlags.key_compromise,
    )
    text = base64.b64encode(house().issuing).decode()
    trust_list = f"[[between]]\ncertificate = '{text}'\n[policies.'1.2']\nko = 'a'\n"
    limited = permit(x509.DNSName("a.example"), x509.RFC822Name("b.example"), exclude=(URI("c.example"),))
    listed = [x509.PolicyInformation(x509.ObjectIdentifier(one), ["http://a/"]) for one in ("1.2.3", "1.2.4")]
    return {
        "general names": (names.read_general_names, _encoded(_NAMES)),
        "name": (names.comparable, asked.leaf.certificate.subject.public_bytes()),
        "name constraints": (
            constraints.read_name_constraints,
            _encoded(limited),
        ),
        "policies": (policies.read_policies, _encoded(x509.CertificatePolicies(listed))),
        "mappings": (policies.read_mappings, bytes.fromhex("300c300a06032a030406032a0305")),
        "policy constraints": (policies.read_policy_constraints, bytes.fromhex("3006800100810101")),
        "points": (
            lambda data: lists.read_distribution_points(data, b"\x30\x00"),
            _encoded(points("http://a.example/1.crl", reasons=frozenset([x509.ReasonFlags.key_compromise]))),
        ),
        "list": (_whole_list, base64.b64decode(sharded)),
        "path": (_path, asked.leaf.der),
        "authority": (_below, asked.between[0].der),
        "path by list": (_by_list, base64.b64decode(asked.crls[1])),
        "signed data": (_explained, _signed_today()),
        "pdf": (_explained, _pdf()),
        "jws": (_explained, _jws(_header())),
        "stamp": (lambda data: read_stamp(data, over=b""), _signed_today()),
        "trust list": (_trust_list, trust_list.encode()),
        "case": (_line, json.dumps(_asked().line()).encode()),
        "short case": (_line, json.dumps({"leaf": "MAA=", "time": "2026-01-01T00:00:00Z", "id": 1}).encode()),
    }


READERS = sorted(_seeds())


def _damage(chance: random.Random, seed: bytes) -> bytes:
    damaged = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(damaged)) if damaged else 0
        how = chance.randrange(4)
        if how == 0 and damaged:
            damaged[at] = chance.randrange(256)
        elif how == 1:
            del damaged[at : at + chance.randint(1, 8)]
        elif how == 2:
            damaged[at:at] = chance.randbytes(chance.randint(1, 8))
        else:
            damaged[at:at] = damaged[at : at + chance.randint(1, 40)]
    return bytes(damaged)


def _feed(reader: Callable[[bytes], object], data: bytes) -> None:
    taken = LIMIT
    for _ in range(3):  # what is slow stays slow; a collection of garbage in between does not
        start = time.process_time()
        with contextlib.suppress(DojangError):
            reader(data)
        taken = min(taken, time.process_time() - start)
        if taken < LIMIT:
            return
    raise AssertionError(f"{taken:.3f} s for {data!r}")


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"stamp"}))
def test_the_undamaged_object_is_read(reader: str) -> None:
    """The seeds of the damage are right."""
    read, seed = _seeds()[reader]
    read(seed)


@pytest.mark.parametrize("reader", READERS)
def test_damage_is_refused_or_read(reader: str) -> None:
    """A right object with octets changed, cut out, put in or repeated: no other error, no long work."""
    read, seed = _seeds()[reader]
    chance = random.Random(20261128)  # noqa: S311 - repeatable damage, not a secret
    for _ in range(ROUNDS):
        _feed(read, _damage(chance, seed))


@pytest.mark.parametrize("reader", READERS)
def test_noise_and_bombs_are_refused(reader: str) -> None:
    """Octets without structure, deep nesting, absurd lengths, sheer size."""
    read, _ = _seeds()[reader]
    chance = random.Random(7)  # noqa: S311 - the same
    bombs = (
        b"\x30\x84\x7f\xff\xff\xff" + bytes(100),
        b"\x30\x80" * 50_000,
        b"\x30\x82\xff\xff" * 20_000,
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b"%PDF-" + b"/ByteRange [0 1 2 3]" * 10_000,
        b"eyJ" + b"." * 100_000,
        bytes(1_000_000),
    )
    for data in (*(chance.randbytes(chance.randrange(400)) for _ in range(ROUNDS)), *bombs):
        _feed(read, data)


WRONG_FIELDS: list[dict[str, Any]] = [
    {"trusted": "x"},
    {"trusted": [1]},
    {"intermediates": {}},
    {"crls": 3},
    {"leaf": None},
    {"leaf": ["MAA="]},
    {"time": 5},
    {"time": "yesterday"},
    {"time": "0001-01-01T00:00:00+14:00"},
    {"purpose": 7},
    {"purpose": "bake"},
    {"purpose": ["server", "client"]},
    {"peer_name": 4},
    {"peer_name": {"kind": "DNS"}},
    {"peer_name": {"kind": "FAX", "value": "1"}},
    {"policies": []},
    {"policies": {"initial": 3}},
    {"policies": {"explicit": "yes"}},
    {"max_depth": -1},
    {"max_depth": True},
    {"max_depth": "3"},
    {"status": "some"},
]


@pytest.mark.parametrize("wrong", WRONG_FIELDS, ids=json.dumps)
def test_a_field_of_another_type_is_no_case(wrong: dict[str, Any]) -> None:
    """It is answered, undecided, with the reason `request`, and its id comes back."""
    answer = answer_line(json.dumps(_asked().line() | wrong | {"id": "x"}).encode())
    assert (answer["verdict"], answer["reason"], answer["id"]) == ("indeterminate", "request", "x")


def test_what_cannot_be_read_is_malformed() -> None:
    """A leaf that is no certificate is wrong; authorities and lists that cannot be read are of no use."""
    line = _asked().line()
    for broken in ("%%%", "AAAA", ""):
        answer = answer_line(json.dumps(line | {"leaf": broken}).encode())
        assert (answer["verdict"], answer["reason"]) == ("failure", "malformed")
    answer = answer_line(json.dumps(line | {"trusted": ["AAAA", *line["trusted"]]}).encode())
    assert answer["verdict"] == "success"
    answer = answer_line(json.dumps(line | {"crls": ["%%%"]}).encode())
    assert answer["reason"] == "status_unknown"
    with pytest.raises(MalformedError):
        names.comparable(b"\x31\x00")
