"""A certificate to be proven on a page: what its way of unlocking needs there, and what it sends back."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.account.proving.actions import ask
from dojang.account.proving.values import LOGIN, Answer
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import phrase, product_name, reader_locale
from dojang.journeys.kinds.secret import PIN_DIGITS
from dojang.ports.writing import is_digits, plain_digits
from dojang.web.app.biometrics import stand_in
from dojang.web.asking import control
from dojang.web.deeds import begin_url
from dojang.web.me import ASKED, read_cookie, read_octets, set_cookie

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from dojang.account.proving.values import ProofQuestion
    from dojang.journeys.product import Product
    from dojang.web.presenting import Control


@dataclass(frozen=True, slots=True)
class Way:
    """One product's certificate, as a page asks for it. `question` is None when there is none usable here."""

    product: Product
    name: str
    url: str  #: where it is logged in with
    question: ProofQuestion | None

    @property
    def named(self) -> str:
        """Its name inside a sentence."""
        return phrase(f"product.{self.product.id}.named", reader_locale())

    @property
    def template(self) -> str:
        """What is drawn for it."""
        return f"prove/{self.product.unlock}.html"

    @property
    def scripted(self) -> bool:
        """Whether a key on the device answers, which takes the device's own script."""
        return self.product.on_device

    @property
    def typed(self) -> bool:
        """Whether a PIN is typed into the form."""
        return self.product.unlock == "pin"

    @property
    def challenge(self) -> str:
        """The octets to be answered, in base64."""
        return base64.b64encode(self.question.body).decode() if self.question else ""

    @property
    def data(self) -> dict[str, object]:
        """What the pattern's element reads."""
        question = self.question
        if question is None:
            return {}
        biometric = stand_in(question.biometric)
        return {
            "mode": "prove", "challenge": self.challenge, "key_id": question.key_id, "biometric": biometric,
        }  # fmt: skip

    @property
    def issue(self) -> str:
        """Where one is issued."""
        return begin_url(self.product, "issue")

    @property
    def reissue(self) -> str:
        """Where it is issued anew, when it is locked."""
        return begin_url(self.product, "reissue")


def way_of(
    request: HttpRequest, product: Product, url: str, *, purpose: str = LOGIN, customer_id: str = ""
) -> Way:
    """Ask for a certificate of a product on this page."""
    question = ask(
        product, purpose=purpose, customer_id=customer_id, acting=acting_of(request), world=world_of(request)
    )
    return Way(product, product_name(product.id, reader_locale()), url, question)


def keep_secret(request: HttpRequest, response: HttpResponse, way: Way | None) -> None:
    """Leave with the browser what only it may bring back with the answer."""
    if way is not None and way.question is not None and way.question.secret:
        set_cookie(request, response, ASKED, f"{way.question.id}.{way.question.secret}")


def answer_of(request: HttpRequest) -> Answer:
    """Read whatever was answered: the product knows what it needs of it."""
    kept, _, secret = read_cookie(request, ASKED).partition(".")
    return Answer(
        challenge_id=request.POST.get("challenge_id", "") or kept,
        secret=secret,
        pin=plain_digits(request.POST.get("pin", "")),
        signed=read_octets(request, "signed"),
        signature=read_octets(request, "signature"),
        mac=read_octets(request, "mac"),
        assertion=read_octets(request, "assertion"),
    )


def pin_mistakes(pin: str) -> tuple[str, ...]:
    """Say what is wrong with the form of a PIN in its plain writing: that is no try of its key."""
    locale = reader_locale()
    if not pin:
        return (phrase("me.login.empty_pin", locale),)
    return (
        () if is_digits(pin, PIN_DIGITS) else (phrase("error.digits_needed", locale, {"count": PIN_DIGITS}),)
    )


def pin_control(label: str, help_id: str, product_name: str, errors: Sequence[str]) -> Control:
    """Describe the box of a PIN."""
    locale = reader_locale()
    return control(
        "pin", "pin", label, locale, help_id=help_id, longest=PIN_DIGITS, errors=errors, product=product_name
    )
