"""The bank's numbers: limits, lives, hours. Every figure here is configuration (`dojang.toml`)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Figures a bank may change. Durations are in seconds unless the name says otherwise."""

    bank_name_ko: str = "도장은행"
    bank_name_en: str = "Dojang Bank"
    bank_phone: str = "02-1588-0000"  #: the number ARS calls come from, shown on screen
    sms_short_code: str = "1588"
    institution_code: str = "0999"  #: the bank's four digits in the number of a certificate's common name
    policy_arc: str = "1.3.6.1.4.1.32473.8.1"  #: the example arc of RFC 5612; a bank sets its own
    public_url: str = "http://127.0.0.1:8000"  #: base of CRL, OCSP and AIA addresses inside certificates

    session_idle: int = 600
    session_absolute: int = 1800
    idle_warning: int = 60
    issue_confirm_within: int = 600  #: an issued, unconfirmed certificate is revoked after this

    identify_errors: int = 5  #: a day
    lookup_errors: int = 5  #: a day
    source_errors: int = 200  #: wrong entries a day from one network source, all customers together
    account_errors: int = 5
    card_errors: int = 5
    otp_errors: int = 10
    person_errors: int = 5
    sms_reply_errors: int = 3
    sms_reply_ttl: int = 180
    sms_reply_digits: int = 2
    ars_ttl: int = 180
    ars_digits: int = 2
    ars_calls_per_run: int = 3
    ars_calls_per_day: int = 5
    mail_code_ttl: int = 600
    mail_code_errors: int = 5
    phone_recent_days: int = 7  #: a number changed within this many days takes the higher path
    sends_per_run: int = 3  #: how often a code or text is sent again within one run
    pin_length: int = 6
    pin_errors: int = 5
    pins_per_run: int = 10  #: keys made for one run (each new PIN makes another key)

    financial_validity_days: int = 1096  #: three years
    financial_renew_window_days: int = 90
    reissue_keep_not_after: bool = True
    reissue_per_day: int = 1
    min_age_years: int = 14
    crl_shards: int = 4
    crl_life: int = 86_400
    ocsp_life: int = 3_600
    service_open: str = "00:00"  #: KST; equal open and close mean round the clock
    service_close: str = "00:00"
    wallet_algorithm: str = "ec-p256"
    themes: dict[str, str] = field(default_factory=dict)
