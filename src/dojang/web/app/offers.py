"""What the app offers: the products, and for each the journeys that are really defined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.edge.wording import phrase, product_name
from dojang.products import PRODUCTS, journey_of
from dojang.web.guides import PURPOSES

if TYPE_CHECKING:
    from dojang.journeys.product import Product

CHANNEL = "app"


@dataclass(frozen=True, slots=True)
class ProductOffer:
    """One product in the app. `purposes`: ``issue``, ``reissue``, as far as there is a journey."""

    product: Product
    name: str
    text: str
    purposes: tuple[str, ...]

    @property
    def first(self) -> str:
        """What the menu leads to."""
        return self.purposes[0]


def journey_id(product: str, purpose: str) -> str:
    """Return the id of the app's journey of a product."""
    return f"{product}-{CHANNEL}-{purpose}"


def offer_of(product_id: str, locale: str) -> ProductOffer | None:
    """Return what the app offers of one product; ``None`` when there is nothing."""
    product = PRODUCTS.get(product_id)
    if product is None:
        return None
    purposes = tuple(purpose for purpose in PURPOSES if journey_of(product, purpose, CHANNEL) is not None)
    if not purposes:
        return None
    return ProductOffer(
        product=product,
        name=product_name(product.id, locale),
        text=phrase(f"product.{product.id}.tile", locale),
        purposes=purposes,
    )


def all_offers(locale: str) -> list[ProductOffer]:
    """Return every product the app offers, in the order of the menu."""
    return [offer for product in PRODUCTS if (offer := offer_of(product, locale))]


def made_on_a_phone(locale: str) -> list[ProductOffer]:
    """Return what only a telephone can hold and is issued anew on one: what a lost one takes with it."""
    return [offer for offer in all_offers(locale) if offer.product.on_device and "reissue" in offer.purposes]
