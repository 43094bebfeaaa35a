"""What every push service behind `dojang.ports.push` must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from dojang.ports.push import Push
    from dojang.sandbox.world import SandboxWorldParts


def test_a_message_reaches_every_device_once(push: Push, country: SandboxWorldParts) -> None:
    """The count of devices comes back, the same under the same key, and the message is shown once."""
    customer = BY_HANDLE["hong"].id
    for _ in range(2):
        assert push.send(customer_id=customer, title="도장은행", text="발급되었어요", key="push-1") == 1
    assert [(banner.title, banner.text) for banner in country.push.banners(customer)] == [
        ("도장은행", "발급되었어요")
    ]


def test_without_devices_nothing_is_delivered(push: Push, country: SandboxWorldParts) -> None:
    """A customer without the app and an unknown customer both count nought."""
    smith = BY_HANDLE["smith"].id
    assert push.send(customer_id=smith, title="Dojang", text="issued", key="push-2") == 0
    assert push.send(customer_id="0", title="Dojang", text="issued", key="push-3") == 0
    assert country.push.banners(smith) == ()
