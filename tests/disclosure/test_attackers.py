"""Which earlier tables a new one is judged beside: every combination of three agencies."""

from __future__ import annotations

from itertools import chain, combinations, product

import pytest

from gateway.disclosure.attackers import Told, judged_together

AGENCIES = ("a", "b", "c")


def groups(recipient: str) -> list[frozenset[str] | None]:
    """Return every group that a table to this recipient may name, and everybody."""
    others = [one for one in AGENCIES if one != recipient]
    sizes = [combinations(others, size) for size in range(len(others) + 1)]
    return [None, *[frozenset({recipient, *some}) for some in chain.from_iterable(sizes)]]


EVERY = [Told(one, group) for one in AGENCIES for group in groups(one)]


def named(told: Told) -> str:
    """Return the name of a case, the same in every process: a set has no order of its own."""
    return (
        f"{told.recipient}-{'all' if told.colluding is None else ''.join(sorted(told.colluding))}"
    )


@pytest.mark.parametrize("new", EVERY, ids=named)
def test_either_group_holds_the_other_recipient(new: Told) -> None:
    """Of two tables: judged together where either's group, or everybody, has the other's reader."""
    for old in EVERY:
        either = new.holds(old.recipient) or old.holds(new.recipient)

        assert [either] == judged_together(new, [old])


def test_what_was_promised_stays_so_whatever_leaves_later() -> None:
    """Of any three tables in a row, whoever of a table's group pools opens no cell of it.

    For each table: the last of all that its group got, itself included, was judged beside the rest.
    """
    for tables in product(EVERY, repeat=3):
        judged = [judged_together(tables[at], tables[:at]) for at in range(3)]
        for at, table in enumerate(tables):
            pool = [n for n, one in enumerate(tables) if n == at or table.holds(one.recipient)]
            last = max(pool)

            assert all(judged[last][n] for n in pool if n != last), tables


def test_a_table_for_everybody_binds_every_later_one() -> None:
    """After one table under `all`, each later one is judged beside all of them."""
    everybody, b, c = Told("a", None), Told("b", frozenset("b")), Told("c", frozenset("c"))

    assert [True, True] == judged_together(c, [everybody, b])
    assert [False, False] == judged_together(c, [Told("a", frozenset("a")), b])


def test_of_two_groups_of_one_recipient_both_count() -> None:
    """Who stands in two groups is judged beside what either got: never beside less."""
    both = [Told("a", frozenset("ac")), Told("b", frozenset("bc"))]

    assert [True, True] == judged_together(Told("c", frozenset("c")), both)
    assert [True, False] == judged_together(Told("a", frozenset("a")), both)


def test_a_recipient_is_one_attacker_with_itself() -> None:
    """Also where a group forgets it: whoever holds two tables holds both."""
    assert [True] == judged_together(Told("a", frozenset("b")), [Told("a", frozenset("c"))])
