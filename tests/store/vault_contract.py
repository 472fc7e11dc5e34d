"""What every vault promises: claims over the port, run on the real one and on its twin.

A test module calls `asyncio.run(claim(make))` for each of `CLAIMS`; `make` is an async context
manager that gives the same vault each time it is entered: a restart, or a second connection.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from gateway.ports import Vault

Make: TypeAlias = "Callable[[], AbstractAsyncContextManager[Vault]]"

SCOPE = "vault/synthetic-mou/P1-runs/2026#00c0ffee"
OTHER = "vault/synthetic-mou/P2-runs/2026#00decade"


def an_index(number: int) -> str:
    """Return a made-up keyed index."""
    return hashlib.sha256(f"synthetic {number}".encode()).hexdigest()


MANY = [an_index(number) for number in range(3000)]


async def a_token_is_random_bits(make: Make) -> None:
    """A token is 128 bits in lower-case hex, and no two of them are equal."""
    async with make() as vault:
        found = await vault.tokens(SCOPE, MANY)

    assert set(MANY) == set(found)
    assert len(MANY) == len(set(found.values()))
    assert all(re.fullmatch(r"[0-9a-f]{32}", token) for token in found.values())


async def one_value_has_one_token(make: Make) -> None:
    """Asked again, beside others, or after a restart: the token is what it was."""
    async with make() as vault:
        first = await vault.tokens(SCOPE, MANY[:10])
        again = await vault.tokens(SCOPE, MANY[5:20])
    async with make() as vault:
        later = await vault.tokens(SCOPE, MANY)

    assert [first[one] for one in MANY[5:10]] == [again[one] for one in MANY[5:10]]
    assert first.items() <= later.items()
    assert again.items() <= later.items()


async def another_scope_has_other_tokens(make: Make) -> None:
    """The same index in two scopes has two tokens that have nothing in common."""
    async with make() as vault:
        here = await vault.tokens(SCOPE, MANY[:100])
        there = await vault.tokens(OTHER, MANY[:100])

    assert set() == set(here.values()) & set(there.values())


async def two_at_once_draw_one_token(make: Make) -> None:
    """Two connections that ask for the same new values get the same tokens."""
    async with make() as one, make() as other:
        several = await asyncio.gather(
            one.tokens(SCOPE, MANY),
            other.tokens(SCOPE, list(reversed(MANY))),
            one.tokens(SCOPE, MANY[1000:2000]),
        )

    assert several[0] == several[1]
    assert several[2].items() <= several[0].items()


async def nothing_is_asked_and_nothing_given(make: Make) -> None:
    """No index, no token."""
    async with make() as vault:
        assert {} == dict(await vault.tokens(SCOPE, []))


CLAIMS = (
    a_token_is_random_bits,
    one_value_has_one_token,
    another_scope_has_other_tokens,
    two_at_once_draw_one_token,
    nothing_is_asked_and_nothing_given,
)
