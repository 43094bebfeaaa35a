"""What a product is: everything by which one certificate differs from another, as one frozen value.

Nobody else tells products apart by name: who has to know where a key lives, what opens it or how long a
certificate lasts asks the `Product`. The values are the files of `dojang.products`; their class is here,
below them, because steps ask it too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from dojang.pki.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from dojang.ports.policy import Policy

Custody = Literal["wallet", "device"]
Unlock = Literal["pin", "password", "pattern"]
#: A figure of a product that is a number of days, by the name it has in ``[policy.products.<id>]``.
LIFE, WINDOW = "life_days", "renew_window_days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One kind of certificate the bank offers.

    `custody`: where the key lives: ``wallet`` (sealed at the centre, used by the signer) or ``device`` (made
    there; the certificate is delivered to it before it becomes active). `unlock`: what opens the key: ``pin``
    (at the signer), ``password`` (of a key file on the device, which can be copied) or ``pattern`` (of a key
    that cannot leave its device).
    `life_days`, `renew_window_days`, `hours` and the first of each of `choices` are what holds where the
    bank's policy says nothing else. `hours` maps a purpose (``issue``, ``reissue``) to ``HH:MM-HH:MM``,
    Korean time; `choices` maps the name of a setting to the values it may have.
    `messages` is the folder with ``ko.toml`` and ``en.toml`` of a product that does not lie in this house.
    """

    id: str
    profile: str  #: id in `dojang.pki.profiles.PROFILES`
    place: int  #: order in menus and lists; the first is the one we advise
    custody: Custody
    unlock: Unlock
    units: tuple[str, ...]  #: organisational units of the subject, as Korean authorities name them
    icon: str  #: name of a drawing in `dojang.web.icons`
    key_algorithm: str = ""  #: of a key made on the device; the wallet's have the bank's own
    life_days: int
    renew_window_days: int  #: so near its end a new certificate is for a whole life
    faq: tuple[str, ...] = ()  #: its guide's own questions, before those everybody asks
    hours: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    choices: Mapping[str, tuple[str | bool, ...]] = field(default_factory=lambda: MappingProxyType({}))
    messages: Traversable | None = None

    def __hash__(self) -> int:
        """Cheap: there is one product of an id."""
        return hash(self.id)

    @property
    def policy_branch(self) -> str:
        """Branch of its certificate policy under the bank's arc, such as ``1.2``: its profile says it."""
        return PROFILES[self.profile].policy or ""

    @property
    def identified(self) -> bool:
        """Whether its certificates carry a virtual id: its profile says it."""
        return PROFILES[self.profile].identify

    @property
    def allowed_keys(self) -> frozenset[str]:
        """Kinds of key its certificates may have: its profile says it."""
        return PROFILES[self.profile].keys

    @property
    def on_device(self) -> bool:
        """Whether the key is made and kept on the customer's device."""
        return self.custody == "device"

    @property
    def portable(self) -> bool:
        """Whether the key is a file that can be copied to another device, and damaged."""
        return self.unlock == "password"

    @property
    def biometric(self) -> bool:
        """Whether finger or face may stand in for what opens the key."""
        return self.unlock == "pattern"

    @property
    def longest_life_days(self) -> int:
        """Longest life its profile allows, in days: less one, since a certificate ends with its day."""
        return PROFILES[self.profile].max_life.days - 1

    def life_under(self, policy: Policy) -> int:
        """Return the life of a new certificate in days, as this bank wants it."""
        return int(policy.of_product(self.id).get(LIFE, self.life_days))

    def window_under(self, policy: Policy) -> int:
        """Return how many days before its end a certificate can be renewed for a whole life."""
        return int(policy.of_product(self.id).get(WINDOW, self.renew_window_days))

    def choice_under(self, policy: Policy, name: str) -> str | bool:
        """Return what this bank has chosen for one of `choices`; `KeyError` on a name that is none."""
        chosen: str | bool = policy.of_product(self.id).get(name, self.choices[name][0])
        return chosen

    def hours_under(self, policy: Policy, purpose: str) -> tuple[str, str] | None:
        """Return when (open, close; KST) a certificate is issued or re-issued; None means round the clock."""
        given = policy.service_hours.products
        named = given.get(f"{self.id}-{purpose}", given.get(self.id, self.hours.get(purpose, "")))
        begins, _, ends = (named or policy.service_hours.usual).partition("-")
        return None if begins == ends else (begins, ends)
