"""The templates that ship: one for each common flow, by the name that `--template` takes."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from gateway.review.starting import Texts

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATES: Final[Mapping[str, str]] = {
    "referral": "People who agreed to be contacted after an overdose, for an offer of help.",
    "surveillance": "Overdose runs of EMS as a limited data set, for surveillance.",
    "police-responses": "Overdose responses of police, masked, for surveillance.",
    "seizures": "Drug seizures of police, by week and amount, for those who respond.",
    "alert": "What samples of the supply held, within two days, for those who respond.",
    "naloxone-counts": "Naloxone that was given out, as counts that hide small ones.",
    "outreach-counts": "People whom outreach met, as counts that hide small ones.",
    "drug-checking": "What samples that people brought in held, by week and county.",
    "emergency-counts": "Emergency visits for an overdose, as counts that hide small ones.",
    "emergency-visits": "Emergency visits for an overdose as a limited data set, for surveillance.",
    "treatment-episodes": "Episodes of treatment under 42 CFR Part 2, with each client's consent.",
    "reentry": "People who leave jail and agreed, to the programme that treats them.",
    "deaths": "Deaths by overdose, masked and in classes of five, for surveillance.",
    "fatality-review": "Deaths by overdose with the name, for the reviewers of a fatality review.",
    "dashboard": "Public figures by quarter and county, for whoever shows them.",
    "spike-alert": "Alerts of many overdoses, sent at once (push: no gateway loads it yet).",
}
"""Each with what it is for, in an officer's words."""


def texts(name: str) -> Texts:
    """Return a template with the parts that all share."""
    return Texts(
        about=TEMPLATES[name],
        head=_text("_agreement.yaml"),
        body=_text(f"{name}.yaml"),
        grants=_text(f"{name}.test.yaml"),
        refusals=_text("_refusals.test.yaml"),
        role=_text("_role.test.yaml"),
        table=_text("_table.test.yaml"),
        push=_text("_push.test.yaml"),
    )


def _text(name: str) -> str:
    return files("gateway.cli.flows").joinpath(name).read_text("utf-8")
