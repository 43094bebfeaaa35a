"""Every change to devices, their keys, patterns, approvals and messages, in one place to import from."""

from __future__ import annotations

from dojang.wallet.devices.actions.approvals import (
    answer_approval,
    approvals_for,
    ask_approval,
    begin_answer,
    reject_approval,
)
from dojang.wallet.devices.actions.biometrics import end_biometrics_of
from dojang.wallet.devices.actions.enrolment import turn_off_of
from dojang.wallet.devices.actions.keeping import (
    accept_device_certificate,
    describe_device,
    discard_offered,
    hold_devices,
    is_used,
    keep_device_key,
    offered_key,
    release_devices,
    retire_device,
    retire_device_keys_of,
)
from dojang.wallet.devices.actions.parcels import fetch_parcel, forget_parcels, put_parcel
from dojang.wallet.devices.actions.pattern_change import change_pattern, signed_change
from dojang.wallet.devices.actions.patterns import TakenAnswer, begin_challenge, verify_challenge
from dojang.wallet.devices.actions.pushing import (
    DevicePush,
    deliver_message,
    forget_messages,
    push_subscription,
    renew_push,
    subscribe_push,
    takes_push,
)

__all__ = [
    "DevicePush",
    "TakenAnswer",
    "accept_device_certificate",
    "answer_approval",
    "approvals_for",
    "ask_approval",
    "begin_answer",
    "begin_challenge",
    "change_pattern",
    "deliver_message",
    "describe_device",
    "discard_offered",
    "end_biometrics_of",
    "fetch_parcel",
    "forget_messages",
    "forget_parcels",
    "hold_devices",
    "is_used",
    "keep_device_key",
    "offered_key",
    "push_subscription",
    "put_parcel",
    "reject_approval",
    "release_devices",
    "renew_push",
    "retire_device",
    "retire_device_keys_of",
    "signed_change",
    "subscribe_push",
    "takes_push",
    "turn_off_of",
    "verify_challenge",
]
