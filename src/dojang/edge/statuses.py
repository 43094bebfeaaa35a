"""The one table of HTTP statuses: every error code of the house, at every door.

Nothing beneath knows a status. A code stands here by its name, so that rooms above and below need no import;
a test walks every error class there is and finds it here once.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.pki.errors import DojangError

_CODES: Final[Mapping[HTTPStatus, tuple[str, ...]]] = {
    # What was sent is no request of this door's.
    HTTPStatus.BAD_REQUEST: ("malformed", "parcel_malformed", "request_malformed"),
    HTTPStatus.UNAUTHORIZED: ("session_missing",),
    HTTPStatus.FORBIDDEN: ("csrf", "forbidden"),
    HTTPStatus.NOT_FOUND: (
        "approval_not_found",
        "call_unknown",
        "certificate_not_found",
        "journey_not_found",
        "medium_unknown",
        "not_found",
        "notice_not_found",
        "parcel_not_found",
        "person_unknown",
        "run_not_found",
        "run_unknown",
        "sandbox_off",
        "serial_unknown",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed",),
    HTTPStatus.REQUEST_TIMEOUT: ("request_too_slow",),
    # Something else happened first: look again, then go on.
    HTTPStatus.CONFLICT: (
        "action_unknown",
        "authorisation_used",
        "biometric_unavailable",
        "call_state",
        "certificate_revoked",
        "certificate_state",
        "clock_move",
        "device_key_used",
        "device_unknown",
        "evidence_missing",
        "handoff_refused",
        "issuing_elsewhere",
        "order_busy",
        "parcel_taken",
        "run_moved",
        "stale_revision",
        "step_mismatch",
        "wallet_key_moved",
    ),
    HTTPStatus.REQUEST_TIMEOUT: ("request_too_slow",),
    HTTPStatus.GONE: ("parcel_ended", "push_gone"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("parcel_too_large", "request_too_large"),
    # Understood, tried and refused: whoever sent it can mend it.
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        "approval_refused",
        "biometric_refused",
        "challenge_unknown",
        "file_damaged",
        "form_unsupported",
        "handoff_not_found",
        "invalid",
        "key_mismatch",
        "login_biometric_off",
        "login_biometric_wrong",
        "login_locked",
        "login_pattern_locked",
        "login_pattern_wrong",
        "login_pin_wrong",
        "login_refused",
        "new_pin_refused",
        "passkey_refused",
        "pattern_unchanged",
        "phone_taken",
        "phone_unknown",
        "pin_locked",
        "pin_reused",
        "pin_wrong",
        "push_refused",
        "r_missing",
        "reason_unknown",
        "stop_refused",
        "subscription_refused",
        "use_expired",
        "use_held",
        "use_refused",
        "use_revoked",
        "use_signature",
        "wallet_held",
        "wallet_locked",
        "wallet_pin_wrong",
        "weak_algorithm",
        "wrong_password",
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "handoff_blocked",
        "login_paused",
        "login_stopped",
        "parcel_busy",
        "reissue_limit",
        "too_many_requests",
    ),
    # Ours to mend. Its sentence is for whoever runs the centre; a visitor reads the common one.
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "already_running",
        "centre_unreachable",
        "ceremony_refused",
        "crl_number_used",
        "customer_unknown",
        "demo_failed",
        "home_unusable",
        "intent_void",
        "internal",
        "journal_broken",
        "key_conflict",
        "key_purpose",
        "key_retired",
        "key_unknown",
        "not_started",
        "order_conflict",
        "port_taken",
        "postgres_failed",
        "postgres_missing",
        "postgres_version",
        "profile_broken",
        "seal_broken",
        "sealed_mismatch",
        "serial_used",
        "setting_wrong",
        "signature_mismatch",
        "theme_broken",
        "wallet_key_mismatch",
        "wallet_key_not_found",
        "wiring_impossible",
    ),
    # Somebody we need is away or closed; the same request may be right in a moment.
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "audit_unwritten",
        "authority_missing",
        "busy",
        "clock_leapt",
        "clock_went_back",
        "corebank_unavailable",
        "database_behind",
        "database_unreachable",
        "indeterminate",
        "mail_unavailable",
        "outside_unavailable",
        "push_unavailable",
        "service_closed",
        "signer_busy",
        "signer_error",
        "signer_halted",
        "signer_unavailable",
        "sms_unavailable",
        "status_unavailable",
        "telephony_unavailable",
        "vault_locked",
    ),
}
STATUS: Final[Mapping[str, HTTPStatus]] = {code: status for status, codes in _CODES.items() for code in codes}


def status_of(error: DojangError) -> HTTPStatus:
    """Return the HTTP status of a typed error; one that no line above names is our fault."""
    return STATUS.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def level_of(status: HTTPStatus) -> int:
    """Return how loudly a refusal is written down: what is ours as an error, a visitor's for the record."""
    return logging.ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
