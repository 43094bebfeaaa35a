"""Which of several keys of the signer is the newest."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from dojang.ports.signer import KeyInfo
from dojang.ports.signer_errors import KeyUnknownError
from dojang.ports.signer_keys import age_order, transport_key


@dataclass
class _Keys:
    held: list[KeyInfo] = field(default_factory=list)

    def keys(self) -> tuple[KeyInfo, ...]:
        return tuple(self.held)


def _transport(number: int) -> KeyInfo:
    return KeyInfo(f"transport-{number}", "transport", "rsa-3072", bytes([number]), None)


def test_the_newest_transport_key_is_the_one_with_the_highest_number() -> None:
    """The tenth is newer than the second, in whatever order they are told."""
    held: list[KeyInfo] = [_transport(number) for number in (1, 2, 9, 10, 11)]
    held.append(KeyInfo("issuing-99", "issuing", "ec-p256", b"other", None))
    for seed in range(5):
        random.Random(seed).shuffle(held)  # noqa: S311 - an order, not a secret
        signer: Any = _Keys(held)
        assert transport_key(signer) == bytes([11])


def test_without_a_transport_key_that_is_said() -> None:
    """No key is an error of its own, not an empty key."""
    signer: Any = _Keys()
    with pytest.raises(KeyUnknownError):
        transport_key(signer)


def test_labels_without_a_number_are_the_oldest() -> None:
    """A label of another shape comes before the first number."""
    assert sorted(["transport-10", "transport", "transport-2"], key=age_order) == [
        "transport", "transport-2", "transport-10",
    ]  # fmt: skip
