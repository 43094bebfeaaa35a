"""Whether a certificate names the party one meant to talk to (RFC 9525 §6; RFC 5280 §4.2.1.6)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dojang.pki.errors import MalformedError
from dojang.pki.paths.model import wrong
from dojang.pki.paths.names import alternative_names, is_dns_name, is_dns_pattern, split_mailbox

if TYPE_CHECKING:
    from dojang.pki.certificate import Tbs

_KINDS: Final = ("dns", "ip", "email")


@dataclass(frozen=True, slots=True)
class PeerName:
    """Whom one means to talk to. `kind`: ``dns`` | ``ip`` | ``email``; `value` in its usual text form."""

    kind: str
    value: str

    def __post_init__(self) -> None:
        """Refuse what is no name of its kind: `MalformedError`."""
        if self.kind not in _KINDS:
            raise MalformedError("a peer is named by DNS name, IP address or e-mail address")
        if self.kind == "dns" and not is_dns_name(self.value):
            raise MalformedError("not a host name")
        if self.kind == "email" and split_mailbox(self.value) is None:
            raise MalformedError("not an e-mail address")
        if self.kind == "ip":
            try:
                ipaddress.ip_address(self.value)
            except ValueError:
                raise MalformedError("not an IP address") from None


def check_peer(facts: Tbs, peer: PeerName) -> None:
    """Refuse a certificate that does not name the peer. The common name is never looked at (RFC 9525 §2)."""
    names = [name for name in alternative_names(facts) if name.kind == peer.kind]
    if peer.kind == "ip":
        wanted = ipaddress.ip_address(peer.value).packed
        found = any(name.value == wanted for name in names)
    elif peer.kind == "email":
        mailbox = split_mailbox(peer.value)
        found = any(split_mailbox(name.text) == mailbox for name in names)
    else:
        found = any(_matches(name.text.lower(), peer.value.lower()) for name in names)
    if not found:
        raise wrong("peer_name", "the certificate names somebody else", kind=peer.kind)


def _matches(presented: str, wanted: str) -> bool:
    """Compare; an asterisk stands for one whole label, the first, and never for all of a top domain."""
    if not is_dns_pattern(presented):
        return False
    if not presented.startswith("*."):
        return presented == wanted
    rest = presented[2:]
    return "." in rest and wanted.partition(".")[2] == rest
