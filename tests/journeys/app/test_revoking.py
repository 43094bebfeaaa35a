"""A revocation by the bank reaches OCSP, the wallet and every channel of the holder, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.walker import Walk

from dojang.ca.errors import CertificateNotFoundError, ReasonUnknownError
from dojang.ca.queries import active_certificate, certificates_of
from dojang.issuing.actions import revoke_certificate
from dojang.notices.models import Notice
from dojang.ports.acting import Acting
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
OPERATOR = Acting(kind="operator", id="teller-7", channel="cli")


def test_a_revocation_tells_every_channel_once_and_kills_the_key(world: World) -> None:
    """Revoking twice is one revocation: four notices, a retired key the signer knows of."""
    walk = Walk(world)
    walk.finish()
    (view,) = certificates_of(walk.person.id)
    for _ in range(2):
        assert revoke_certificate(view.id, "keyCompromise", acting=OPERATOR, world=world).state == "revoked"
    assert Notice.objects.filter(message_id="certificate_revoked").count() == 4
    key = WalletKey.objects.get(customer_id=walk.person.id)
    assert (key.state, key.signer_told) == ("retired", True)
    assert active_certificate(walk.person.id, "financial") is None


def test_what_cannot_be_revoked_changes_nothing(world: World) -> None:
    """An unknown certificate and an unknown reason are refused; nobody is told."""
    walk = Walk(world)
    walk.finish()
    (view,) = certificates_of(walk.person.id)
    with pytest.raises(CertificateNotFoundError):
        revoke_certificate(10**9, "keyCompromise", acting=OPERATOR, world=world)
    with pytest.raises(ReasonUnknownError):
        revoke_certificate(view.id, "boredom", acting=OPERATOR, world=world)
    assert active_certificate(walk.person.id, "financial") is not None
    assert Notice.objects.filter(message_id="certificate_revoked").count() == 0


def test_after_a_revocation_a_new_one_can_be_issued(world: World) -> None:
    """Whose certificate was revoked walks the journey again as for a first one."""
    walk = Walk(world)
    walk.finish()
    (view,) = certificates_of(walk.person.id)
    revoke_certificate(view.id, "keyCompromise", acting=OPERATOR, world=world)
    again = Walk(world, pin="840271")
    assert again.finish().state == "done"
    assert again.page.result is not None
    assert again.page.result["replaced"] is None
    assert [held.state for held in certificates_of(walk.person.id)] == ["active", "revoked"]
