"""Fetching with permission: absent and forbidden look alike."""

from __future__ import annotations

from dojang.ca.errors import CertificateNotFoundError
from dojang.ca.models import Certificate
from dojang.ca.serials import serial_number, serial_text
from dojang.pki.errors import MalformedError


def access_certificate(serial: str, *, customer_id: str) -> Certificate:
    """Return the customer's own certificate of this serial. Raises `CertificateNotFoundError`."""
    try:
        text = serial_text(serial_number(serial))
    except MalformedError:
        raise CertificateNotFoundError from None
    row = Certificate.objects.filter(serial=text, customer_id=customer_id).first()
    if row is None:
        raise CertificateNotFoundError
    return row
