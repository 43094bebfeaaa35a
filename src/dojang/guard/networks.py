"""Whose a network address is, for counting: one line is one source, however many addresses it has."""

from __future__ import annotations

import ipaddress
from typing import Final

#: What one customer is given, and what one site is given (RFC 6177): neither is more than one source.
NARROW: Final = 64
WIDE: Final = 48


def networks_of(source: str) -> tuple[str, ...]:
    """Return the networks an address is counted by, the narrowest first; empty without an address.

    IPv4 is counted by itself (also when written inside IPv6), IPv6 by its /64 and its /48. What is no
    address is counted as it is written.
    """
    if not source:
        return ()
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return (source[:64],)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is None:
            return tuple(str(ipaddress.ip_network((address, size), strict=False)) for size in (NARROW, WIDE))
        address = inner
    return (str(address),)


def network_of(source: str) -> str:
    """Return the narrowest network an address is counted by."""
    return next(iter(networks_of(source)), "")
