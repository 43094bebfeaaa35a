"""The bank's offer as data: products with their journeys, terms and messages.

Each file here that defines ``PRODUCT`` and ``JOURNEYS`` is one product; see `dojang.products.offer`.
"""

from __future__ import annotations

from dojang.journeys.product import Product
from dojang.products.offer import (
    JOURNEYS,
    PRODUCTS,
    advised_product,
    journey_of,
    journeys_of,
    offer_all,
    opened_by,
)

__all__ = ["JOURNEYS", "PRODUCTS", "Product", "advised_product", "journey_of", "journeys_of", "opened_by"]

offer_all(__path__, __name__)
