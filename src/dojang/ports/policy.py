"""The bank's numbers: limits, lives, hours. Every figure here is configuration (`dojang.toml`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

from dojang.ports.limits import DAY, Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Figures a bank may change. Durations are in seconds unless the name says otherwise."""

    bank_name_ko: str = "도장은행"
    bank_name_en: str = "Dojang Bank"
    bank_phone: str = "02-1588-0000"  #: the number ARS calls come from, shown on screen
    sms_short_code: str = "1588"
    institution_code: str = "0999"  #: the bank's four digits in the number of a certificate's common name
    policy_arc: str = "1.3.6.1.4.1.32473.8.1"  #: the example arc of RFC 5612; a bank sets its own
    public_url: str = "http://127.0.0.1:8000"  #: where customers reach the centre
    #: Base of the CRL, OCSP and AIA addresses inside certificates: plain http, because https would need a
    #: certificate whose status is asked there (RFC 5280 section 8). Empty: `public_url`.
    status_url: str = ""

    session_idle: int = 600
    session_absolute: int = 1800
    idle_warning: int = 60
    issue_confirm_within: int = 600  #: an issued, unconfirmed certificate is revoked after this

    identify_errors: int = 5  #: a day
    lookup_errors: int = 5  #: a day
    source_errors: int = 200  #: wrong entries a day from one network source, all customers together
    everybody_errors: int = 200_000  #: wrong entries a day of everybody together: far above honest mistakes
    starts_per_source: int = 5_000  #: runs begun a day from one network source
    stop_longest_wait: int = 30  #: seconds the answer to a wrong emergency stop is held back at most
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
    entries_per_run: int = 10  #: visits of one step that sends something; beyond them the run is over
    new_phones_per_day: int = 5  #: new numbers a customer may name: each is looked up and sent a text
    pin_length: int = 6
    pin_errors: int = 5
    pins_per_run: int = 10  #: keys made for one run (each new PIN makes another key)

    #: What this bank wants otherwise than the product's own file, by product: ``life_days``,
    #: ``renew_window_days`` and the product's choices. Asked through `Product`, which knows the rest.
    products: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reissue_keep_not_after: bool = True
    reissue_per_day: int = 1
    min_age_years: int = 14
    crl_shards: int = 4
    crl_life: int = 86_400
    ocsp_life: int = 3_600
    service_open: str = "00:00"  #: KST; equal open and close mean round the clock
    service_close: str = "00:00"
    #: Other hours, KST, ``HH:MM-HH:MM``, by ``product-issue`` or ``product-reissue``, else by ``product``
    service_hours: dict[str, str] = field(default_factory=dict)
    wallet_algorithm: str = "ec-p256"
    themes: dict[str, str] = field(default_factory=dict)

    fee_won: int = 0  #: what a certificate of this bank costs a person

    app_min_version: str = "1.0.0"  #: an older app is told to update
    phone_check_ttl: int = 180
    phone_check_errors: int = 5
    phone_texts_per_day: int = 10  #: codes texted to one number, whoever asks
    id_card_errors: int = 5
    one_won_sender: str = "도장"  #: stands before the code in the place of the sender's name
    one_won_ttl: int = 600
    one_won_digits: int = 4
    one_won_errors: int = 5
    one_won_per_day: int = 5
    pattern_min_points: int = 4
    pattern_errors: int = 5
    biometric_errors: int = 5  #: wrong answers by finger or face; then the pattern alone opens
    challenge_ttl: int = 60  #: life of a challenge a registered device answers
    approval_ttl: int = 180
    approval_digits: int = 2
    certificate_password_errors: int = 5
    password_min_length: int = 10
    password_classes: int = 3  #: of letters, digits and other characters
    delivery_within: int = 300  #: a device must have stored its new certificate by then
    hold_days: int = 183  #: a suspended certificate is revoked after so long (six months)
    handoff_ttl: int = 600  #: life of the number that moves a run to another device
    handoff_tries_per_day: int = 10  #: wrong numbers from one network source
    parcel_ttl: int = 600  #: life of a certificate copy on its way between two devices
    approvals_per_window: int = 3  #: questions put to one person's telephone …
    approvals_window: int = 600  #: … within so many seconds

    def of_product(self, product: str) -> Mapping[str, Any]:
        """Return what this bank has set for a product by id; empty where the product's own file holds."""
        return self.products.get(product, {})

    @property
    def reissue_limit(self) -> Limit:
        """Re-issues of one product a customer may have: the step and the last click ask the same."""
        return Limit(self.reissue_per_day, DAY)

    def bank_name(self, locale: str) -> str:
        """Return the bank's name in a language."""
        return self.bank_name_en if locale == "en" else self.bank_name_ko
