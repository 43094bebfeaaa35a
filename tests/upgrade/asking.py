"""Asking a bank from outside, in words that outlive every release: its status service, and its rows by key.

Nothing here knows where the product keeps its code, so that a bank can be asked the same before and after.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

_KEYS = """
    SELECT c.oid::regclass::text, a.attname FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
    WHERE c.relkind = 'r' AND n.nspname IN ('public', 'sandbox') ORDER BY 1, a.attnum
"""


def tables(link: psycopg.Connection[Any]) -> dict[str, set[str]]:
    """Return the primary keys of every row, as texts without hyphens, by table."""
    columns: dict[str, list[str]] = {}
    for name, column in link.execute(_KEYS):
        columns.setdefault(name, []).append(column)
    found = {}
    for name, key in columns.items():
        text = " || '|' || ".join(f'"{column}"::text' for column in key)
        query = f"SELECT replace({text}, '-', '') FROM {name}"  # noqa: S608 - names from the catalogue
        found[name] = {row[0] for row in link.execute(query)}
    return found


def summary(rows: dict[str, set[str]]) -> dict[str, list[Any]]:
    """Return for each table how many rows it has, and a short name for the set of their keys."""
    return {
        name: [len(keys), hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:16]]
        for name, keys in sorted(rows.items())
    }


@dataclass
class Status:
    """The status service of a bank, asked as strangers do: by the addresses inside a certificate."""

    app: Callable[..., Any]  #: WSGI

    def ocsp(self, der: bytes) -> list[str | None]:
        """Return status and reason of a certificate as OCSP tells them."""
        leaf = x509.load_der_x509_certificate(der)
        question = ocsp.OCSPRequestBuilder().add_certificate(leaf, self._issuer(leaf), hashes.SHA256())
        body = question.build().public_bytes(Encoding.DER)
        path = self._access(leaf, AuthorityInformationAccessOID.OCSP)
        answer = ocsp.load_der_ocsp_response(self._ask(path, "application/ocsp-request", body))
        reason = answer.revocation_reason
        return [answer.certificate_status.name, None if reason is None else reason.value]

    def crl(self, der: bytes) -> str | None:
        """Return why the list named in a certificate has it, or None where it has not."""
        leaf = x509.load_der_x509_certificate(der)
        points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        (point,) = points
        assert point.full_name is not None
        crl = x509.load_der_x509_crl(self._ask(urlsplit(str(point.full_name[0].value)).path))
        entry = crl.get_revoked_certificate_by_serial_number(leaf.serial_number)
        if entry is None:
            return None
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value

    def _issuer(self, leaf: x509.Certificate) -> x509.Certificate:
        path = self._access(leaf, AuthorityInformationAccessOID.CA_ISSUERS)
        issuer = x509.load_der_x509_certificate(self._ask(path))
        leaf.verify_directly_issued_by(issuer)
        return issuer

    def _access(self, leaf: x509.Certificate, wanted: x509.ObjectIdentifier) -> str:
        places = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        found = next(place for place in places if place.access_method == wanted)
        return urlsplit(str(found.access_location.value)).path

    def _ask(self, path: str, kind: str = "", body: bytes = b"") -> bytes:
        environ = {
            "REQUEST_METHOD": "POST" if kind else "GET",
            "PATH_INFO": path,
            "CONTENT_TYPE": kind,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        }
        said: list[str] = []
        answer = b"".join(self.app(environ, lambda status, _headers: said.append(status)))
        assert said[0].startswith("200"), (path, said)
        return answer
