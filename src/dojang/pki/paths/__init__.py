"""Path validation (RFC 5280 §6): from a certificate to a root one believes in, or the reason why not."""

from dojang.pki.paths.facts import may_use
from dojang.pki.paths.model import RULES, Demands, PolicyDemands, Trust, VerifiedPath
from dojang.pki.paths.peers import PeerName
from dojang.pki.paths.validating import verify_path

__all__ = [
    "RULES",
    "Demands",
    "PeerName",
    "PolicyDemands",
    "Trust",
    "VerifiedPath",
    "may_use",
    "verify_path",
]
