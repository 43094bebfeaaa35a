"""Where the figures of the one flat table of release 0.1.0 have gone. They are refused, and this is told."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MOVED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "bank_name_ko": ("bank.name_ko",),
        "bank_name_en": ("bank.name_en",),
        "bank_phone": ("bank.phone",),
        "sms_short_code": ("bank.text_number",),
        "institution_code": ("bank.institution_code",),
        "policy_arc": ("bank.policy_arc",),
        "themes": ("bank.theme",),
        "service_open": ("service_hours.usual",),
        "service_close": ("service_hours.usual",),
        "session_idle": ("sessions.idle",),
        "session_absolute": ("sessions.absolute",),
        "idle_warning": ("sessions.idle_warning",),
        "starts_per_source": ("runs.starts_per_source",),
        "sends_per_run": ("runs.sends",),
        "entries_per_run": ("runs.visits",),
        "pins_per_run": ("runs.keys",),
        "handoff_ttl": ("handoff.ttl",),
        "handoff_tries_per_day": ("wrong_entries.handoff",),
        "identify_errors": ("wrong_entries.identify",),
        "lookup_errors": ("wrong_entries.find_id",),
        "account_errors": ("wrong_entries.account", "wrong_entries.account_password"),
        "person_errors": ("wrong_entries.person",),
        "card_errors": ("wrong_entries.security_card",),
        "otp_errors": ("wrong_entries.otp",),
        "id_card_errors": ("wrong_entries.id_card",),
        "one_won_errors": ("wrong_entries.one_won",),
        "sms_reply_errors": ("wrong_entries.sms_reply",),
        "mail_code_errors": ("wrong_entries.mail_code", "wrong_entries.phone_code"),
        "phone_check_errors": ("wrong_entries.phone_check", "wrong_entries.phone_check_number"),
        "pin_errors": ("wrong_entries.pin", "wrong_entries.login"),
        "pattern_errors": ("wrong_entries.pattern",),
        "biometric_errors": ("wrong_entries.biometric",),
        "certificate_password_errors": ("wrong_entries.certificate_password",),
        "source_errors": ("wrong_entries.per_source",),
        "everybody_errors": ("wrong_entries.everybody",),
        "ars_ttl": ("ars.ttl",),
        "ars_digits": ("ars.digits",),
        "ars_calls_per_run": ("ars.calls_per_run",),
        "ars_calls_per_day": ("ars.calls_per_day",),
        "sms_reply_ttl": ("sms_reply.ttl", "phone_code.ttl"),
        "sms_reply_digits": ("sms_reply.digits",),
        "mail_code_ttl": ("mail_code.ttl",),
        "phone_check_ttl": ("phone_check.ttl",),
        "phone_texts_per_day": ("phone_check.texts_per_day",),
        "phone_recent_days": ("phones.recent_days",),
        "new_phones_per_day": ("phones.new_per_day",),
        "one_won_sender": ("one_won.sender",),
        "one_won_ttl": ("one_won.ttl",),
        "one_won_digits": ("one_won.digits",),
        "one_won_per_day": ("one_won.per_day",),
        "pattern_min_points": ("pattern.min_points",),
        "password_min_length": ("certificate_password.min_length",),
        "password_classes": ("certificate_password.classes",),
        "app_min_version": ("devices.min_app_version",),
        "challenge_ttl": ("devices.challenge_ttl",),
        "parcel_ttl": ("devices.parcel_ttl",),
        "approval_ttl": ("approvals.ttl",),
        "approval_digits": ("approvals.digits",),
        "approvals_per_window": ("approvals.questions",),
        "approvals_window": ("approvals.questions",),
        "min_age_years": ("issue.min_age",),
        "fee_won": ("issue.fee",),
        "delivery_within": ("issue.deliver_within",),
        "issue_confirm_within": ("issue.confirm_within",),
        "reissue_keep_not_after": ("reissue.keep_not_after",),
        "reissue_per_day": ("reissue.per_day",),
        "hold_days": ("suspension.hold_days",),
        "crl_shards": ("status.crl_shards",),
        "crl_life": ("status.crl_life",),
        "ocsp_life": ("status.ocsp_life",),
    }
)
GONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pin_length": "a PIN has six digits, as every page says",
        "public_url": "it is public_url at the top of the file, outside [policy]",
        "status_url": "it is status_url at the top of the file, outside [policy]",
        "wallet_algorithm": "keys in the wallet are of ECDSA over P-256",
    }
)
