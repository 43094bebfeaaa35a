"""Verify and explain: any file that was signed, a verdict about it, why, and what happened when."""

from dojang.pki.explaining.model import Explanation, Inquiry, Reason, Subject, TimeLine
from dojang.pki.explaining.opening import explain
from dojang.pki.explaining.trust_list import TrustList, read_trust_list

__all__ = [
    "Explanation",
    "Inquiry",
    "Reason",
    "Subject",
    "TimeLine",
    "TrustList",
    "explain",
    "read_trust_list",
]
