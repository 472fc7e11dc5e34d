"""The digests that signatures cover: one spelling of a file, and of all that is bound to it.

Comments and layout do not count, nor does the order of lists that are sets; every value does. What
is signed is not the file alone but `{agreement, bound}`: who lowers a field's class, edits a notice
or relabels a party breaks the signatures of the agreements that relied on it. The floor, which only
narrows, and keys, which rotate, are not bound.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from gateway.agreement.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.dataset import CodeLists, Dataset
    from gateway.agreement.model import Agreement
    from gateway.agreement.purposes import Purposes
    from gateway.agreement.registry import Registry

SELECTORS: Final = frozenset(
    ["from_kind", "to_kind", "dataset", "field", "class", "means", "regime", "purpose", "shape"]
)
"""Keys of a prohibition or of a floor mask whose lists are sets."""


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return a parsed file as RFC 8785 JSON, its set-like lists sorted.

    Sorted are `withhold`, a flow's `purpose`, a condition's `role` and the values of selectors;
    `when`, `dimensions` and `margins` keep their order.
    """
    return _dumps(_sets_sorted(value))


def digest_of(value: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of the canonical form of `value`."""
    return hashlib.sha256(canonical(value)).digest()


def digest_text(digest: bytes) -> str:
    """Return how a digest is written: `sha256:` and 64 lower-case hex characters."""
    return f"sha256:{digest.hex()}"


def notice_digest(text: bytes) -> bytes:
    """Return the SHA-256 of a notice's bytes."""
    return hashlib.sha256(text).digest()


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """What a signature relies on about a party; from the registry, not from the agreement."""

    agency: str
    kind: str
    hipaa: str
    part2: str


@dataclass(frozen=True, slots=True)
class Bound:
    """What is bound in beside the agreement's own text.

    Attributes:
        datasets: Digest of each dataset used, by `<name>@<version>`.
        notices: Digest of each notice used, by `<id>@<n>`.
        purposes: Digest of each purpose used, by leaf.
        codes: Digest of each closed code list that a dataset used names: a longer list lets more
            values pass.
        parties: What the registry says of each party, by alias.
        presets: The number that each named threshold used stands for; absent from the digested
            value where none is.
    """

    datasets: Mapping[str, bytes]
    notices: Mapping[str, bytes]
    purposes: Mapping[str, bytes]
    codes: Mapping[str, bytes]
    parties: Mapping[str, PartyFacts]
    presets: Mapping[str, int] = field(default_factory=dict)

    def value(self) -> dict[str, Any]:
        """Return it as the plain value that is digested."""
        presets = {"presets": dict(self.presets)} if self.presets else {}
        return presets | {
            "datasets": {name: digest_text(d) for name, d in self.datasets.items()},
            "notices": {name: digest_text(d) for name, d in self.notices.items()},
            "purposes": {name: digest_text(d) for name, d in self.purposes.items()},
            "codes": {name: digest_text(d) for name, d in self.codes.items()},
            "parties": {
                alias: {"agency": p.agency, "kind": p.kind, "hipaa": p.hipaa, "part2": p.part2}
                for alias, p in self.parties.items()
            },
        }


def bind(
    agreement: Agreement,
    *,
    registry: Registry,
    purposes: Purposes,
    datasets: Mapping[str, Dataset],
    codes: CodeLists,
    notices: Mapping[str, bytes],
) -> Bound:
    """Return what an agreement relies on beside its own text.

    Args:
        agreement: Parsed and linted: what it names is there.
        registry: The agencies.
        purposes: The tree.
        datasets: By `<name>@<version>`.
        codes: The closed code lists.
        notices: The bytes of each notice, by `<id>@<n>`.
    """
    provisions = agreement.provisions
    used = {str(one.flow.dataset) for one in provisions}
    named = {rule.codes for name in used for rule in datasets[name].fields.values()}
    reasons = {name for one in provisions for name in one.flow.purposes}
    texts = {one.duties.notice for one in provisions if one.duties.notice is not None}
    agencies = {
        alias: registry.agencies[party.agency] for alias, party in agreement.parties.items()
    }
    return Bound(
        datasets={name: datasets[name].digest for name in used},
        notices={name: notice_digest(notices[name]) for name in texts},
        purposes={name: purposes.leaves[name].digest for name in reasons},
        codes={name: digest for name, digest in codes.digests.items() if name in named},
        parties={
            alias: PartyFacts(one.id, one.kind.value, one.hipaa, one.part2)
            for alias, one in agencies.items()
        },
        presets={name: PRESETS[name] for name in _thresholds(agreement)},
    )


def _thresholds(agreement: Agreement) -> set[str]:
    """Return the names of thresholds that an agreement uses."""
    tables = (one.aggregate for one in agreement.provisions)
    return {table.disclosure.preset for table in tables if table is not None} - {""}


def bound_canonical(agreement: Mapping[str, Any], bound: Bound) -> bytes:
    """Return the canonical bytes of `{agreement, bound}`, which `digest --canonical` prints."""
    return _dumps({"agreement": _sets_sorted(agreement), "bound": bound.value()})


def bound_digest(agreement: Mapping[str, Any], bound: Bound) -> bytes:
    """Return the digest that the parties of an agreement sign."""
    return hashlib.sha256(bound_canonical(agreement, bound)).digest()


def _dumps(value: Mapping[str, Any]) -> bytes:
    """Return RFC 8785 JSON of text, integers, booleans, lists and mappings.

    Of these values, with keys in ASCII (the strict reader admits no other), this writer gives the
    bytes of the standard in a fraction of the time of the package that writes it for all; a
    property test holds the two equal.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _sets_sorted(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file's value with the lists that are sets in code point order."""
    result = dict(value)
    for key in ("never", "masks"):
        if isinstance(rules := value.get(key), list):
            result[key] = [_sorted_at(rule, SELECTORS) for rule in rules]
    if isinstance(provisions := value.get("provisions"), list):
        result["provisions"] = [_provision(provision) for provision in provisions]
    return result


def _provision(value: Any) -> Any:  # noqa: ANN401 - a parsed file, not yet checked
    result = _sorted_at(value, {"withhold"})
    if isinstance(result, dict):
        if "flow" in result:
            result["flow"] = _sorted_at(result["flow"], {"purpose"})
        if isinstance(when := result.get("when"), list):
            result["when"] = [_sorted_at(condition, {"role"}) for condition in when]
    return result


def _sorted_at(value: Any, keys: frozenset[str] | set[str]) -> Any:  # noqa: ANN401
    """Return a mapping with the lists of texts under `keys` sorted; anything else as it is."""
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(item) if key in keys and _texts(item) else item for key, item in value.items()
    }


def _texts(item: object) -> bool:
    return isinstance(item, list) and all(isinstance(text, str) for text in item)
