"""The scan over batches, and the guard around every adapter."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from adapters import canonical
from adapters.base import Record, Report, RowAdapter, read_settings
from adapters.identities.codes import check
from adapters.identities.guard import REASON, Guarded, IdentitySettings, MisplacedError
from adapters.identities.scan import DETECTORS, Scanner, Terms
from gateway.errors import Reason, SettingsError, SourceError
from gateway.plan.pushdown import arrow_schema
from gateway.values import DatasetId, FieldType
from tests.adapters.contract import AdapterContract, a_scan, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.base import Adapter
    from gateway.plan.pushdown import Scan

RUNS = DatasetId("ems.overdose_run", 1)
TEXT = frozenset([FieldType.STRING, FieldType.CODE, FieldType.LIST])

ROW: dict[str, Any] = {
    "pcr_uuid": "00000000-0000-7000-8000-000000000001",
    "pcr_number": "PCR-7700123",
    "incident_number": "F-2600917",
    "patient_id": "SYN-00017",
    "patient_last_name": "Quibbleton",
    "patient_first_name": "Zaylor",
    "patient_dob": dt.date(1985, 3, 4),
    "patient_phone": ("(215) 555-0123",),
    "patient_home_address": "1423 N Lincoln St Apt 4",
    "incident_date": dt.date(2026, 1, 5),
    "sex": "female",
    "source_system": "nemsis-3.5.1",
}
"""A synthetic patient: nobody."""


class Memory(RowAdapter):
    """An adapter over rows in memory."""

    max_unknown_share = 1.0

    def __init__(self, rows: list[dict[str, Any]], dataset: DatasetId = RUNS) -> None:
        self.held = rows
        self.dataset = dataset

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (self.dataset,)

    def rows(self, dataset: DatasetId, wanted: frozenset[str], report: Report) -> Iterator[Record]:
        """Yield what is held."""
        yield from self.held


def clean(number: int) -> dict[str, Any]:
    """Return a row of somebody else, with nothing misplaced."""
    return {
        "pcr_uuid": f"00000000-0000-7000-8000-{number:012}",
        "pcr_number": f"PCR-{8800000 + number}",
        "incident_date": dt.date(2026, 1, 6),
        "destination_code": "H-012",
        "source_system": "nemsis-3.5.1",
    }


def guarded(rows: list[dict[str, Any]], **settings: object) -> Guarded:
    """Return an adapter over rows, guarded."""
    return Guarded(Memory(rows), read_settings(IdentitySettings, {"max_share": 0.5, **settings}))


def seen(adapter: Adapter, *columns: str) -> tuple[list[dict[str, Any]], Report]:
    """Return what leaves of a scan, and its report."""
    report = Report()
    return read(adapter, a_scan(RUNS, columns), report), report


class TestTheGuardKeepsTheContract(AdapterContract):
    """A guarded adapter is an adapter like any other."""

    @pytest.fixture
    def adapter(self) -> Adapter:
        """Return eight rows of nobody, guarded."""
        return guarded([ROW, *map(clean, range(2, 9))])


@pytest.mark.parametrize(
    ("value", "detector"),
    [
        ("seen with Quibbleton", "own-name"),
        ("quibbleton_z", "own-name"),
        ("ZAYLOR", "own-name"),
        ("card says Mar 4 1985", "own-dob"),
        ("4/3/85", "own-dob"),
        ("215.555.0123", "own-phone"),
        ("555-0123", "own-phone"),
        ("room at 1423 Lincoln", "own-address"),
        ("pcr7700123", "own-number"),
        ("SSN 219-09-9999", "ssn"),
        ("call 267-555-0142", "phone"),
        ("a.person@example.org", "email"),
        ("DOB 7/8/1990", "dob"),
        ("99 Maple Ave", "address"),
        ("plate KLM-4821", "plate"),
        ("MRN 00482913", "record-number"),
        ("Jennifer Morales", "name"),
        ("born third of May nineteen eighty", "dob"),
        ("DOB May twenty-first, two thousand and one", "dob"),
        ("nació el veintitrés de mayo de mil novecientos ochenta", "dob"),
        ("DOB 05 03 1980", "dob"),
        ("dob 0 5 / 0 3 / 1 9 8 0", "dob"),
        ("call 5 5 5 / 0 1 3 4", "phone"),
        ("215 / 555 / 0134", "phone"),
        ("two one five five five five oh one three four", "phone"),
        ("call \uff12\uff11\uff15-\uff15\uff15\uff15-\uff10\uff11\uff13\uff14", "phone"),
        ("call \u0662\u0661\u0665-555-0134", "phone"),
        ("SSN 219 / 09 / 9999", "ssn"),
        ("2 1 9 - 0 9 - 9 9 9 9", "ssn"),
        ("2\u200b19-0\u200d9-99\ufeff99", "ssn"),
        ("Jenni\u200bfer Mor\u00adales", "name"),
        ("J\u200cennifer \U000e0041Morales", "name"),
        ("fourth of March nineteen eighty five", "own-dob"),
        ("the 4th of March nineteen-eighty-five", "own-dob"),
        ("2 1 5 5 5 5 0 1 2 3", "own-phone"),
        ("Quib\u2060bleton", "own-name"),
    ],
)
def test_an_identity_in_a_facility_field_keeps_the_row(value: str, detector: str) -> None:
    """The row stays, is counted as one number, and told by field and detector, never by value."""
    adapter = guarded([{**ROW, "destination_code": value}, clean(2)])

    rows, report = seen(adapter, "destination_code", "sex")

    assert [{"destination_code": "H-012", "sex": None}] == rows
    assert {REASON: 1} == report.quarantined
    assert 1 == report.notices[f"misplaced-{detector}", "destination_code"]
    assert value not in repr(report)


def test_identifiers_are_read_for_the_check_and_never_leave() -> None:
    """What the guard reads beside the scan is not in its batches."""
    adapter = guarded([ROW, clean(2)])

    batches = list(adapter.scan(a_scan(RUNS, ("destination_code",)), Report()))

    assert [["destination_code"]] == [batch.schema.names for batch in batches]
    assert b"Quibbleton" not in b"".join(
        buffer.to_pybytes()
        for batch in batches
        for column in batch.columns
        for buffer in column.buffers()
        if buffer is not None
    )


@pytest.mark.parametrize(
    "value",
    [
        *("Jackson Memorial", "Lincoln St", "Narcan 4 mg", "T40.2X1A", "kit lot 215-555-0198"),
        *(
            "BP 120 / 80",
            "GCS 4 / 5 / 6",
            "RR 1 2 / 1 4 / 1 6 / 1 8",
            "kit lot 2 1 5 5 5 5 0 1 9 8",
        ),
        *(
            "lot 215 / 555 / 0198",
            "at 14 32 and 14 40",
            "two then one then two more",
            "0 . 4 mg x 2",
        ),
        *("third of May event", "born in an ambulance at three", "twenty twenty vision"),
        *("seen 3/4/2026", "H-1423", "988", "1-800-222-1222", "Engine 45 Lincoln St", "Hamilton"),
    ],
)
def test_what_only_looks_like_one_goes_on(value: str) -> None:
    """Hospitals, streets, drugs, codes, lots and dates of other things are no identities."""
    rows, report = seen(guarded([{**clean(2), "destination_code": value}]), "destination_code")

    assert [{"destination_code": value}] == rows
    assert not report.quarantined


def test_a_direct_identifier_that_is_released_is_not_looked_into() -> None:
    """A name belongs in a name field: whether it leaves is the agreement's to say."""
    rows, _ = seen(guarded([ROW]), "patient_last_name", "patient_phone")

    assert [{"patient_last_name": "Quibbleton", "patient_phone": ["(215) 555-0123"]}] == rows


def test_a_person_is_found_by_what_another_of_its_rows_knows() -> None:
    """A row without the name is kept too where the same person's other row has it."""
    other = {**clean(2), "patient_id": "SYN-00017", "destination_code": "c/o Quibbleton"}
    stranger = {**clean(3), "patient_id": "SYN-00018", "destination_code": "H-013"}

    rows, report = seen(guarded([ROW, other, stranger]), "destination_code")

    assert [None, "H-013"] == [row["destination_code"] for row in rows]
    assert 1 == report.notices["misplaced-own-name", "destination_code"]


@pytest.mark.parametrize("batch_rows", [1, 3, 8192])
def test_what_is_found_does_not_depend_on_the_size_of_batches(batch_rows: int) -> None:
    """A recipient that asks for single rows learns no more than another."""
    other = {**clean(2), "patient_id": "SYN-00017", "destination_code": "c/o Quibbleton"}
    adapter = guarded([ROW, other, *map(clean, range(3, 9))])

    batches = list(
        adapter.scan(
            a_scan(RUNS, ("pcr_uuid", "destination_code"), batch_rows=batch_rows), Report()
        )
    )

    assert 7 == sum(batch.num_rows for batch in batches)
    assert all(0 < batch.num_rows <= batch_rows for batch in batches)


def test_one_row_of_a_hundred_goes_and_two_stop_the_scan() -> None:
    """The share is of at least 100 rows, 1 % where nothing else is set; above it nothing leaves."""
    bad = [{**clean(n), "destination_code": f"c/o Jennifer Morales {n}"} for n in (1, 2)]
    others = [clean(number) for number in range(3, 101)]

    one = Guarded(Memory([bad[0], *others]))
    assert 98 == len(read(one, a_scan(RUNS, ("destination_code",))))
    report = Report()
    with pytest.raises(MisplacedError, match="`destination_code`") as caught:
        read(Guarded(Memory([*bad, *others])), a_scan(RUNS, ("destination_code",)), report)

    assert (2, 100, Reason.PROVIDER_REFUSED) == (
        caught.value.held,
        caught.value.rows,
        caught.value.reason,
    )
    assert "Morales" not in f"{caught.value}{caught.value.variables}{report}"


def test_a_batch_of_which_nothing_goes_on_is_not_sent() -> None:
    """An empty batch would break the plan."""
    rows = [{**ROW, "destination_code": "Quibbleton"}]

    assert [] == list(guarded(rows).scan(a_scan(RUNS, ("destination_code",)), Report()))


def test_the_providers_own_places_are_no_names() -> None:
    """A place that looks like a person is kept out of it by the settings, as a whole phrase."""
    rows = [
        {**clean(1), "destination_code": text} for text in ("Jennifer Morales", "Jennifer Lopez")
    ]

    left, _ = seen(guarded(rows, places=["Jennifer Morales"]), "destination_code")

    assert ["Jennifer Morales"] == [row["destination_code"] for row in left]


def test_record_numbers_of_the_provider_are_found_by_their_shape() -> None:
    """A shape of the settings is a finding wherever it stands."""
    rows = [{**clean(1), "destination_code": "ward QX-77-1234"}]

    shapes = [r"\bQX-\d\d-\d{4}\b"]
    left, report = seen(guarded(rows, record_numbers=shapes), "destination_code")

    assert [] == left
    assert 1 == report.notices["misplaced-record-number", "destination_code"]


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"max_share": 0.51}, "max_share"),
        ({"max_share": -0.01}, "max_share"),
        ({"off": True}, "off"),
        ({"places": ["12 34"]}, "places"),
        ({"record_numbers": ["([0-9]"]}, "record_numbers"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], key: str) -> None:
    """A share above a half, a key that is not known, a place without a word, a broken shape."""
    with pytest.raises(SettingsError, match=f"`.*{key}`"):
        Guarded(Memory([]), read_settings(IdentitySettings, settings))


class _Other(Memory):
    """An adapter that sends what it likes."""

    def scan(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        """Return a batch that nobody asked for."""
        schema = arrow_schema((("destination_code", FieldType.STRING),))
        return iter([pa.RecordBatch.from_pydict({"destination_code": ["x"]}, schema)])


def test_an_adapter_that_leaves_the_identifiers_out_is_stopped() -> None:
    """Without them the check could not be made: the guard fails closed."""
    with pytest.raises(SourceError) as caught:
        list(Guarded(_Other([])).scan(a_scan(RUNS, ("destination_code",)), Report()))

    assert Reason.ADAPTER_BROKE_PLAN == caught.value.reason


def test_code_fields_alone_need_no_identifiers() -> None:
    """A scan of codes reads not one identifier, and valid codes never hit."""
    columns = [("sex", FieldType.CODE), ("scene_zip", FieldType.STRING), ("age", FieldType.INTEGER)]
    scanner = Scanner(RUNS, columns, Terms())
    batch = pa.RecordBatch.from_pydict(
        {"sex": ["female", None], "scene_zip": ["19134-1234", "1901"], "age": [30, 31]},
        arrow_schema(columns),
    )

    assert ((), (), ("sex", "scene_zip")) == (
        scanner.needed,
        scanner.look(batch).rows,
        scanner.columns,
    )


@pytest.mark.parametrize(
    ("codes", "code", "other"),
    [
        ("FDA UNII", "UF599785JZ", "WASHINGTON"),
        ("FDA UNII", "QXVWZKJHGB", "RICHARDSON"),
        ("NPI or OID", "1234567893", "2155550142"),
        ("NPI or OID", "2.16.840.1", "1234567890"),
        ("CAS RN", "437-38-7", "1985-03-4"),
        ("CAS RN", "58-08-2", "58-08-3"),
        ("PubChem CID", "3345", "2155550142"),
        ("PubChem CID", "199999999", "219099999"),
        ("US ZIP", "19134-1234", "\uff11\uff19\uff11\uff13\uff14"),
    ],
)
def test_what_only_looks_like_a_code_is_none(codes: str, code: str, other: str) -> None:
    """A form alone lets names and phones through: check digits, and the lists of names, do not."""
    is_code, closed = check(codes)

    assert [True, False, False] == [is_code(code), is_code(other), closed]


@pytest.mark.parametrize("value", ["Quibbleton", "215-555-0142", "2155550142", "c/o Jennifer"])
def test_what_is_no_code_of_an_open_system_is_a_finding(value: str) -> None:
    """A surname or a phone in a ZIP field is found without knowing whose it is."""
    columns = [("scene_zip", FieldType.STRING)]
    batch = pa.RecordBatch.from_pydict({"scene_zip": [value]}, arrow_schema(columns))

    assert (0,) == Scanner(RUNS, columns, Terms()).look(batch).rows


CANARIES = {
    "own-name": "Quibbleton",
    "own-dob": "1985-03-04",
    "own-phone": "215 555 0123",
    "own-number": "PCR-7700123",
    "ssn": "SSN 219-09-9999",
    "phone": "call 267-555-0142",
    "email": "canary@example.org",
    "dob": "born March 9, 1971",
    "address": "77 Garfield Ave",
    "plate": "license plate KLM-4821",
    "record-number": "MRN 00482913",
    "name": "Jennifer Morales",
}


def _every_field() -> list[tuple[DatasetId, str]]:
    return [
        (dataset, name)
        for dataset, fields in canonical.canonical().datasets.items()
        for name, one in fields.items()
        if one.type in TEXT and not one.identifies
    ]


def _canary_row(dataset: DatasetId, name: str, text: str) -> tuple[Scanner, pa.RecordBatch]:
    """Return a batch of one row, its person known, with a canary in one field."""
    fields = canonical.fields(dataset)
    columns = ((name, fields[name].type),)
    scanner = Scanner(dataset, columns, Terms())
    row: dict[str, Any] = {needed: _identifier(needed, kind) for needed, kind in scanner.needed}
    row[name] = f'["{text}"]' if fields[name].type is FieldType.LIST else text
    wide = (*columns, *(one for one in scanner.needed if one not in columns))
    batch = pa.RecordBatch.from_pydict({one: [row[one]] for one, _ in wide}, arrow_schema(wide))
    return scanner, batch


def _identifier(name: str, kind: FieldType) -> object:
    if kind is FieldType.DATE:
        return dt.date(1985, 3, 4)
    if name.endswith("_name"):
        return "Quibbleton"
    if name.endswith("_phone"):
        return '["215-555-0123"]'
    return None if name.endswith("_address") else "PCR-7700123"


@pytest.mark.parametrize(
    ("dataset", "name"), _every_field(), ids=lambda value: str(value).split("@")[0]
)
def test_canaries_are_found_in_every_text_field_of_every_dataset(
    dataset: DatasetId, name: str
) -> None:
    """Whatever the field holds by right, an identity in it keeps the row."""
    for detector, text in CANARIES.items():
        scanner, batch = _canary_row(dataset, name, text)
        if detector.startswith("own-") and not _could(scanner, detector):
            continue

        assert (0,) == scanner.look(batch).rows, detector


def _could(scanner: Scanner, detector: str) -> bool:
    """Return whether the dataset holds this kind of identifier, and it is looked at here."""
    ends = {"own-name": "_name", "own-dob": "_dob", "own-phone": "_phone"}
    if detector == "own-number":
        return any(not name.endswith((*ends.values(), "_address")) for name, _ in scanner.needed)
    return any(name.endswith(ends[detector]) for name, _ in scanner.needed)


def test_every_finding_is_told_in_a_known_word() -> None:
    """What the provider reads of a finding is a detector of the list, and a field."""
    rows = [{**ROW, "destination_code": text} for text in CANARIES.values()]

    _, report = _told(rows)

    assert {kind for kind, _ in report.notices} <= {f"misplaced-{one}" for one in DETECTORS}


def _told(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], Report]:
    padded = [*rows, *map(clean, range(100, 200))]
    return seen(guarded(padded), "destination_code")
