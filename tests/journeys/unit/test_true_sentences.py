"""What is said of where a key lies is true for the product beside it; words that were put right stay so."""

from __future__ import annotations

import pytest

from dojang.products import PRODUCTS
from dojang.products.messages import catalog

VAULT = {"ko": "금고", "en": "vault"}
PHONE = {"ko": "휴대폰", "en": "phone"}


@pytest.mark.parametrize("locale", ["ko", "en"])
@pytest.mark.parametrize("product", sorted(PRODUCTS))
def test_where_the_key_lies_is_said_truly(product: str, locale: str) -> None:
    """Only a product whose keys the bank keeps speaks of the bank's vault; the others speak of the phone."""
    mine = {key: text for key, text in catalog(locale).items() if key.startswith(f"product.{product}.")}
    told = mine[f"product.{product}.files"]
    speak = [key for key, text in mine.items() if VAULT[locale] in text]
    if PRODUCTS[product].on_device:
        assert speak == []
        assert PHONE[locale] in told
    else:
        assert VAULT[locale] in told


@pytest.mark.parametrize(
    ("locale", "word"),
    [("ko", "당신"), ("ko", "개 넘게"), ("en", "issued anew"), ("en", "Issue it like this?")],
    ids=["you", "more-than", "anew", "like-this"],
)
def test_words_that_read_wrongly_are_nowhere(locale: str, word: str) -> None:
    """Neither the second person, nor "more than" for "at least", nor English nobody speaks.

    The terms are left out: their words change with their version only.
    """
    said = {key: text for key, text in catalog(locale).items() if not key.startswith("terms.")}
    assert [key for key, text in said.items() if word in text] == []


@pytest.mark.parametrize("product", sorted(PRODUCTS))
def test_a_page_for_a_desk_does_not_speak_of_this_telephone(product: str) -> None:
    """A product's sentences stand on pages at a desk too, where no telephone is this one."""
    parts = ("tile", "card", "lead", "files", "good1", "good2", "good3")
    texts = [catalog("ko")[f"product.{product}.{part}"] for part in parts]
    assert [text for text in texts if "이 휴대폰" in text] == []
