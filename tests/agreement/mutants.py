"""Edits of a signed county: one file, one change, made by whoever has no key to sign with."""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

import yaml

from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.deploy.county import COUNTY
from gateway.cli.deploy.write import Ports, write_deployment
from tests.fakes import FixedClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME: Final = "county-overdose-response"
FILE, SIGNED = f"{NAME}.yaml", f"{NAME}.sig.json"
KEPT: Final = frozenset({"_floor", "agencies", "purposes", "codes", NAME})
"""The files of the folder itself that stay: one agreement is edited, and looked at many times."""


@dataclass(frozen=True)
class Mutant:
    """One edit: what it is called, which file, and the new bytes; None removes the file."""

    name: str
    file: str
    data: bytes | None


NOW: Final = SystemClock().now()
"""When the county is signed, and when it is looked at: a long run is not later than its start."""


@cache
def signed() -> dict[str, bytes]:
    """Return the files of one signed agreement, without the datasets that no rule names."""
    folder = Path(mkdtemp()) / "county"
    ports = Ports(0, 0, {member.id: 0 for member in COUNTY})
    write_deployment(
        folder, clock=FixedClock(NOW), entropy=SystemEntropy(), origin="demo.invalid/x", ports=ports
    )
    home = folder / "agreements"
    named = (home / FILE).read_text() + (home / "_floor.yaml").read_text()
    # The floor prohibits by regime too, and a prohibition that meets nothing is an error.
    named += "treatment.episode"
    files = {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file()
        and (path.parent != home or path.name.partition(".")[0] in KEPT)
        and (path.parent.name != "datasets" or path.stem.partition("@")[0] in named)
    }
    shutil.rmtree(folder.parent)
    return files


def text(file: str = FILE) -> str:
    """Return a file of the signed county."""
    return signed()[file].decode()


# --- edits ----------------------------------------------------------------------------------------


def edit(name: str, old: str, new: str, file: str = FILE, count: int = 1) -> Mutant:
    """Return a mutant by replacement; the old text must be there."""
    assert old in text(file), (name, old)
    return Mutant(name, file, text(file).replace(old, new, count).encode())


def typos() -> Iterator[Mutant]:
    """Each key of the agreement's language, misspelt where it stands first."""
    bare = re.sub(r"(?m)(?:^|\s)#.*$", lambda found: " " * len(found[0]), text())
    keys = dict.fromkeys(re.findall(r"(?<=[{\s,])([a-z_]+|apiVersion)(?=: )", bare))
    for key in keys:
        found = re.search(rf"(?<=[{{\s,]){key}(?=: )", bare)
        assert found is not None
        begin, end = found.span()
        yield Mutant(
            f"key {key} misspelt",
            FILE,
            (text()[:begin] + key[:-1] + ("x" if key[-1] != "x" else "y") + text()[end:]).encode(),
        )


WORDS: Final = (
    ("op: within", "op: without"),
    ("op: in,", "op: any,"),
    ("op: eq", "op: like"),
    ("is: granted", "is: presumed"),
    ("is: absent", "is: ignored"),
    ("shape: record", "shape: raw"),
    ("shape: aggregate", "shape: table"),
    ("mode: pull", "mode: copy"),
    ("{truncate: hour}", "{truncate: instant}"),
    ("{truncate: month}", "{truncate: day_of_month}"),
    ("{geo: {to: state}}", "{geo: {to: house}}"),
    ("method: hmac", "method: md5"),
    ("scope: provision", "scope: world"),
    ("rotate: P1Y", "rotate: never"),
    ("zeros: publish", "zeros: guess"),
    ("margins: none", "margins: some"),
    ("release: once", "release: twice"),
    ("colluding: all", "colluding: nobody"),
    ("dominance: none", "dominance: maybe"),
    ("complementary: true", "complementary: maybe"),
    ("marker: suppressed", "marker: 7"),
    ("type: authorization", "type: wish"),
    ("profile: lds", "profile: none"),
    ("profile: identified", "profile: anonymous"),
    ("reidentify: forbid", "reidentify: try"),
    ("contact: forbid", "contact: maybe"),
    ("publish: forbid", "publish: yes"),
    ("accounting: required", "accounting: later"),
    ("witness: none", "witness: required"),
    ("apiVersion: accord/v1", "apiVersion: accord/v2"),
    ("kind: Agreement", "kind: Floor"),
    ("timezone: America/New_York", "timezone: Mars/Base"),
    ("{count_distinct: participant_code}", "{count: participant_code}"),
    ("{sum: kits}", "{max: kits}"),
    ("person_id: count_only", "person_id: count_all"),
    ("mode: pull", "mode: push"),
    ("review: none", "review: steward"),
    ("{map: y92_group}", "{map: y92_groups}"),
    ("zip3@1", "zip3@9"),
    ("notice: seizure@1", "notice: seizure@2"),
    ("dataset: ems.overdose_run@1", "dataset: ems.overdose_run@2"),
    ("pcr_uuid: {pseudonym", "pcr_uuid: {nickname"),
)
"""Words of the closed language, each replaced by one that is not in it, or not built."""


def words() -> Iterator[Mutant]:
    """Unknown operands, operators, masks and enumerations."""
    for old, new in WORDS:
        yield edit(f"{old} becomes {new}", old, new)


PROVISIONS: Final = tuple(f"P{number}-" for number in range(1, 8))


def _provisions() -> list[tuple[str, int, int]]:
    """Return (id, begin, end) of each provision's text."""
    places = [match.start() for match in re.finditer(r"  - id: P\d", text())]
    ends = [*places[1:], len(text())]
    return [
        (text()[begin + 8 : begin + 10], begin, end)
        for begin, end in zip(places, ends, strict=True)
    ]


def within(name: str, begin: int, end: int, old: str, new: str) -> Mutant:
    """Return a mutant of one provision."""
    part = text()[begin:end]
    assert old in part, (name, old)
    return Mutant(name, FILE, (text()[:begin] + part.replace(old, new, 1) + text()[end:]).encode())


def flows() -> Iterator[Mutant]:
    """Each provision for another recipient, provider, dataset or purpose."""
    for one, begin, end in _provisions():
        flow = yaml.safe_load(text()[begin:end])[0]["flow"]
        for party in sorted({"ems", "police", "phd", "hro"} - {flow["to"]}):
            yield within(f"{one} goes to {party}", begin, end, f"to: {flow['to']}", f"to: {party}")
        for party in sorted({"ems", "police", "phd", "hro"} - {flow["from"]})[:1]:
            yield within(
                f"{one} comes from {party}", begin, end, f"from: {flow['from']}", f"from: {party}"
            )
        purpose = flow["purpose"][0]
        for other in ("research.approved_study", "enforcement.investigation", "public_health"):
            yield within(
                f"{one} serves {other}", begin, end, f"[{purpose}]", f"[{purpose}, {other}]"
            )


def masks() -> Iterator[Mutant]:
    """Each mask of each provision weakened to `pass`; and weaker arguments."""
    for one, begin, end in _provisions():
        read = yaml.safe_load(text()[begin:end])[0]
        for field, mask in read["release"].items():
            if mask == "pass":
                continue
            spelt = mask if isinstance(mask, str) else None
            found = re.search(
                rf"\b{field}: ({re.escape(spelt) if spelt else r'{(?:[^{}]|{[^{}]*})*}'})",
                text()[begin:end],
            )
            assert found is not None, (one, field)
            yield within(f"{one} passes {field}", begin, end, found[0], f"{field}: pass")
    for old, new in (
        ("width: 5", "width: 1"),
        ("topcode: 90", "topcode: 120"),
        ("cuts: [0, 8, 12, 20]", "cuts: [0, 1, 2, 3]"),
        ("{truncate: hour}", "{truncate: minute}"),
        ("{truncate: week_iso}", "{truncate: day}"),
        ("{geo: {to: state}}", "{geo: {to: county}}"),
        ('{round: "0.5"}', '{round: "0.1"}'),
        ("scope: provision", "scope: agreement"),
        ("min_cell: 11", "min_cell: 2"),
        ("min_interval: 9", "min_interval: 1"),
        ("complementary: true", "complementary: false"),
        ("lag: P15D", "lag: P1D"),
        ("period: P1M", "period: P1D"),
        ("history: P5Y", "history: P1D"),
        ("unit: participant_code", "unit: site_id"),
    ):
        yield edit(f"weaker: {new}", old, new)


def lists() -> Iterator[Mutant]:
    """Each provision with a withheld field forgotten, released as well, or released instead."""
    for one, begin, end in _provisions():
        read = yaml.safe_load(text()[begin:end])[0]
        for field in (read["withhold"][0], read["withhold"][1]):
            yield within(f"{one} forgets {field}", begin, end, f"{field}, ", "")
            instead = text()[begin:end].replace(f"{field}, ", "", 1)
            instead = instead.replace("release: {", f"release: {{{field}: pass, ", 1)
            data = text()[:begin] + instead + text()[end:]
            yield Mutant(f"{one} releases {field}", FILE, data.encode())
            yield within(
                f"{one} has {field} twice", begin, end, "release: {", f"release: {{{field}: pass, "
            )


def terms() -> Iterator[Mutant]:
    """Raised limits, longer terms, dropped conditions, lighter duties, weaker prohibitions."""
    for one, begin, end in _provisions():
        part = text()[begin:end]
        for limit in ("requests_per_minute", "rows_per_request", "rows_per_day"):
            found = re.search(rf"{limit}: (\d+)", part)
            assert found is not None
            yield within(f"{one} {limit}", begin, end, found[0], f"{limit}: {int(found[1]) * 10}")
        for duty, new in (
            ("delete_after: P", "delete_after: P9"),
            ("onward: none", "onward: [phd]"),
        ):
            yield within(f"{one} {duty}", begin, end, duty, new)
        when = re.search(r"    when:\s*(?:\[.*\]|(?:\n      - .*)+)\n", part)
        assert when is not None
        yield within(f"{one} without conditions", begin, end, when[0], "    when: []\n")
    for old, new in (
        ("{role: [epidemiologist]}", "{role: [epidemiologist, detective]}"),
        ("value: PT72H", "value: PT720H"),
        ("value: P400D", "value: P4000D"),
        ("value: P60D", "value: P600D"),
        ("[requested, received]", "[requested, received, closed]"),
        ("      - {consent: care.post_overdose_outreach, is: granted}\n", ""),
        ("      - {opt_out: care.post_overdose_outreach, is: absent}\n", ""),
        ("automated: false", "automated: true"),
        ("log: {retain: P6Y", "log: {retain: P1Y"),
        (
            "to_kind: [law_enforcement, prosecutor, corrections, immigration], onward: true}",
            "to_kind: [prosecutor], onward: true}",
        ),
        ("police.overdose_response.revive_action", "police.overdose_response.survived"),
        ("agency: rivertown-pd", "agency: rivertown-health"),
        ("kind: law_enforcement", "kind: public_health"),
        ("id: county-overdose-response", "id: county"),
        ('version: "1.0.0"', 'version: "2.0.0"'),
    ):
        yield edit(f"{old.strip()[:40]} becomes {new[:40]}", old, new)


def twice() -> Iterator[Mutant]:
    """Keys that stand twice, in the block and in the flow style."""
    for key in ("id", "title", "term", "parties", "never", "log", "compelled", "provisions"):
        value = re.search(rf"^{key}:.*$", text(), re.MULTILINE)
        assert value is not None
        line = value[0] if value[0].rstrip() != f"{key}:" else f"{key}: []"
        yield Mutant(f"{key} twice", FILE, (text() + "\n" + line + "\n").encode())
    yield edit("a flow key twice", "limits: {requests", "limits: {rows_per_day: 9, requests")
    yield edit("a provision twice", "  - id: P2-", "  - id: P1-outreach-referral\n  - id: P2-")
    yield edit("an id twice", "id: P2-seizures-for-responders", "id: P1-outreach-referral")
    yield edit(
        "a released field twice",
        "release: {referral_id: pass",
        "release: {referral_id: pass, referral_id: pass",
    )
    yield edit(
        "a withheld field twice",
        "withhold: [source_agency",
        "withhold: [source_agency, source_agency",
    )


def tricks() -> Iterator[Mutant]:
    """What YAML can do that a signed text must not."""
    own = text()
    yield edit("an anchor", "never:", "never: &n")
    yield Mutant("an alias", FILE, own.replace("log: {", "x: &x 1\ny: *x\nlog: {", 1).encode())
    yield edit("a merge key", "limits: {requests", "limits: {<<: {rows_per_day: 1}, requests")
    yield edit("a tag", "rows_per_day: 200}", "rows_per_day: !!int 200}")
    yield edit("a Python tag", "rows_per_day: 200}", "rows_per_day: !!python/int 200}")
    yield edit("an octal number", "rows_per_day: 200}", "rows_per_day: 0200}")
    yield edit("a hexadecimal number", "rows_per_day: 200}", "rows_per_day: 0x200}")
    yield edit("a number with lines", "rows_per_day: 200}", "rows_per_day: 2_000}")
    yield edit("a float", "rows_per_day: 200}", "rows_per_day: 2e3}")
    yield edit("a base 60 number", "rows_per_day: 200}", "rows_per_day: 3:20}")
    yield edit("a text for a number", "rows_per_day: 200}", 'rows_per_day: "200"}')
    yield edit("yes", "automated: false", "automated: no")
    yield edit("null", "duties: {delete_after: P90D", "duties: {delete_after: ~")
    yield edit("nothing", "duties: {delete_after: P90D", "duties: {delete_after: ")
    yield edit("a bare date", 'effective: "', "effective: 2020-01-01 #")
    yield Mutant("two documents", FILE, (own + "---\n" + own).encode())
    yield Mutant("a document end", FILE, (own + "...\nmore: 1\n").encode())
    yield Mutant("a byte order mark", FILE, b"\xef\xbb\xbf" + own.encode())
    yield Mutant("UTF-16", FILE, own.encode("utf-16"))
    yield Mutant("Latin 1", FILE, own.replace("Rivertown County", "Rivért").encode("latin-1"))
    yield Mutant("a directive", FILE, ("%YAML 1.1\n---\n" + own).encode())
    yield Mutant("a tab", FILE, own.replace("    clause:", "\tclause:", 1).encode())
    yield Mutant("a null byte", FILE, own.replace("title: R", "title: \0R", 1).encode())
    yield Mutant("nothing at all", FILE, b"")
    yield Mutant("a list", FILE, b"- 1\n")
    yield Mutant("deep nesting", FILE, (own + "x: " + "[" * 500 + "]" * 500 + "\n").encode())
    yield Mutant("a million characters", FILE, (own + "# " + "x" * 2_000_000 + "\n").encode())
    yield edit("a letter that looks alike", "rivertown-pd", "rivertown-\u0440d")
    yield edit("a quoted key of another spelling", "limits: {", '"lim\\u0069ts2": {')
    yield edit("a complex key", "never:", "? [never]\n:")


def _statements(file: str) -> list[dict[str, Any]]:
    value = json.loads(signed()[file])
    found: list[dict[str, Any]] = value["statements"] if isinstance(value, dict) else value
    return found


def _with_statements(name: str, file: str, several: list[dict[str, Any]]) -> Mutant:
    value = json.loads(signed()[file])
    if isinstance(value, dict):
        value["statements"] = several
    else:
        value = several
    return Mutant(name, file, json.dumps(value).encode())


def signatures() -> Iterator[Mutant]:
    """Each signature removed, swapped, bent, or said to mean something else."""
    yield Mutant("no signature file", SIGNED, None)
    several = _statements(SIGNED)
    for place, one in enumerate(several):
        rest = several[:place] + several[place + 1 :]
        who = one["agency"]
        yield _with_statements(f"without the signature of {who}", SIGNED, rest)
        raw = bytearray(base64.b64decode(one["sig"]))
        raw[7] ^= 1
        bent = one | {"sig": base64.b64encode(bytes(raw)).decode()}
        yield _with_statements(f"a bent signature of {who}", SIGNED, [*rest, bent])
        other = several[place - 1]
        yield _with_statements(
            f"another's signature for {who}", SIGNED, [*rest, one | {"sig": other["sig"]}]
        )
        yield _with_statements(
            f"{who} signs in another's name", SIGNED, [*rest, other | {"agency": who}]
        )
        yield _with_statements(f"{who} resumes", SIGNED, [*rest, one | {"action": "resume"}])
        yield _with_statements(
            f"{who} signs later", SIGNED, [*rest, one | {"time": "2199-01-01T00:00:00Z"}]
        )
    for name in ("_floor", "agencies", "purposes"):
        file = f"{name}.sig.json"
        yield Mutant(f"no signatures of {name}", file, None)
        # Three of four are the quorum.
        yield _with_statements(f"two signatures of {name}", file, _statements(file)[:2])
    yield Mutant("no JSON", SIGNED, b"{")
    yield Mutant("signatures of the floor", SIGNED, signed()["_floor.sig.json"])


FLOOR: Final = (
    ("min_cell: 11", "min_cell: 2"),
    ("term: P1Y", "term: P9Y"),
    ("rows_per_day: 1000000", "rows_per_day: 9000000"),
    ("signatures: 3", "signatures: 1"),
    ("shape: [record], ", ""),
    (
        "to_kind: [law_enforcement, prosecutor, immigration], onward: true}",
        "to_kind: [immigration], onward: true}",
    ),
    ("purpose: [enforcement]", "purpose: [transparency]"),
    ("free_text: true", "free_text: false"),
    ("at_least: withhold", "at_least: redact"),
    ("complementary: true", "complementary: false"),
    (
        "agencies: [rivertown-ems, rivertown-health, rivertown-pd, safe-steps]",
        "agencies: [rivertown-pd, safe-steps, rivertown-ems]",
    ),
    ("kind: Floor", "kind: Agreement"),
)


def others() -> Iterator[Mutant]:
    """The floor, the registry, the purposes, the datasets, the codes and the notices, edited."""
    for old, new in FLOOR:
        yield edit(f"floor: {new}", old, new, "_floor.yaml")
    for file in ("_floor.yaml", "agencies.yaml", "purposes.yaml", "codes.yaml"):
        yield Mutant(f"no {file}", file, None)
    for old, new in (
        ("kind: law_enforcement", "kind: public_health"),
        ("san: [gateway.pd.example]", "san: [gateway.phd.example]"),
        ("signatures: 1", "signatures: 0"),
        ("hipaa: covered_entity", "hipaa: none"),
        ("valid: P1Y", "valid: P9Y"),
        ("rivertown-health:", "rivertown-helth:"),
        ("algorithms: [ES256]", "algorithms: [none]"),
        ("part2: none", "part2: program"),
    ):
        yield edit(f"registry: {new}", old, new, "agencies.yaml")
    for old, new in (
        ("identity: needed", "identity: forbidden"),
        ("public_health.surveillance:", "public_health.watching:"),
        ("identity: forbidden", "identity: allowed"),
    ):
        yield edit(f"purposes: {new}", old, new, "purposes.yaml")
    for file, old, new in (
        ("datasets/ems.overdose_run@1.yaml", "class: direct_identifier", "class: operational"),
        ("datasets/ems.overdose_run@1.yaml", "means: record_id", "means: other"),
        ("datasets/ems.overdose_run@1.yaml", "Y92.0: home", "Y92.0: exactly_here"),
        ("datasets/referral.post_overdose@1.yaml", "means: opt_out", "means: other"),
        ("datasets/referral.post_overdose@1.yaml", "means: consent,", "means: other,"),
        (
            "datasets/referral.post_overdose@1.yaml",
            "time_precision: per_record",
            "time_precision: instant",
        ),
        ("datasets/police.overdose_response@1.yaml", "unmapped: unknown", "unmapped: other"),
        ("datasets/police.overdose_response@1.yaml", "provider_kinds: [", "provider_kinds: [ems, "),
        ("datasets/police.drug_seizure@1.yaml", "event_date: incident_date", "event_date: none"),
        ("datasets/harm_reduction.naloxone_distribution@1.yaml", "unit: ", "unit: site_id #"),
        (
            "datasets/harm_reduction.outreach_contact@1.yaml",
            "class: quasi_identifier",
            "class: operational",
        ),
        ("datasets/public_health.ed_overdose_visit@1.yaml", "means: person_id", "means: other"),
    ):
        yield edit(f"{file}: {new}", old, new, file)
        yield Mutant(f"no {file}", file, None)
    for file in sorted(name for name in signed() if name.startswith("notices/")):
        stem = Path(file).stem
        if f"notice: {stem}" in text():
            yield Mutant(f"{file} reworded", file, signed()[file] + b"\nYou may do as you like.\n")
            yield Mutant(f"no {file}", file, None)
    yield (
        edit("codes: a value more", "values: [", "values: [anything, ", "codes.yaml")
        if ("values: [" in text("codes.yaml"))
        else Mutant("codes emptied", "codes.yaml", b"")
    )


SETS: Final[dict[str, Callable[[], Iterator[Mutant]]]] = {
    "typos": typos,
    "words": words,
    "flows": flows,
    "masks": masks,
    "lists": lists,
    "terms": terms,
    "twice": twice,
    "tricks": tricks,
    "signatures": signatures,
    "others": others,
}


@cache
def mutants(name: str) -> tuple[Mutant, ...]:
    """Return the mutants of one set, each once."""
    return tuple({one.data: one for one in SETS[name]()}.values())
