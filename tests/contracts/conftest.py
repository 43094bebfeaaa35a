"""The adapters each contract is run against. A new adapter is one more line in a fixture's `params`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.contracts.signers import centre, wallet  # noqa: F401 - the same
from tests.countries import (  # noqa: F401 - fixtures are found by being imported
    _standing_country,
    country,
    country_address,
)

if TYPE_CHECKING:
    from dojang.ports.corebank import CoreBank
    from dojang.ports.mail import Mail
    from dojang.ports.push import Push
    from dojang.ports.sms import Sms
    from dojang.ports.telephony import Telephony


def _adapter(request: pytest.FixtureRequest, name: str) -> Any:
    """Return the port's implementation in the place the parameter names."""
    return getattr(request.getfixturevalue({"sandbox": "country"}[request.param]), name)


@pytest.fixture(params=["sandbox"])
def corebank(request: pytest.FixtureRequest) -> CoreBank:
    """Return a core bank that knows the cast."""
    return _adapter(request, "corebank")  # type: ignore[no-any-return]


@pytest.fixture(params=["sandbox"])
def telephony(request: pytest.FixtureRequest) -> Telephony:
    """Return a telephone network."""
    return _adapter(request, "telephony")  # type: ignore[no-any-return]


@pytest.fixture(params=["sandbox"])
def sms(request: pytest.FixtureRequest) -> Sms:
    """Return a message centre."""
    return _adapter(request, "sms")  # type: ignore[no-any-return]


@pytest.fixture(params=["sandbox"])
def mail(request: pytest.FixtureRequest) -> Mail:
    """Return a mail system."""
    return _adapter(request, "mail")  # type: ignore[no-any-return]


@pytest.fixture(params=["sandbox"])
def push(request: pytest.FixtureRequest) -> Push:
    """Return a push service."""
    return _adapter(request, "push")  # type: ignore[no-any-return]
