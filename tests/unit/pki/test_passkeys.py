"""Who the centre is to a browser, by its public address."""

from __future__ import annotations

import pytest

from dojang.pki.passkeys import RelyingParty, relying_party


@pytest.mark.parametrize(
    ("address", "party"),
    [
        ("https://certs.bank.example/app/", ("certs.bank.example", "https://certs.bank.example")),
        ("https://certs.bank.example:8443", ("certs.bank.example", "https://certs.bank.example:8443")),
        ("https://certs.bank.example:443", ("certs.bank.example", "https://certs.bank.example")),
        ("http://localhost:8000", ("localhost", "http://localhost:8000")),
        ("http://certs.localhost", ("certs.localhost", "http://certs.localhost")),
        ("http://127.0.0.1:8000", ("localhost", "http://localhost:8000")),
        ("http://[::1]:8000", ("localhost", "http://localhost:8000")),
        ("http://certs.bank.example", None),
        ("https://192.0.2.7", None),
        ("https://[2001:db8::7]", None),
        ("ftp://localhost", None),
        ("", None),
    ],
)
def test_a_domain_is_needed_and_https_or_this_machine(address: str, party: tuple[str, str] | None) -> None:
    """A bare network address is none; the machine's own one stands for ``localhost``."""
    assert relying_party(address) == (None if party is None else RelyingParty(*party))
