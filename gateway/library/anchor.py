"""The memory of agreements, held against the exchange log: what the log says was is not forgotten.

The memory is a file, and whoever can write it can put an old one back, or an empty one. What was in
force is in the log as well, where nothing is taken back. So a memory is held against the log
whenever a gateway starts, and what it has lost comes back from there: versions that were active,
endings, and suspensions, though not the statement that made one. An agreement that the log says is
suspended, and whose statement is gone, stays so until every party has signed `resume` after that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.library.memory import older

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.audit.stood import Stood
    from gateway.library.memory import Memory


def anchor(memory: Memory, told: Iterable[Stood]) -> bool:
    """Add to a memory what the log says and it has lost; return whether there was anything.

    Args:
        memory: As it was recalled from its file.
        told: What the log says, in its order.
    """
    last: dict[str, Stood] = {}
    highest: dict[str, str] = {}
    for one in told:
        last[one.ref] = one
        before = highest.get(one.agreement)
        if one.state == "active" and (before is None or older(before, one.version)):
            highest[one.agreement] = one.version
    lost = False
    for name, version in highest.items():
        known = memory.highest.get(name)
        if known is None or older(known, version):
            memory.highest[name], lost = version, True
    for one in last.values():
        if one.state == "terminated" and not _ended(memory, one):
            memory.ended.add(one.ref)
            lost = True
        elif one.state == "suspended" and not _stopped(memory, one):
            memory.halted[one.ref], lost = one.at, True
    return lost


def _stopped(memory: Memory, one: Stood) -> bool:
    return any(stop.subject == one.ref for stop in memory.stops.get(one.agreement, ()))


def _ended(memory: Memory, one: Stood) -> bool:
    above = memory.highest.get(one.agreement)
    passed = above is not None and older(one.version, above)
    return passed or one.ref in memory.ended or _stopped(memory, one)
