"""Certificate policies along a path (RFC 5280 §6.1), kept as the graph of RFC 9618.

The tree of RFC 5280 can grow without bound when policies are mapped crosswise; the graph holds each policy
once a level and says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError
from dojang.pki.paths.model import PolicyDemands, wrong

if TYPE_CHECKING:
    from dojang.pki.certificate import Tbs


@dataclass(slots=True)
class PolicyNode:
    """One policy at one depth: what the level below may call it, and which nodes above it stands for."""

    expected: frozenset[str]
    parents: frozenset[str]


Level = dict[str, PolicyNode]


@lru_cache(maxsize=256)
def read_policies(value: bytes) -> frozenset[str]:
    """Policy OIDs of a certificatePolicies value; none twice. Qualifiers are not taken apart."""
    listed = der.whole(value)
    found: set[str] = set()
    while listed.more:
        one = listed.enter()
        dotted = one.oid()
        if one.more:
            one.raw(der.SEQUENCE)
        one.done()
        if dotted in found:
            raise MalformedError("a certificate policy twice")
        found.add(dotted)
    if not found:
        raise MalformedError("an empty list of policies")
    return frozenset(found)


@lru_cache(maxsize=64)
def read_mappings(value: bytes) -> tuple[tuple[str, str], ...]:
    """Pairs (issuer's policy, subject's policy) of a policyMappings value."""
    listed = der.whole(value)
    found = []
    while listed.more:
        one = listed.enter()
        found.append((one.oid(), one.oid()))
        one.done()
    if not found:
        raise MalformedError("an empty list of mappings")
    return tuple(found)


@lru_cache(maxsize=64)
def read_policy_constraints(value: bytes) -> tuple[int | None, int | None]:
    """(requireExplicitPolicy, inhibitPolicyMapping) of a policyConstraints value; at least one is there."""
    body = der.whole(value)
    found = [body.small(tag) if body.tag == tag else None for tag in (0x80, 0x81)]
    body.done()
    if found == [None, None] or any(number is not None and number < 0 for number in found):
        raise MalformedError("policy constraints without any, or below zero")
    return found[0], found[1]


def read_skip(value: bytes) -> int:
    """Read the number of an inhibitAnyPolicy value."""
    reader = der.Reader(value)
    number = reader.small()
    reader.done()
    if number < 0:
        raise MalformedError("a number of certificates below zero")
    return number


@dataclass(slots=True)
class Policies:
    """The state variables about policies (§6.1.2 (a), (d)-(f)), moved from certificate to certificate."""

    explicit: int
    mapping: int
    any: int
    levels: list[Level] | None = field(default_factory=list)

    @classmethod
    def begin(cls, demands: PolicyDemands, length: int) -> Policies:
        """State before the first of `length` certificates."""
        root: Level = {oids.ANY_POLICY: PolicyNode(frozenset({oids.ANY_POLICY}), frozenset())}
        return cls(
            0 if demands.explicit else length + 1,
            0 if demands.inhibit_mapping else length + 1,
            0 if demands.inhibit_any else length + 1,
            [root],
        )

    def copied(self) -> Policies:
        """Return the state as it is, to go on from more than once; nodes are not changed by a last step."""
        levels = None if self.levels is None else [dict(level) for level in self.levels]
        return Policies(self.explicit, self.mapping, self.any, levels)

    def take(self, facts: Tbs, *, last: bool, self_issued: bool) -> None:
        """§6.1.3 (d), (e), (f): the policies of one more certificate."""
        extension = facts.extensions.get(oids.CERTIFICATE_POLICIES)
        if extension is None or self.levels is None:
            self.levels = None
        else:
            free = self.any > 0 or (self_issued and not last)
            self._grow(read_policies(extension.value), any_counts=free)
        if self.explicit == 0 and self.levels is None:
            raise wrong("policy", "a policy is required and none is left")

    def _grow(self, asserted: frozenset[str], *, any_counts: bool) -> None:
        assert self.levels is not None
        above = self.levels[-1]
        naming: dict[str, set[str]] = {}
        for policy, node in above.items():
            for expected in node.expected:
                naming.setdefault(expected, set()).add(policy)
        level: Level = {}
        for policy in asserted - {oids.ANY_POLICY}:
            parents = naming.get(policy) or ({oids.ANY_POLICY} if oids.ANY_POLICY in above else None)
            if parents:
                level[policy] = PolicyNode(frozenset({policy}), frozenset(parents))
        if oids.ANY_POLICY in asserted and any_counts:
            for policy, parents in naming.items():
                if policy not in level:
                    level[policy] = PolicyNode(frozenset({policy}), frozenset(parents))
        self.levels.append(level)
        self._prune()

    def _prune(self) -> None:
        """Forget nodes nothing below stands for (§6.1.3 (d)(3)); without any left there is no graph."""
        assert self.levels is not None
        for above, below in zip(self.levels[-2::-1], self.levels[:0:-1], strict=True):
            used = {parent for node in below.values() for parent in node.parents}
            for policy in above.keys() - used:
                del above[policy]
        if not self.levels[-1]:
            self.levels = None

    def prepare(self, facts: Tbs, *, self_issued: bool) -> None:
        """§6.1.4 (a), (b), (h), (i), (j): what an authority changes for those below it."""
        mappings = facts.extensions.get(oids.POLICY_MAPPINGS)
        if mappings is not None:
            self._map(read_mappings(mappings.value))
        if not self_issued:
            self.explicit = max(self.explicit - 1, 0)
            self.mapping = max(self.mapping - 1, 0)
            self.any = max(self.any - 1, 0)
        self.limit(facts)

    def limit(self, facts: Tbs) -> None:
        """§6.1.4 (i), (j): the limits an authority, or the anchor (RFC 5937), sets for those below it."""
        constraints = facts.extensions.get(oids.POLICY_CONSTRAINTS)
        if constraints is not None:
            explicit, mapping = read_policy_constraints(constraints.value)
            self.explicit = self.explicit if explicit is None else min(self.explicit, explicit)
            self.mapping = self.mapping if mapping is None else min(self.mapping, mapping)
        inhibit = facts.extensions.get(oids.INHIBIT_ANY_POLICY)
        if inhibit is not None:
            self.any = min(self.any, read_skip(inhibit.value))

    def _map(self, pairs: tuple[tuple[str, str], ...]) -> None:
        if any(oids.ANY_POLICY in pair for pair in pairs):
            raise wrong("policy_mapping", "a mapping from or to any-policy")
        if self.levels is None:
            return
        mapped: dict[str, set[str]] = {}
        for issuers, subjects in pairs:
            mapped.setdefault(issuers, set()).add(subjects)
        level = self.levels[-1]
        if self.mapping == 0:
            for policy in mapped:
                level.pop(policy, None)
            self._prune()
            return
        for policy, expected in mapped.items():
            node = level.get(policy)
            if node is not None:
                node.expected = frozenset(expected)
            elif oids.ANY_POLICY in level:
                level[policy] = PolicyNode(frozenset(expected), frozenset({oids.ANY_POLICY}))

    def finish(self, facts: Tbs, demands: PolicyDemands) -> frozenset[str] | None:
        """§6.1.5 (a), (b), (g): the policies the path holds under; None = any. Refuses when one is needed."""
        self.explicit = max(self.explicit - 1, 0)
        constraints = facts.extensions.get(oids.POLICY_CONSTRAINTS)
        if constraints is not None and read_policy_constraints(constraints.value)[0] == 0:
            self.explicit = 0
        found = self._intersect(demands.initial)
        if self.explicit == 0 and found is not None and not found:
            seen = sorted(self.levels[-1]) if self.levels else []
            raise wrong("policy", "no acceptable policy", policies=seen)
        return found

    def _intersect(self, initial: frozenset[str] | None) -> frozenset[str] | None:
        """Names of the last level that go back to an acceptable policy of the anchor's side (§6.1.5 (g))."""
        if self.levels is None:
            return frozenset()
        if initial is None or oids.ANY_POLICY in initial:
            last = self.levels[-1]
            return None if oids.ANY_POLICY in last else frozenset(last)
        alive: set[str] = {oids.ANY_POLICY}
        for level in self.levels[1:]:
            alive = {
                policy
                for policy, node in level.items()
                if (node.parents & alive - {oids.ANY_POLICY})
                or (oids.ANY_POLICY in node.parents & alive and policy in initial | {oids.ANY_POLICY})
            }
        if oids.ANY_POLICY in alive:
            return frozenset(alive - {oids.ANY_POLICY} | initial)
        return frozenset(alive)
