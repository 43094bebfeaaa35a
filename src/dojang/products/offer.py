"""Which products the bank offers, in the order of its menus, and their journeys.

A product is a file: it defines ``PRODUCT`` and ``JOURNEYS``. Lying in this folder is enough to be offered; a
bank that keeps its own in a package of its own names the file as an entry point of the group
``dojang.products`` (and its profile in ``dojang.profiles``).
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from dojang.pki.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dojang.journeys.model import Journey
    from dojang.journeys.product import Product, Unlock

GROUP: Final = "dojang.products"
_products: dict[str, Product] = {}
_journeys: dict[str, Journey] = {}
#: Every product by id, in the order of menus.
PRODUCTS: Final[Mapping[str, Product]] = MappingProxyType(_products)
#: Every journey by id, in the order of products.
JOURNEYS: Final[Mapping[str, Journey]] = MappingProxyType(_journeys)


class ProductFile(Protocol):
    """A module that is a product."""

    PRODUCT: Product
    JOURNEYS: tuple[Journey, ...]


def offer(file: ProductFile) -> None:
    """Offer a product and its journeys. `ValueError` when it cannot be, with a sentence that says why."""
    product, journeys = file.PRODUCT, file.JOURNEYS
    for why in (*_faults_of(product), *(why for journey in journeys for why in _faults_in(journey, product))):
        raise ValueError(f"{product.id}: {why}")
    _set([*_products.values(), product], {**_journeys, **{journey.id: journey for journey in journeys}})


def _faults_of(product: Product) -> Iterator[str]:
    """Yield what is impossible about a product."""
    if product.id in _products:
        yield "two products of this name"
    profile = PROFILES.get(product.profile)
    if profile is None or profile.role != "subscriber":
        yield f"{product.profile} is no profile for customers"
        return
    if not 0 < product.life_days <= product.longest_life_days:
        yield f"its profile allows lives of 1 to {product.longest_life_days} days"
    if not 0 <= product.renew_window_days <= product.life_days:
        yield "it would be renewed before it begins"
    if product.on_device == (product.unlock == "pin"):
        yield "a PIN opens keys of the wallet, a password or a pattern those of a device"
    if product.on_device and product.key_algorithm not in profile.keys:
        yield f"its profile has no keys of the kind {product.key_algorithm or 'none'}"


def _faults_in(journey: Journey, product: Product) -> Iterator[str]:
    """Yield what is impossible about a journey of a product."""
    if journey.product is not product or not journey.id.startswith(f"{product.id}-"):
        yield f"{journey.id} is a journey of another"
    choices = {step.choice for step in journey.steps} | {journey.order.choice if journey.order else ""}
    for name in sorted(choices - {"", *product.choices}):
        yield f"{journey.id} asks for {name}, which is no choice of it"


def withdraw(product_id: str) -> None:
    """Take a product and its journeys back; `KeyError` when it is not offered."""
    gone = _products[product_id]
    kept = {name: journey for name, journey in _journeys.items() if journey.product is not gone}
    _set((one for one in _products.values() if one is not gone), kept)


@contextmanager
def offered(file: ProductFile) -> Iterator[Product]:
    """Offer one more product for as long as this lasts."""
    offer(file)
    try:
        yield file.PRODUCT
    finally:
        withdraw(file.PRODUCT.id)


def offer_all(folder: Iterable[str], package: str) -> None:
    """Offer every product that lies in the folder, then those of other packages that are installed here."""
    files = [import_module(f"{package}.{found.name}") for found in iter_modules(folder)]
    for file in (*files, *(entry.load() for entry in entry_points(group=GROUP))):
        if hasattr(file, "PRODUCT"):
            offer(file)


def opened_by(*unlocks: Unlock) -> tuple[str, ...]:
    """Return the ids of the products whose key one of these opens, in the order of menus."""
    return tuple(product.id for product in _products.values() if product.unlock in unlocks)


def journey_of(product: Product, purpose: str, channel: str) -> Journey | None:
    """Return the product's journey for a purpose (``issue``, ``reissue``) in a channel, if it has one."""
    return _journeys.get(f"{product.id}-{channel}-{purpose}")


def journeys_of(product: Product) -> tuple[Journey, ...]:
    """Return a product's journeys in the order of its file; none when it is no longer issued."""
    return tuple(journey for journey in _journeys.values() if journey.product is product)


def advised_product(channel: str) -> Product:
    """Return the product the bank advises: the first in its menus that is issued in a channel.

    `LookupError` when none is.
    """
    for product in _products.values():
        if journey_of(product, "issue", channel) is not None:
            return product
    raise LookupError(f"nothing is issued in the {channel}")


def _set(products: Iterable[Product], journeys: Mapping[str, Journey]) -> None:
    ordered = sorted(products, key=lambda product: product.place)
    _products.clear()
    _products.update({product.id: product for product in ordered})
    sorted_ = sorted(journeys.values(), key=lambda journey: journey.product.place)
    _journeys.clear()
    _journeys.update({journey.id: journey for journey in sorted_})
