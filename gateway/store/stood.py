"""What the log says of agreements: each change of what was in force, in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gateway.audit.entry import parse_leaf
from gateway.audit.stood import stood_in
from gateway.store.reads import unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.audit.stood import Stood
    from gateway.store.reads import Reads

_CHANGES: Final = (
    "SELECT body, key_id, sealed FROM log_entry JOIN log_payload USING (seq) "
    "WHERE x IS NULL AND k = 'agreement' ORDER BY seq"
)
"""The kind is one of `gateway.audit.kinds`; its payloads are kept as long as the log is."""


def stood(reads: Reads, key: Callable[[str], bytes]) -> Iterator[Stood]:
    """Yield what each entry says of each agreement, in the order of the log.

    Raises:
        LogError: A payload is not what its leaf commits to.
        SettingsError: A payload's key is gone.
    """
    for body, key_id, sealed in reads.many(_CHANGES):
        meta = json.loads(unseal(key(key_id), bytes(body), bytes(sealed)).meta)
        yield from stood_in(meta, parse_leaf(bytes(body)).time)
