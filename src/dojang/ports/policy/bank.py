"""The bank itself: what it is called, where it is reached, and when it issues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.ports.policy.units import table

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPolicy:
    """`[policy.bank]`: names and numbers that pages, texts and certificates show."""

    name_ko: str = "도장은행"
    name_en: str = "Dojang Bank"
    phone: str = "02-1588-0000"  #: the number ARS calls come from, and where customers call
    text_number: str = "1588"  #: the number customers answer texts to
    institution_code: str = "0999"  #: the bank's four digits in the number of a certificate's common name
    policy_arc: str = "1.3.6.1.4.1.32473.8.1"  #: the example arc of RFC 5612; a bank sets its own
    theme: str = "dojang"  #: file of ``web/themes`` with its colours and seal

    def name(self, locale: str) -> str:
        """Return the bank's name in a language."""
        return self.name_en if locale == "en" else self.name_ko


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """Where the centre is reached: no table of its own, but the settings of the same names."""

    public_url: str = "http://127.0.0.1:8000"  #: where customers reach the centre
    #: Base of the CRL, OCSP and AIA addresses inside certificates: plain http, because https would need a
    #: certificate whose status is asked there (RFC 5280 section 8). Empty: `public_url`.
    status_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHoursPolicy:
    """`[policy.service_hours]`: when certificates are issued. ``HH:MM-HH:MM``, Korean time.

    Equal ends mean round the clock.
    """

    usual: str = "00:00-00:00"  #: where neither `products` nor the product's own file says otherwise
    #: Other hours by ``product-issue`` or ``product-reissue``, else by ``product``
    products: Mapping[str, str] = table(str)
