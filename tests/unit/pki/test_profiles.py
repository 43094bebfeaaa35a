"""The profiles of the customers' three products: what they share, and what sets each apart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.pki.kit import ARC, IDENTIFY, NOW, house, key_of

from dojang.pki import build, lint, oids
from dojang.pki.certificate import read_certificate
from dojang.pki.checks import check_tbs
from dojang.pki.errors import ProfileError
from dojang.pki.profiles import PROFILES
from dojang.pki.signing import public_key_bytes

#: Profile, a key it is for, a key it is not for, days of life.
PRODUCTS = (("joint", "rsa-2048", "ec-p256", 366), ("bank", "ec-p256", "rsa-2048", 1096))


def _tbs(profile: str, algorithm: str, days: int) -> bytes:
    return house("rsa-2048").tbs(
        profile,
        public_key=public_key_bytes(key_of(algorithm, "customer")),
        not_after=build.end_of_day(NOW, days),
        identify=IDENTIFY if PROFILES[profile].identify else None,
    )


@pytest.mark.parametrize(("profile", "right", "wrong", "days"), PRODUCTS)
def test_the_signer_and_both_linters_take_it(profile: str, right: str, wrong: str, days: int) -> None:
    """A certificate of each profile passes the last gate and both linters, under its own policy alone."""
    ours = house("rsa-2048")
    tbs = _tbs(profile, right, days)
    check_tbs(PROFILES[profile], tbs, issuer_certificate=ours.issuing, now=NOW, policy_arc=ARC)
    made = ours.seal(tbs)
    assert lint.lint_certificate(made, PROFILES[profile]) == ()
    severe = [
        found for found in lint.pkilint_certificate(made) if found.severity in ("fatal", "error", "warning")
    ]
    assert severe == []
    for other in {"joint", "bank", "financial"} - {profile}:
        assert lint.lint_certificate(made, PROFILES[other]) != ()
    with pytest.raises(ProfileError):
        _tbs(profile, wrong, days)


@pytest.mark.parametrize(("profile", "right", "wrong", "days"), PRODUCTS)
def test_no_life_is_longer_than_the_product(profile: str, right: str, wrong: str, days: int) -> None:
    """One year and three years, with the rest of the last day, and not a day more."""
    del wrong
    with pytest.raises(ProfileError):
        _tbs(profile, right, days + 1)


def test_only_the_bank_certificate_is_without_an_identity() -> None:
    """A joint certificate proves an identity number, a bank certificate cannot."""
    assert [name for name in ("joint", "financial", "bank") if PROFILES[name].identify] == [
        "joint",
        "financial",
    ]
    facts = read_certificate(house("rsa-2048").seal(_tbs("bank", "ec-p256", 1096))).facts
    assert oids.SUBJECT_ALT_NAME not in facts.extensions
    for profile in ("joint", "financial"):
        with pytest.raises(ProfileError):
            house("rsa-2048").tbs(
                profile, identify=None, public_key=public_key_bytes(key_of("rsa-2048", "customer"))
            )


def test_lives_of_the_profiles() -> None:
    """The figures, so that nobody changes one unseen."""
    lives = {name: PROFILES[name].max_life for name in ("joint", "financial", "bank")}
    assert lives == {"joint": timedelta(367), "financial": timedelta(1097), "bank": timedelta(1097)}
