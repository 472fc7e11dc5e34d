"""The flows of a compiled set, put together again as the provisions that the files state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.index import Agreements, FlowRule


def by_provision(agreements: Agreements) -> Iterator[tuple[FlowRule, ...]]:
    """Yield the flows of each provision, in the order of the files: only purposes differ."""
    found: dict[tuple[int, str], list[FlowRule]] = {}
    for rules in agreements.flows.values():
        for rule in rules:
            found.setdefault((id(rule.pact), rule.provision.id), []).append(rule)
    for pact in agreements.pacts:
        for provision in pact.agreement.provisions:
            several = found.get((id(pact), provision.id), [])
            if several:
                yield tuple(sorted(several, key=lambda one: one.purpose))
