"""What the demo asks for: seven requests, told as an officer would tell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Scene:
    """One request, and how to show it.

    Attributes:
        about: One or two sentences: what is at stake.
        fields: What is asked for.
        held: Which of the provider's files answer it: a function of `held`, by name.
        pairs: (label of the native record, field of the dataset); a field that is not asked for is
            shown as withheld.
        counts: The answer is a table of counts.
        refused: The reason of the refusal that it must end in, or empty.
        absent: (case of the county, who that is): a record whose key must not arrive, by the first
            of the fields.
    """

    title: str
    about: str
    provider: str
    recipient: str
    dataset: str
    purpose: str
    fields: Sequence[str]
    held: str = ""
    pairs: Sequence[tuple[str, str]] = ()
    counts: bool = False
    refused: str = ""
    absent: tuple[str, str] | None = None


SCENES: Sequence[Scene] = (
    Scene(
        "Police warn ambulance crews of what is on the street",
        "Crews need the drug, the amount and the week. They do not need the case.",
        provider="rivertown-pd",
        recipient="rivertown-ems",
        dataset="police.drug_seizure@1",
        purpose="safety.responder_alert",
        fields=(
            "incident_date", "suspected_drug_type", "quantity_grams", "county_fips",
            "location_type",
        ),
        held="seizures",
        pairs=(
            ("incident_date", "incident_date"),
            ("suspected_drug_type", "suspected_drug_type"),
            ("estimated_quantity", "quantity_grams"),
            ("county_fips", "county_fips"),
            ("location_type", "location_type"),
            ("incident_number", "incident_number"),
            ("criminal_activity", "criminal_activity"),
            ("agency_ori", "agency_ori"),
        ),
    ),
    Scene(
        "The health department follows overdoses without names",
        "One person's runs can be told to belong together; nobody can tell whose they are.",
        provider="rivertown-ems",
        recipient="rivertown-health",
        dataset="ems.overdose_run@1",
        purpose="public_health.surveillance",
        fields=(
            "pcr_uuid", "incident_date", "unit_notified_at", "age", "sex", "patient_home_zip",
            "naloxone_status", "naloxone_total_mg", "fatal",
        ),
        held="runs",
        pairs=(
            ("report UUID", "pcr_uuid"),
            ("eTimes.03 notified", "unit_notified_at"),
            ("ePatient.15 age", "age"),
            ("ePatient.25 sex", "sex"),
            ("ePatient.09 home ZIP", "patient_home_zip"),
            ("eMedications naloxone", "naloxone_total_mg"),
            ("ePatient.02/.03 name", "patient_last_name"),
            ("ePatient.18 phone", "patient_phone"),
            ("eScene.15 address", "scene_address"),
            ("eNarrative.01", "narrative"),
        ),
    ),
    Scene(
        "The health department counts naloxone, never people",
        "Cells of 1 to 10 people are suppressed, and so is what would give them back.",
        provider="safe-steps",
        recipient="rivertown-health",
        dataset="harm_reduction.naloxone_distribution@1",
        purpose="public_health.surveillance",
        fields=("distributed_on", "site_id", "naloxone_product", "participant_code", "kits"),
        held="naloxone",
        counts=True,
    ),
    Scene(
        "Outreach workers get a name and a number, because the person said yes",
        "Only the outreach agency may pull it, only by its outreach workers, only within 72 hours.",
        provider="rivertown-ems",
        recipient="safe-steps",
        dataset="referral.post_overdose@1",
        purpose="care.post_overdose_outreach",
        fields=(
            "referral_id", "person_first_name", "person_last_name", "person_phone", "overdose_at",
            "safety_flag",
        ),
        held="referrals",
        pairs=(
            ("ServiceRequest.identifier", "referral_id"),
            ("Patient.name.given", "person_first_name"),
            ("Patient.name.family", "person_last_name"),
            ("Patient.telecom", "person_phone"),
            ("occurrenceDateTime", "overdose_at"),
            ("safety-flag", "safety_flag"),
            ("Patient.birthDate", "person_dob"),
            ("Consent.identifier", "consent_id"),
        ),
        absent=("referral.opted_out", "the person who opted out"),
    ),
    Scene(
        "Police ask for that same referral",
        "No agreement can permit it: the county's floor beats every provision.",
        provider="rivertown-ems",
        recipient="rivertown-pd",
        dataset="referral.post_overdose@1",
        purpose="care.post_overdose_outreach",
        fields=("referral_id", "person_first_name", "person_last_name", "person_phone"),
        refused="PROHIBITED",
    ),
    Scene(
        "A study asks for the runs that surveillance may see",
        "Same agencies, same records, another purpose: what no provision names does not leave.",
        provider="rivertown-ems",
        recipient="rivertown-health",
        dataset="ems.overdose_run@1",
        purpose="research.approved_study",
        fields=("incident_date", "age", "naloxone_status"),
        refused="NO_PROVISION",
    ),
    Scene(
        "The same counts, asked for again",
        "Two tables of one month can be subtracted from each other, so a month leaves once.",
        provider="safe-steps",
        recipient="rivertown-health",
        dataset="harm_reduction.naloxone_distribution@1",
        purpose="public_health.surveillance",
        fields=("distributed_on", "site_id", "naloxone_product", "participant_code"),
        refused="CELL_RELEASED",
    ),
)  # fmt: skip
