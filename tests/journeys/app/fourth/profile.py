"""The profile of the fourth product. The signer reads it too, so nothing else is imported here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dojang.pki.profiles import PROFILES

PROFILE = replace(
    PROFILES["financial"],
    id="corporate",
    policy="1.4",
    max_life=timedelta(days=2 * 365 + 1 + 1),
    notice="이 인증서는 은행 인증센터가 발급한 기업인증서입니다.",
)
