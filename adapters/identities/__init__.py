"""Identities in fields that should not hold them: found beside the source, and kept there.

A name in a facility field, a phone in a unit number, a birth date in a narrative: a row that holds
one stays at the provider, is counted by field and detector, and its value is nowhere. `patterns`
and `names` look at a text alone, `own` at a row's own identifiers in its other fields; `scan` puts
them together over a batch, and `guard` around any adapter. A scan lowers the risk of text and never
makes text safe: `docs/misplaced-identities.md` says what it misses.
"""
