"""Every rule of the linter by its id: how grave it is, what it catches, whether it can be mended.

The rules themselves stand beside what they judge; here is what documents, editors and waivers have
to know of each. A page per rule, `docs/lint/<id>.md`, says what to avoid, what to prefer, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

_E, _S, _W, _I = Level.ERROR, Level.SIGNING, Level.WARNING, Level.INFO


@dataclass(frozen=True, slots=True)
class About:
    """What is to be known of a rule.

    Attributes:
        level: What a finding of it refuses.
        catches: In officers' words.
        fixable: Whether `lint --fix` puts it right.
    """

    level: Level
    catches: str
    fixable: bool = False


ABOUT: Final[Mapping[str, About]] = {
    "yaml-duplicate-key": About(_E, "one key stands twice in a mapping"),
    "yaml-ambiguous-scalar": About(
        _E,
        "a plain word that two readers of YAML take for different things",
        fixable=True,
    ),
    "yaml-alias": About(_E, "an anchor, alias, merge key, tag, directive or second document"),
    "yaml-encoding": About(
        _E,
        "a character that does not show, another encoding, or a file that is too large or too deep",
    ),
    "yaml-syntax": About(_E, "the file is no YAML"),
    "unknown-key": About(_E, "a key that the language does not have"),
    "missing-key": About(_E, "a required key is absent, or a list is empty"),
    "wrong-value": About(_E, "a value that the key does not take"),
    "wildcard": About(_E, "`*`, `all` or `any` in a list"),
    "not-formatted": About(
        _W,
        "keys in another order, another indent, another filling of lines",
        fixable=True,
    ),
    "unknown-file": About(_E, "a file in the folder that nobody reads"),
    "missing-file": About(_E, "`agencies.yaml`, `purposes.yaml` or `codes.yaml` is absent"),
    "id-filename-mismatch": About(
        _E,
        "an `id`, or a dataset's name and version, unlike the name of the file",
    ),
    "id-duplicate": About(_E, "one id names two rules of a file"),
    "version-not-bumped": About(
        _E,
        "a text that is not the one that was signed, under the signed version",
    ),
    "signature-invalid": About(
        _E,
        "a signature that does not hold: forged, or by a key that is unknown, denied or out "
        "of its dates",
    ),
    "document-hash-missing": About(_E, "the signed paper is not named by its SHA-256"),
    "clause-missing": About(
        _E,
        "a provision, a prohibition or a rule of the floor without its clause",
    ),
    "term-open-ended": About(
        _E,
        "no last day, a last day before the first, or a term that is longer than the floor's",
    ),
    "term-expiring": About(_W, "fewer than 60 days are left of the term"),
    "review-overdue": About(_S, "the review is past its day, or more than twelve months out"),
    "supersedes-broken": About(
        _E,
        "a version that ends another one names none that could be ended",
    ),
    "party-undeclared": About(
        _E,
        "an alias that the file does not declare, an agency that the registry does not know, "
        "or one agency twice",
    ),
    "party-kind-mismatch": About(_E, "a party's kind is not the registry's"),
    "compelled-route-missing": About(
        _E,
        "nobody is named to whom subpoenas and other compelled requests go",
    ),
    "purpose-unknown": About(
        _E,
        "a purpose that is not in `purposes.yaml`, or a whole branch of it in a flow",
    ),
    "purpose-replaced": About(_W, "a purpose that was split or renamed since"),
    "basis-party-mismatch": About(
        _E,
        "a basis that does not fit what the two agencies are, or what the flow is for",
    ),
    "basis-shape-mismatch": About(_E, "a basis and what is claimed for it contradict each other"),
    "basis-regime-mismatch": About(
        _E,
        "records of a Part 2 program leave on a basis outside Part 2",
    ),
    "profile-contradicted": About(
        _E,
        "what is released contradicts the standard that it claims to meet",
    ),
    "deid-expired": About(_E, "an expert's determination is absent, or past its date"),
    "consent-condition-missing": About(
        _E,
        "a flow that rests on consent or authorization does not ask for it",
    ),
    "part2-notice-missing": About(
        _E,
        "consented Part 2 records travel without the notice of the rule",
    ),
    "notice-unknown": About(_E, "a notice that travels along is not in the folder"),
    "dataset-unknown": About(_E, "a flow of a dataset that the folder does not have"),
    "codes-unknown": About(_E, "a field's codes are neither a list nor a system of `codes.yaml`"),
    "dataset-class-lowered": About(
        _E,
        "a field's class falls from one version of a dataset to the next",
    ),
    "field-unclassified": About(_E, "a field of the dataset is neither released nor withheld"),
    "field-unknown": About(_E, "a field that the dataset does not have"),
    "field-in-both": About(_E, "a field is released and withheld"),
    "identifier-without-need": About(
        _E,
        "a direct identifier leaves unmasked for a purpose that forbids identity",
    ),
    "free-text-released": About(_E, "a field that was typed by hand leaves"),
    "mask-unknown": About(_E, "a mask that the language does not have"),
    "mask-type": About(_E, "a mask on a field of a type that it does not read"),
    "mask-parameter": About(
        _E,
        "a mask's parameters are unsound, or name a table that is not there",
    ),
    "mask-below-floor": About(
        _E,
        "a field leaves in a form that is weaker than the floor's, or cannot be compared with it",
    ),
    "coarsening-undone": About(_E, "one fact leaves twice, the second time finer"),
    "shift-recoverable": About(_E, "a shifted date leaves beside something that tells when it was"),
    "pseudonym-linkable": About(
        _W,
        "a pseudonym that never rotates, or that several recipients share",
    ),
    "quasi-identifier-combo": About(_W, "three or more quasi-identifiers on one row"),
    "anonymity-misplaced": About(_E, "classes are asked for in a table"),
    "anonymity-empty": About(
        _E,
        "different sensitive values are asked for, and no sensitive field leaves",
    ),
    "anonymity-named": About(_W, "a name or a record's own number leaves beside classes"),
    "condition-type": About(
        _E,
        "a condition that cannot be asked: operator, literal or role do not fit",
    ),
    "condition-unsatisfiable": About(_E, "conditions that cannot hold together"),
    "condition-on-withheld": About(_W, "records are chosen by a field that is withheld"),
    "condition-unanswerable": About(
        _W,
        "consent or opt-out is asked of a dataset that has no field to answer and names nobody",
    ),
    "floor-missing": About(
        _E,
        "no floor, a quorum of strangers, or nothing in it about law enforcement",
    ),
    "floor-cell-low": About(_W, "the floor lets counts below eleven be published"),
    "never-empty": About(
        _E,
        "a prohibition without a selector, or with one that matches nothing there is",
    ),
    "never-contradicted": About(_E, "a provision that a prohibition forbids, in whatever file"),
    "onward-to-prohibited": About(
        _E,
        "data may be given on to somebody whom a prohibition bars, also in two steps",
    ),
    "provision-ambiguous": About(_E, "two provisions cover one flow"),
    "limit-over-floor": About(
        _E,
        "more rows a day than the floor allows, or more in a request than in a day",
    ),
    "retention-over-floor": About(
        _E,
        "data are kept, or a breach is reported, later than the floor allows; or the log is "
        "kept too short",
    ),
    "accounting-off": About(_E, "identifiers leave without being accounted for"),
    "reidentify-not-forbidden": About(
        _E,
        "limited or de-identified data without the promise not to re-identify",
    ),
    "not-enforced-yet": About(
        _E,
        "something that the language says and this version does not enforce",
    ),
    "push-not-loaded": About(
        _I,
        "a file that delivers by push, which no gateway of this version does",
    ),
    "shape-mismatch": About(_E, "`aggregate` is absent from a table, or stands beside records"),
    "aggregate-mask-misplaced": About(
        _E,
        "`count_only` among records, or a field that a table measures leaves in another form",
    ),
    "unit-unknown": About(
        _E,
        "a table counts what is neither the dataset's `person` nor its `unit`",
    ),
    "min-cell-low": About(_E, "counts below the floor's least are published"),
    "interval-narrow": About(_E, "an attacker may narrow a hidden count too far"),
    "complementary-off": About(_E, "no second cells are held back"),
    "marker-taken": About(_E, "the marker of hidden cells means something else already"),
    "option-without-leave": About(
        _E,
        "an option that lets more be told, without the floor's leave",
    ),
    "colluding-recipient": About(
        _E,
        "whoever gets a table is not among those who are one attacker",
    ),
    "colluding-narrowed": About(_W, "fewer than everybody count as one attacker"),
    "grid-open": About(
        _E,
        "periods that are not fixed, do not follow the dataset's date, or open too early",
    ),
    "grids-overlap": About(
        _E,
        "two tables of one dataset for one recipient are cut by periods that overlap without "
        "nesting",
    ),
    "margin-open": About(_E, "a total over open periods, or one that is the table itself"),
    "dominance-missing": About(_E, "a sum or a mean without a rule of dominance"),
    "dominance-weak": About(_E, "a rule of dominance that no sum breaks"),
    "dimensions-many": About(_W, "more than three dimensions"),
    "round-counts-only": About(_E, "rounding of what is no count"),
    "round-narrow": About(_E, "a rounded nought says more than a hidden count would"),
    "round-exceptions": About(_E, "an exception to suppression, where nothing is suppressed"),
    "where-field": About(_E, "a condition of a count by a field that may not be told"),
    "where-alone": About(_E, "a part without its whole, or a second part"),
    "unless-denominator": About(
        _E,
        "the whole beside which small counts are published is none of this table",
    ),
    "exempt-unknown": About(_E, "an exempt kind of cells that the table does not have"),
    "known-unknown": About(
        _E,
        "totals that are called public elsewhere, and are cells of this table or of no period",
    ),
    "keep-unknown": About(_E, "cells that are to be kept, and that the table cannot have"),
    "time-limit-long": About(_E, "a search that may take more than two minutes"),
    "ratio-leak": About(_E, "a percentage or a rate whose parts do not stand in the same table"),
    "percent-open": About(
        _E,
        "a percentage over what is no dimension, over periods, or over a sensitive field "
        "beside published noughts",
    ),
    "rate-open": About(_E, "a rate without people to be a rate of"),
    "impossible-unsaid": About(_E, "noughts that are no news, and nobody says which"),
    "impossible-unknown": About(
        _E,
        "a cell that is called impossible, and that the table could not have",
    ),
    "level-unknown": About(_E, "coarser levels that are no hierarchy"),
    "rung-unknown": About(_E, "a rung of the ladder that begins where nothing stands"),
    "noise-shape": About(_E, "noise on what is not one plain count of people"),
    "noise-open": About(_E, "noise in a table whose levels nobody lists"),
    "noise-budget": About(_E, "a budget that pays for no release"),
    "noise-loud": About(_W, "a budget above one"),
    "noise-absent": About(_E, "noise at a gateway that cannot draw it"),
    "waiver-invalid": About(
        _S,
        "a waiver that silences nothing: not of its form, of an unknown rule, of one that "
        "cannot be silenced, or without an end",
    ),
    "waiver-expired": About(_W, "a waiver whose last day has passed"),
    "waiver-unused": About(_I, "a waiver of what is not found there"),
    "provision-untested": About(
        _S,
        "a provision without a granted and a refused test, or a prohibition or a refusal that"
        " no test exercises",
    ),
    "fixture-has-real-data": About(_W, "a plausible number, name or birth date in a test"),
}
"""By the rule's id, in the order of the pages."""


def page(rule: str) -> str:
    """Return where a rule is explained, from the top of the repository; nothing of no rule."""
    return f"docs/lint/{rule}.md" if rule in ABOUT else ""
