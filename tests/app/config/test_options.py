"""Settings: what may be set, from where, and what is refused at start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dojang.config.options import OptionsError, load_options
from dojang.products.presets import policy_of

if TYPE_CHECKING:
    from pathlib import Path


def test_policy_comes_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure in the file's [policy] table replaces the default, and the others stay."""
    place = tmp_path / "dojang.toml"
    place.write_text('threads = 3\n[policy]\npin_errors = 3\nbank_name_en = "Moon Bank"\n')
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    options = load_options()
    policy = options.build_policy()
    assert (options.threads, policy.wrong_entries.pin.count, policy.bank.name_en, policy.wrong_entries.security_card.count) == (
        3,
        3,
        "Moon Bank",
        5,
    )


def test_a_preset_is_named_and_its_figures_can_be_overridden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seeds' setting runs when nothing is set; the file names the other one, and its own figures win."""
    place = tmp_path / "dojang.toml"
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    own = {"public_url": "http://127.0.0.1:8000", "status_url": "http://127.0.0.1:8000"}
    place.write_text("threads = 3\n")
    assert load_options().build_policy() == replace(policy_of("as-printed"), **own)
    place.write_text('preset = "kisa"\n')
    assert load_options().build_policy() == replace(policy_of("kisa"), **own)
    place.write_text('preset = "kisa"\n[policy.products.joint]\nneeds_factor = false\n')
    chosen = load_options().build_policy()
    assert chosen.products["joint"] == {"needs_factor": False, "reissue_order": "consent_first"}
    assert chosen.products["financial"]["life_days"] == 1096


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable in the environment replaces what the file says."""
    place = tmp_path / "dojang.toml"
    place.write_text("threads = 3\n")
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    monkeypatch.setenv("DOJANG_THREADS", "5")
    assert load_options().threads == 5


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[policy.products.joint]\nlife_days = 367", "it must be a number of days from 1 to 366"),
        ("[policy.products.joint]\nlife_days = true", "it must be a number of days from 1 to 366"),
        ("[policy.products.joint]\nneeds_factor = 1", "it must be one of False, True"),
        ("[policy.products.joint]\nreissue_order = 'mine'", "it must be one of printed, consent_first"),
        (
            "[policy.products.passport]\nlife_days = 9",
            "there is no such product, only financial, joint, bank",
        ),
        ("[policy]\njoint_validity_days = 366", "no such figure; see [policy.products.joint]"),
    ],
)
def test_a_products_impossible_figure_is_refused_in_words(
    content: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a product cannot be set to is refused with what it can be."""
    place = tmp_path / "dojang.toml"
    place.write_text(content)
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    with pytest.raises(OptionsError) as caught:
        load_options()
    assert caught.value.data["why"] == sentence


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("preset = 'moon'", "DOJANG_PRESET"),
        ("port = 0", "DOJANG_PORT"),
        ("port = 'many'", "DOJANG_PORT"),
        ("database_url = 'mysql://localhost'", "DOJANG_DATABASE_URL"),
        ("public_url = 'ftp://bank.example'", "DOJANG_PUBLIC_URL"),
        ("status_url = 'https://bank.example'", "DOJANG_STATUS_URL"),
        ("host = 'localhost'", "DOJANG_HOST"),
        ("public_url = 'http://intranet'", "DOJANG_STATUS_URL"),
        ("[policy]\npin_erors = 3", "policy.pin_erors"),
        ("[policy]\npin_errors = 0", "policy.wrong_entries.pin.count"),
        ("[policy]\npin_errors = 'five'", "policy.wrong_entries.pin.count"),
        ("[policy]\nsession_idle = 30", "policy.sessions.idle_warning"),
        ("[policy]\nsession_idle = 9999", "policy.sessions.idle"),
        ("[policy]\nwallet_algorithm = 'rsa-512'", "policy.wallet_algorithm"),
        ("[policy]\npolicy_arc = 'one.two'", "policy.bank.policy_arc"),
        ("[policy]\nocsp_life = 5", "policy.status.ocsp_life"),
        ("[policy]\napprovals_window = 86400", "policy.approvals.questions.count"),
        ("[policy]\nservice_open = '24:00'", "policy.service_hours.usual"),
        ("[policy.service_hours]\njoint-reissue = '1-23'", "policy.service_hours"),
        ("[policy.service_hours]\npassport = '01:00-23:00'", "policy.service_hours"),
        ("[policy.products.passport]\nlife_days = 9", "policy.products.passport"),
        ("[policy.products.joint]\nlife_days = 367", "policy.products.joint.life_days"),
        ("[policy.products.joint]\nlife_days = '9'", "policy.products.joint.life_days"),
        ("[policy.products.joint]\nlife_days = 0", "policy.products.joint.life_days"),
        ("[policy.products.bank]\nrenew_window_days = 1097", "policy.products.bank.renew_window_days"),
        ("[policy.products.bank]\nlive_days = 9", "policy.products.bank.live_days"),
        ("[policy]\njoint_validity_days = 366", "policy.joint_validity_days"),
        ("push_services = ['https://push.example']", "DOJANG_PUSH_SERVICES"),
        ("push_contact = 'somebody'", "DOJANG_PUSH_CONTACT"),
        ("push_trust = '/nowhere/at-all.pem'", "DOJANG_PUSH_TRUST"),
        ("port = ", "DOJANG_CONFIG"),
        ("prot = 8000", "prot"),
        ("[polcy]\npin_errors = 3", "polcy"),
    ],
)
def test_impossible_settings_are_refused_by_name(
    content: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that cannot be is refused at start, and the error names it."""
    place = tmp_path / "dojang.toml"
    place.write_text(content)
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    for variable in ("DOJANG_DATABASE_URL", "DOJANG_PORT", "DOJANG_PUBLIC_URL"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(OptionsError) as caught:
        load_options()
    assert caught.value.data["name"] == name


def test_a_file_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Octets that are not UTF-8 are refused as a setting, not with a trace."""
    place = tmp_path / "dojang.toml"
    place.write_bytes(b"\xff\xfe")
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    with pytest.raises(OptionsError) as caught:
        load_options()
    assert caught.value.data["name"] == "DOJANG_CONFIG"


@pytest.mark.parametrize(
    ("public", "status", "expected"),
    [
        ("http://127.0.0.1:8010", "", "http://127.0.0.1:8010"),
        ("http://localhost:8010", "", "http://127.0.0.1:8010"),
        ("http://bank.example/centre", "", "http://bank.example/centre"),
        ("https://bank.example", "", "http://bank.example"),
        ("https://bank.example:8443/", "", "http://bank.example"),
        ("https://bank.example", "http://status.bank.example/", "http://status.bank.example"),
    ],
)
def test_addresses_inside_certificates_are_http(public: str, status: str, expected: str) -> None:
    """However customers reach the centre, whoever checks a certificate asks by http."""
    policy = load_options(public_url=public, status_url=status).build_policy()
    assert (policy.addresses.public_url, policy.addresses.status_url) == (public.rstrip("/"), expected)


def test_https_makes_cookies_secure() -> None:
    """A public address with https switches the secure cookies on."""
    assert load_options(public_url="https://bank.example").is_secure
    assert not load_options(public_url="http://127.0.0.1:8000").is_secure
