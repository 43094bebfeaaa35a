"""Settings: what may be set, from where, and what is refused at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dojang.config.options import OptionsError, load_options
from dojang.ports.limits import DAY, Limit
from dojang.products.presets import policy_of

if TYPE_CHECKING:
    from pathlib import Path


def test_policy_comes_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure in the table of its concern replaces the default, and the others stay."""
    place = tmp_path / "dojang.toml"
    figures = '[policy.wrong_entries]\npin = 3\n[policy.bank]\nname_en = "Moon Bank"\n'
    figures += "[policy.approvals]\nquestions = { seconds = 900 }\n"
    place.write_text(f"threads = 3\n{figures}")
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    options = load_options()
    policy = options.build_policy()
    assert (options.threads, policy.bank.name_en, policy.bank.name_ko) == (3, "Moon Bank", "도장은행")
    assert (policy.wrong_entries.pin, policy.wrong_entries.login) == (Limit(3), Limit(5, DAY))
    assert policy.approvals.questions == Limit(3, 900)


def test_a_preset_is_named_and_its_figures_can_be_overridden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seeds' setting runs when nothing is set; the file names the other one, and its own figures win."""
    place = tmp_path / "dojang.toml"
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    here = "http://127.0.0.1:8000"
    own = {"addresses": {"public_url": here, "status_url": here}}
    place.write_text("threads = 3\n")
    assert load_options().build_policy() == policy_of("as-printed").changed(own)
    place.write_text('preset = "kisa"\n')
    assert load_options().build_policy() == policy_of("kisa").changed(own)
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
        ("[policy]\nars_ttl = 60", "no such figure any more: it is now ttl in [policy.ars]"),
        ("[policy]\nbank_phone = '1'", "no such figure any more: it is now phone in [policy.bank]"),
        (
            "[policy]\npin_errors = 3",
            "no such figure any more: it is now pin and login in [policy.wrong_entries]",
        ),
        ("[policy]\nars_til = 60", "no such figure; did you mean ttl in [policy.ars]?"),
        (
            "[policy]\nhurry = 60",
            "no such figure: each stands in its concern's table, such as [policy.ars]",
        ),
        ("[policy]\npin_length = 8", "no such figure any more: a PIN has six digits, as every page says"),
        (
            "[policy]\npublic_url = 'https://moon.example'",
            "no such figure any more: it is public_url at the top of the file, outside [policy]",
        ),
        ("[policy.addresses]", "set public_url and status_url at the top of the file, outside [policy]"),
        ("[policy.sesions]\nidle = 60", "no such table; did you mean [policy.sessions]?"),
        ("[policy.sessions]\nidel = 60", "no such figure; did you mean idle?"),
        ("[policy.sessions]\nquickness = 60", "no such figure"),
        ("[policy.service_hours]\nusul = '01:00-23:00'", "no such figure; did you mean usual?"),
        (
            "[policy.service_hours]\njoint = '01:00-23:00'",
            "no such figure; see [policy.service_hours.products]",
        ),
        ("[policy.wrong_entries]\notp = { count = 3, seconds = 60 }", "it must be a whole number"),
        ("[policy.wrong_entries]\notp = true", "it must be a whole number"),
        ("[policy.wrong_entries]\notp = 0", "it must be 1 or more"),
        (
            "[policy.approvals]\nquestions = 'few'",
            "it must be a whole number or { count = …, seconds = … }",
        ),
        ("[policy]\nsessions = 60", "it is a table: [policy.sessions]"),
        ("[policy.products]\njoint = 366", "it is a table: [policy.products.joint]"),
        ("[policy.service_hours.products]\njoint = 9", 'it must be a text in quotes, "like this"'),
        ("[policy.issue]\nfee = -1", "it is a number of won, 0 at least"),
        ("[policy.sessions]\nidle = 0", "it is a number of seconds, 1 at least"),
        ("[policy.pattern]\nmin_points = 10", "it is a number of dots, 9 at most"),
        ("[policy.ars]\ndigits = 7", "it is a number of digits, 6 at most"),
        ("[policy.wrong_entries]\npin = 21", "the signer locks a key after 20 at the latest"),
        ("[policy.reissue]\nkeep_not_after = 1", "it must be true or false"),
        ("[policy.bank]\nphone = 15880000", 'it must be a text in quotes, "like this"'),
    ],
)
def test_an_impossible_figure_is_refused_in_words(
    content: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a figure cannot be set to is refused with what it can be, and where it has gone."""
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
        ("[policy.wrong_entries]\npinn = 3", "policy.wrong_entries.pinn"),
        ("[policy.wrong_entries]\npin = 0", "policy.wrong_entries.pin"),
        ("[policy.wrong_entries]\npin = 'five'", "policy.wrong_entries.pin"),
        ("[policy.sessions]\nidle = 30", "policy.sessions.idle_warning"),
        ("[policy.sessions]\nidle = 9999", "policy.sessions.idle"),
        ("[policy]\nwallet_algorithm = 'rsa-512'", "policy.wallet_algorithm"),
        ("[policy.bank]\npolicy_arc = 'one.two'", "policy.bank.policy_arc"),
        ("[policy.status]\nocsp_life = 5", "policy.status.ocsp_life"),
        ("[policy.status]\nocsp_life = 864001", "policy.status.ocsp_life"),
        ("[policy.approvals]\nquestions = { seconds = 86400 }", "policy.approvals.questions"),
        ("[policy.service_hours]\nusual = '09:00-24:00'", "policy.service_hours.usual"),
        ("[policy.service_hours.products]\nbank = '1-23'", "policy.service_hours.products.bank"),
        ("[policy.service_hours.products]\npassport = '01:00-23:00'", "policy.service_hours.products"),
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
