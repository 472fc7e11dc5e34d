"""`--where`: values are read by the type of the field, never guessed."""

from __future__ import annotations

import datetime as dt

import pytest

from gateway.cli.where import asked, typed
from gateway.errors import SettingsError
from gateway.values import Condition, FieldType, Operator


@pytest.mark.parametrize(
    "text", ["05091", "01901", "1e3", "true", "2026-11-01", "NaN", " x", "a=b"]
)
@pytest.mark.parametrize("type_", [FieldType.STRING, FieldType.CODE, None])
def test_text_stays_text(text: str, type_: FieldType | None) -> None:
    """A ZIP code is no number, whatever it looks like; nor is what nobody knows the type of."""
    assert Condition("zip", Operator.EQ, (text,)) == asked(f"zip={text}").typed(type_)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (FieldType.INTEGER, "05", 5),
        (FieldType.INTEGER, "-7", -7),
        (FieldType.NUMBER, "7", 7.0),
        (FieldType.NUMBER, "1.5", 1.5),
        (FieldType.BOOLEAN, "true", True),
        (FieldType.BOOLEAN, "false", False),
        (FieldType.DATE, "2026-11-01", dt.date(2026, 11, 1)),
        (FieldType.TIMESTAMP, "2026-11-01T01:00:00+01:00", dt.datetime(2026, 11, 1, tzinfo=dt.UTC)),
    ],
)
def test_values_are_of_the_fields_type(type_: FieldType, text: str, value: object) -> None:
    """What the gateway says that the field is, the value is read as."""
    (made,) = asked(f"f={text}").typed(type_).values

    assert (type(value), value) == (type(made), made)


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (FieldType.INTEGER, "1.5"), (FieldType.INTEGER, "1_0"), (FieldType.INTEGER, "٣"),
        (FieldType.INTEGER, "9" * 5000), (FieldType.NUMBER, "nan"), (FieldType.NUMBER, "x"),
        (FieldType.NUMBER, "inf"), (FieldType.BOOLEAN, "True"), (FieldType.DATE, "11/01/2026"),
        (FieldType.DATE, "2026-02-30"), (FieldType.TIMESTAMP, "2026-11-01T01:00:00"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_said(type_: FieldType, text: str) -> None:
    """The message names the field and its type, and not the value."""
    with pytest.raises(SettingsError, match="`f` is ") as said:
        asked(f"f={text}").typed(type_)

    assert text not in said.value.message


@pytest.mark.parametrize(
    ("text", "op", "values"),
    [
        ("f=a", Operator.EQ, ("a",)),
        ("f = a", Operator.EQ, (" a",)),
        ("f=a|b", Operator.IN, ("a", "b")),
        ("f!=a", Operator.NE, ("a",)),
        ("f!=a|b", Operator.NOT_IN, ("a", "b")),
        ("f<=a", Operator.LTE, ("a",)),
        ("f>=a", Operator.GTE, ("a",)),
        ("f<a", Operator.LT, ("a",)),
        ("f>a", Operator.GT, ("a",)),
        ("f=a>=b", Operator.EQ, ("a>=b",)),
        ("f==a", Operator.EQ, ("=a",)),
    ],
)
def test_the_first_sign_counts(text: str, op: Operator, values: tuple[str, ...]) -> None:
    """A sign in the value is part of the value."""
    assert (Condition("f", op, values),) == typed((asked(text),), {"f": FieldType.STRING})


@pytest.mark.parametrize("text", ["", "f", "=a", "f=", "f=a|", "f<a|b", "F=a", "f;=a", "f\n"])
def test_what_is_no_condition_is_said(text: str) -> None:
    """Neither guessed nor sent."""
    with pytest.raises(SettingsError, match="--where"):
        asked(text)
