"""Lint: nothing we make has a finding, and what others break is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.pki.kit import ALGORITHMS, NOW, URLS, house, key_of

from dojang.pki import build, der, lint, oids
from dojang.pki.certificate import read_certificate
from dojang.pki.crl import REASONS, CrlEntry, assemble_crl, build_tbs_crl
from dojang.pki.errors import MalformedError, ProfileError
from dojang.pki.ocsp import error_response
from dojang.pki.profiles import PROFILES
from dojang.pki.rules import LintFinding
from dojang.pki.signing import public_key_bytes, signature_algorithm

FINANCIAL = PROFILES["financial"]
ENTRIES = [
    CrlEntry(build.new_serial(), NOW - timedelta(days=days), reason) for days, reason in enumerate(REASONS)
]


def _quiet(findings: tuple[LintFinding, ...]) -> list[LintFinding]:
    """Leave two remarks out of what pkilint says.

    One is information: how the key identifier was made. The other is its advice not to qualify policies, for
    which RFC 5280 §4.2.1.4 has a SHOULD; NPKI certificates carry a notice and the address of the statement.
    """
    accepted = {
        "pkix.subject_key_identifier_method_1_identified",
        "pkix.certificate_policies_policy_has_qualifier",
    }
    return [f for f in findings if f.code not in accepted or f.severity not in ("info", "notice")]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("subject_key", ["ec-p256", "ec-p384", "rsa-2048", "rsa-4096"])
def test_invariant_04_pkilint_finds_nothing_in_a_customers_certificate(
    algorithm: str, subject_key: str
) -> None:
    """An independent linter has no error and no warning for any pair of keys; ours neither (invariant 4)."""
    data = house(algorithm).certificate(public_key=public_key_bytes(key_of(subject_key, "customer")))
    assert _quiet(lint.pkilint_certificate(data)) == []
    assert lint.lint_certificate(data, FINANCIAL) == ()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pkilint_finds_nothing_in_the_authorities_certificates(algorithm: str) -> None:
    """Root, issuing authority and responder are clean under both linters."""
    ours = house(algorithm)
    for profile, data in (("root", ours.root), ("issuing", ours.issuing), ("ocsp", ours.responder)):
        assert _quiet(lint.pkilint_certificate(data)) == []
        assert lint.lint_certificate(data, PROFILES[profile]) == ()


@pytest.mark.parametrize("algorithm", ["ec-p256", "ec-p384", "rsa-2048"])
@pytest.mark.parametrize("entries", [[], ENTRIES], ids=["empty", "every-reason"])
def test_invariant_04_pkilint_finds_nothing_in_a_list(algorithm: str, entries: list[CrlEntry]) -> None:
    """A shard with every reason, an empty one, and the root's own list are clean."""
    ours = house(algorithm)
    for data in (ours.revocations(entries), ours.revocations(idp_url=None), house().revocations(by="root")):
        assert _quiet(lint.pkilint_crl(data)) == []
        assert lint.lint_crl(data) == ()


@pytest.mark.parametrize("algorithm", ["ec-p256", "ec-p384", "rsa-2048"])
@pytest.mark.parametrize("nonce", [None, bytes(32)], ids=["plain", "nonce"])
def test_invariant_04_pkilint_finds_nothing_in_an_answer(algorithm: str, nonce: bytes | None) -> None:
    """Good, revoked and unknown in one response, with and without a nonce."""
    ours = house(algorithm)
    singles = [ours.single(build.new_serial(), status) for status in ("good", "revoked", "unknown")]
    data = ours.answer(*singles, nonce=nonce)
    assert _quiet(lint.pkilint_ocsp(data)) == []
    assert lint.lint_ocsp(data) == ()


@pytest.mark.parametrize("status", ["malformedRequest", "tryLater", "unauthorized"])
def test_error_responses_are_clean(status: str) -> None:
    """An unsigned error is a whole response too."""
    assert _quiet(lint.pkilint_ocsp(error_response(status))) == []
    assert lint.lint_ocsp(error_response(status)) == ()


def test_pkilint_would_object_to_the_older_npki_shape() -> None:
    """BMPString in the notice is a fault to PKIX: this is why the profile writes UTF8String."""
    data = house().certificate()
    notice = der.utf8(FINANCIAL.notice or "")
    bmp = der.tlv(der.BMP, (FINANCIAL.notice or "").encode("utf-16-be"))
    older = _rewrite(read_certificate(data).tbs, notice, bmp)
    codes = [finding.code for finding in _quiet(lint.pkilint_certificate(lint.specimen(older, "ec-p256")))]
    assert any("explicit_text" in code or "explicitText" in code for code in codes), codes


def _rewrite(tbs: bytes, old: bytes, new: bytes) -> bytes:
    """Replace a value and mend the lengths of what stands around it."""

    def walk(data: bytes) -> bytes:
        out = b""
        reader = der.Reader(data)
        while reader.more:
            tag, content = reader.tag, reader.value()
            if der.tlv(tag, content) == old:
                out += new
            elif tag & 0x20 or (tag == der.OCTET_STRING and old in content):
                out += der.tlv(tag, walk(content))
            else:
                out += der.tlv(tag, content)
        return out

    return walk(tbs)


def test_a_specimen_is_never_the_certificate() -> None:
    """The throw-away key's signature does not verify under the authority's."""
    ours = house("rsa-2048")
    made = lint.specimen(ours.tbs(), "rsa-2048")
    assert lint.lint_certificate(made, FINANCIAL) == ()
    assert read_certificate(made).signature != read_certificate(ours.seal(ours.tbs())).signature


def test_differing_algorithm_fields_are_found() -> None:
    """The algorithm outside is the one inside (RFC 5280 §4.1.1.2)."""
    ours = house()
    data = build.assemble_certificate(
        ours.tbs(), der.sequence(der.integer(1), der.integer(1)), "ecdsa-sha384"
    )
    assert [f.code for f in lint.lint_certificate(data, FINANCIAL)] == [
        "dojang.certificate.algorithm_mismatch"
    ]


@pytest.mark.parametrize(
    "signature",
    [b"", der.sequence(der.integer(0), der.integer(1)), der.sequence(der.integer(1)), bytes(64)],
)
def test_an_ecdsa_value_that_is_none_is_found(signature: bytes) -> None:
    """Raw pairs, zeros and nothing at all are not ECDSA-Sig-Value."""
    data = build.assemble_certificate(house().tbs(), signature, "ec-p256")
    assert [f.code for f in lint.lint_certificate(data, FINANCIAL)] == ["dojang.certificate.signature_value"]


def test_junk_is_one_fatal_finding() -> None:
    """A linter reports; it does not fall over."""
    assert [f.severity for f in lint.lint_certificate(b"junk", FINANCIAL)] == ["fatal"]
    assert [f.severity for f in lint.lint_crl(b"junk")] == ["fatal"]
    assert [f.severity for f in lint.lint_ocsp(b"junk")] == ["fatal"]
    assert [f.severity for f in lint.pkilint_certificate(b"junk")] == ["fatal"]


def test_a_bad_finding_raises_and_a_remark_does_not() -> None:
    """`require_clean` lets through what is less severe than asked."""
    remark = LintFinding("notice", "a.b", "c")
    error = LintFinding("error", "d.e", "f")
    lint.require_clean([remark])
    with pytest.raises(ProfileError) as caught:
        lint.require_clean([remark, error])
    assert caught.value.data["findings"] == ["d.e"]
    with pytest.raises(ProfileError):
        lint.require_clean([remark], least="notice")


# --- lists ----------------------------------------------------------------------------------------------


def _list_with(entries: bytes) -> bytes:
    """Make a list whose entries are these octets."""
    ours = house()
    tbs = build_tbs_crl(
        issuer_certificate=ours.issuing,
        algorithm="ec-p256",
        number=1,
        this_update=NOW,
        next_update=NOW + timedelta(days=1),
        entries=[CrlEntry(7, NOW, "superseded")],
        idp_url=URLS.crl,
    )
    reader = der.whole(tbs)
    parts = []
    while reader.more:
        parts.append(reader.raw())
    parts[5] = der.sequence(entries)
    return assemble_crl(der.sequence(*parts), der.sequence(der.integer(1), der.integer(1)), "ec-p256")


def _entry(serial: bytes, *rest: bytes) -> bytes:
    return der.sequence(der.tlv(der.INTEGER, serial), *rest)


def _reason(value: int) -> bytes:
    return der.sequence(der.sequence(der.oid(oids.CRL_REASON), der.octet_string(der.enumerated(value))))


AT = der.time(NOW)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        (_entry(b"", AT), "entry"),
        (_entry(b"\x80", AT), "entry"),
        (_entry(b"\x00\x01", AT), "entry"),
        (_entry(b"\x00", AT), "entry"),
        (_entry(b"\x01" * 21, AT), "entry"),
        (_entry(b"\x01"), "entry"),
        (_entry(b"\x01", b"\x17\x0d2603020304+0Z"), "entry"),
        (_entry(b"\x01", b"\x17\x0b2603020304Z"), "entry"),
        (_entry(b"\x01", AT, _reason(0)), "entry"),
        (_entry(b"\x01", AT, _reason(7)), "entry"),
        (_entry(b"\x01", AT, _reason(11)), "entry"),
        (_entry(b"\x01", AT, der.NULL_VALUE), "entry"),
        (der.integer(1), "entry"),
        (_entry(b"\x01", AT)[:-1], "entry"),
        (b"\x30", "entry"),
        (b"\x30\x03\x02\x30\x01", "entry"),
        (_entry(b"\x01", der.time(NOW + timedelta(seconds=1))), "entry_time"),
        (_entry(b"\x01", AT) + _entry(b"\x01", AT), "duplicate"),
    ],
)
def test_a_broken_entry_is_found(entries: bytes, code: str) -> None:
    """Each way an entry can be off is a finding, at the first such entry."""
    found = [f.code for f in lint.lint_crl(_list_with(entries))]
    assert found == [f"dojang.crl.{code}"]


def test_the_list_around_the_broken_entries_is_clean() -> None:
    """The findings above are about the entries."""
    assert lint.lint_crl(_list_with(_entry(b"\x01", AT) + _entry(b"\x02", AT, _reason(4)))) == ()


def test_a_shard_that_is_not_marked_critical_is_found() -> None:
    """A reader who ignores which shard he reads would believe too much (RFC 5280 §5.2.5)."""
    data = house().revocations(ENTRIES)
    marked = der.oid(oids.ISSUING_DISTRIBUTION_POINT) + der.TRUE
    tbs = _rewrite(der.whole(data).raw(), der.TRUE, b"")
    assert marked in data
    assert marked not in tbs
    made = assemble_crl(tbs, der.sequence(der.integer(1), der.integer(1)), "ec-p256")
    assert [f.code for f in lint.lint_crl(made)] == ["dojang.crl.idp_critical"]


def test_a_weak_signature_on_a_list_is_found() -> None:
    """SHA-1 is read in order to be refused."""
    data = house("rsa-2048").revocations()
    weak = data.replace(signature_algorithm("rsa-sha256").der, signature_algorithm("rsa-sha1").der)
    assert "dojang.crl.weak_signature" in [f.code for f in lint.lint_crl(weak)]


def test_pkilint_is_not_asked_about_long_lists() -> None:
    """A million entries would take it half an hour."""
    with pytest.raises(MalformedError):
        lint.pkilint_crl(bytes(2 * 1024 * 1024))


# --- answers --------------------------------------------------------------------------------------------


def test_an_answer_that_does_not_fit_its_time_is_found() -> None:
    """Answers from the future, without an end, or that last too long are findings."""
    ours = house()
    serial = build.new_serial()
    for changes, code in (
        ({"next_update": None}, "life"),
        ({"next_update": NOW - timedelta(seconds=1)}, "life"),
        ({"next_update": NOW + timedelta(days=11)}, "life"),
        ({"this_update": NOW + timedelta(seconds=1)}, "this_update"),
    ):
        data = ours.answer(ours.single(serial, **changes))
        assert [f.code for f in lint.lint_ocsp(data)] == [f"dojang.ocsp.{code}"]
    late = ours.single(serial, "revoked", revoked_at=NOW + timedelta(seconds=1))
    assert [f.code for f in lint.lint_ocsp(ours.answer(late))] == ["dojang.ocsp.revoked_at"]
    assert [f.code for f in lint.lint_ocsp(ours.answer())] == ["dojang.ocsp.empty"]
    short = ours.answer(ours.single(serial), responder_key_hash=bytes(8))
    assert [f.code for f in lint.lint_ocsp(short)] == ["dojang.ocsp.responder"]
