"""Leaves, kinds, commitments and payloads: one encoding each, and nothing that was not declared."""

from __future__ import annotations

import datetime as dt
import hmac
import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import entry
from gateway.audit.entry import Draft, check_draft, check_meta
from gateway.audit.fault import AuditError
from gateway.audit.kinds import EXCHANGE_KINDS, LINKED_KINDS, NAMELESS_KINDS, TOKEN_KINDS
from gateway.values import canonical_json
from tests.audit.build import (
    AGREEMENT,
    PAYLOAD_KEY,
    SHA,
    SUBJECT_KEY,
    Log,
    exchange_id,
    token,
)
from tests.audit.every_kind import META

if TYPE_CHECKING:
    from collections.abc import Callable

X = exchange_id(1)


def draft(kind: str, **changes: object) -> Draft:
    """Return a good draft of a kind, with changes."""
    parts: dict[str, object] = {
        "kind": kind,
        "exchange_id": X if kind in EXCHANGE_KINDS else None,
        "chunk": 0,
        "agreement": AGREEMENT,
        "retain": "6y",
        "meta": META[kind],
        **changes,
    }
    return Draft(**parts)  # type: ignore[arg-type]


def leaf_of(**changes: object) -> bytes:
    """Return a leaf's bytes, with changes."""
    parts: dict[str, object] = {
        "agreement": AGREEMENT,
        "kind": "release",
        "m": bytes(32),
        "chunk": 0,
        "retain": "6y",
        "s": b"\xff" * 32,
        "time": "2026-11-20T21:52:08.123Z",
        "exchange_id": X,
        **changes,
    }
    return entry.encode_leaf(**parts)  # type: ignore[arg-type]


# --- The leaf -------------------------------------------------------------------------------------

leaves = st.fixed_dictionaries(
    {
        "agreement": st.none()
        | st.from_regex(r"[a-z][a-z0-9-]{0,30}@[0-9][0-9.]{0,6}", fullmatch=True),
        "kind": st.sampled_from(sorted(EXCHANGE_KINDS)),
        "m": st.binary(min_size=32, max_size=32),
        "retain": st.integers(3, 99).map("{}y".format),
        "time": st.datetimes(timezones=st.just(dt.UTC)).map(entry.format_time),
        "exchange_id": st.integers(0, (1 << 48) - 1).map(exchange_id),
    }
)


@given(leaves, st.integers(0, (1 << 53) - 1), st.none() | st.binary(min_size=32, max_size=32))
def test_a_leaf_is_canonical_json_and_reads_back(
    parts: dict[str, object], chunk: int, s: bytes | None
) -> None:
    """The hand-written text is `json.dumps` of its nine keys, and parses to what was said."""
    release = parts["kind"] == "release"
    parts = {**parts, "chunk": chunk if release else 0, "s": s if release else None}

    data = leaf_of(**parts)

    said = json.loads(data)
    assert canonical_json(said) == data
    assert sorted("akmnrstvx") == sorted(said)
    assert entry.Leaf(**parts) == entry.parse_leaf(data)  # type: ignore[arg-type]


def test_a_leaf_has_exactly_one_encoding() -> None:
    """Any byte of it changed, left out or added gives another leaf or none, never the same one."""
    data = leaf_of()
    leaf = entry.parse_leaf(data)
    others = [data[:at] + data[at + 1 :] for at in range(len(data))]
    others += [
        data[:at] + bytes([one]) + data[at:] for at in range(len(data) + 1) for one in b' ",0a\n'
    ]
    others += [
        data[:at] + bytes([one]) + data[at + 1 :]
        for at in range(len(data))
        for one in range(256)
        if one != data[at]
    ]

    same = 0
    for other in others:
        try:
            same += entry.parse_leaf(other) == leaf
        except AuditError:
            continue

    assert 0 == same


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"n":0', b'"n":00'),
        (b'"n":0', b'"n":-0'),
        (b'"n":0', b'"n":0.0'),
        (b'"n":0', b'"n":9007199254740992'),
        (b'"v":1', b'"v":2'),
        (b'"k":"release"', b'"k":"Release"'),
        (b'"k":"release"', b'"k":"grant"'),
        (b'"r":"6y"', b'"r":"2y"'),
        (b'"r":"6y"', b'"r":"06y"'),
        (b'"r":"6y"', b'"r":"100y"'),
        (b'"r":"6y"', b'"r":"p"'),
        (b"21:52", b"24:52"),
        (b"21:52", b"21:60"),
        (b"11-20", b"13-20"),
        (b"11-20", b"11-32"),
        (b".123Z", b".123z"),
        (b".123Z", b".12Z"),
        (b".123Z", b".123+00:00"),
        (b"/" * 3, b"\\/" * 3),
        (b"//8=", b"//9="),
        (b"-7000-", b"-4000-"),
        (b"-8000-", b"-0000-"),
        (b"01a1faf2", b"01A1FAF2"),
        (b"@3", b""),
        (b"ems-", b"\\u0065ms-"),
        (b'"a":"ems-to-health@3"', b'"a":""'),
        (b',"x":', b',"w":1,"x":'),
        (b'{"a":', b' {"a":'),
    ],
)
def test_a_second_spelling_is_refused(old: bytes, new: bytes) -> None:
    """What a lenient parser would read is no leaf here."""
    data = leaf_of()
    assert old in data

    with pytest.raises(AuditError) as caught:
        entry.parse_leaf(data.replace(old, new, 1))

    assert "leaf-malformed" == caught.value.code


def test_the_chunk_number_ends_at_2_to_the_53() -> None:
    """2^53-1 is a leaf; one more is not."""
    top = (1 << 53) - 1

    assert top == entry.parse_leaf(leaf_of(chunk=top)).chunk
    with pytest.raises(AuditError, match="2\\^53"):
        entry.parse_leaf(leaf_of(chunk=top + 1))


def test_a_commitment_is_32_bytes() -> None:
    """A leaf is not written over a short one."""
    for changes in ({"m": bytes(31)}, {"s": bytes(33)}):
        with pytest.raises(AuditError, match="32 bytes"):
            leaf_of(**changes)


def test_times_are_utc_and_cut_to_milliseconds() -> None:
    """Another zone is moved, a microsecond is cut, and a naive instant is refused."""
    zone = dt.timezone(dt.timedelta(hours=-5))
    moment = dt.datetime(2026, 11, 20, 16, 52, 8, 123_999, tzinfo=zone)

    assert "2026-11-20T21:52:08.123Z" == entry.format_time(moment)
    with pytest.raises(AuditError, match="aware"):
        entry.format_time(moment.replace(tzinfo=None))


# --- Kinds ----------------------------------------------------------------------------------------


def test_there_are_seventeen_kinds() -> None:
    """The closed list of section 3.4, each with a schema that its example meets."""
    assert 17 == len(entry.KINDS)
    assert set(META) == set(entry.KINDS)
    for kind in META:
        check_draft(draft(kind))


@pytest.mark.parametrize("kind", sorted(META))
def test_a_kind_is_closed(kind: str) -> None:
    """A key less or more is an error that does not repeat what it found."""
    for key in META[kind]:
        meta = {name: value for name, value in META[kind].items() if name != key}
        with pytest.raises(AuditError, match=f"`{kind}`: missing keys \\['{key}'\\]"):
            check_meta(kind, meta)
    with pytest.raises(AuditError, match="unknown keys 1") as caught:
        check_meta(kind, {**META[kind], "canary-4711": 1})
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("good", [[5, 60, None], [0, 0, None], [11, 11, 12]])
def test_a_release_of_classes_has_one_key_more(good: list[int | None]) -> None:
    """How well people are hidden stands in releases under `anonymity`, and in no other kind."""
    check_meta("release", {**META["release"], "crowd": good})

    for kind in set(META) - {"release"}:
        with pytest.raises(AuditError, match="unknown keys 1"):
            check_meta(kind, {**META[kind], "crowd": good})


@pytest.mark.parametrize("bad", [None, 5, "", "county", "county->region", "A -> b", ["a -> b"]])
def test_a_rung_in_the_log_is_two_names(bad: object) -> None:
    """An entry holds names of levels of the agreement, and nothing that could be a value."""
    check_meta("release", {**META["release"], "rung": "county -> region"})

    with pytest.raises(AuditError, match="`rung`"):
        check_meta("release", {**META["release"], "rung": bad})
    with pytest.raises(AuditError, match="unknown keys 1"):
        check_meta("intent", {**META["intent"], "rung": "county -> region"})


@pytest.mark.parametrize(
    "bad",
    [None, 5, [], [5, 60], [5, 60, None, 1], [None, 6, 1], [5, None, 1], [5, 6, "7"], [5, -1, 1]],
)
def test_three_numbers_are_not_two(bad: object) -> None:
    """People, rows, and rows held back or null: nothing else is a crowd."""
    with pytest.raises(AuditError, match="`crowd`"):
        check_meta("release", {**META["release"], "crowd": bad})


NOISE = ["discrete_gaussian", "0.05", "5.4775390625", "3", "person_id", "0"]


def test_a_release_with_noise_has_one_key_more() -> None:
    """What was drawn, and what that spent, stands in releases with noise, and in no other kind."""
    for spent in ("0", "0.05", "10", "0.000001"):
        check_meta("release", {**META["release"], "noise": [*NOISE[:-1], spent]})

    for kind in set(META) - {"release"}:
        with pytest.raises(AuditError, match="unknown keys 1"):
            check_meta(kind, {**META[kind], "noise": NOISE})


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        NOISE[:-1],
        [*NOISE, "1"],
        *[[*NOISE[:-1], wrong] for wrong in (0, 0.05, "", "-1", "0.050", "00", "1e3", ".5", "1.")],
        ["", *NOISE[1:]],
    ],
)
def test_amounts_of_noise_have_one_spelling(bad: object) -> None:
    """Six texts, the amounts among them decimals in their shortest form."""
    with pytest.raises(AuditError, match="`noise`"):
        check_meta("release", {**META["release"], "noise": bad})


@pytest.mark.parametrize(
    "good", [[5, 60, 100, "people", 1], [None, 0, 9, "rows", 8], [0, 0, 0, "rows", 1]]
)
def test_a_release_of_other_records_says_how_alike_they_are(good: list[object]) -> None:
    """The smallest class, or that it is not known; in no other kind."""
    check_meta("release", {**META["release"], "likeness": good})

    for kind in set(META) - {"release"}:
        with pytest.raises(AuditError, match="unknown keys 1"):
            check_meta(kind, {**META[kind], "likeness": good})


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        [5, 60, 100, "people"],
        [5, None, 100, "people", 1],
        [5, 60, 100, "units", 1],
        [5, 60, 100, None, 1],
        [5, 60, 100, "people", None],
        [5, 0.5, 100, "people", 1],
    ],
)
def test_a_likeness_is_five_things(bad: object) -> None:
    """No share, no other word: whole numbers, and what they count."""
    with pytest.raises(AuditError, match="`likeness`"):
        check_meta("release", {**META["release"], "likeness": bad})


@pytest.mark.parametrize("kind", sorted(META))
@pytest.mark.parametrize(
    "bad", ["", 1.5, b"bytes", {}, {"a": 1}, -1, 1 << 53, True, "a\nb", ["", 1]]
)
def test_a_value_of_no_declared_type_is_refused(kind: str, bad: object) -> None:
    """No key of any kind takes an empty text, a float, bytes, an object, a bool or a line end."""
    for key in META[kind]:
        with pytest.raises(AuditError, match=f"`{kind}`: `{key}`"):
            check_meta(kind, {**META[kind], key: bad})


def test_an_unknown_kind_is_refused() -> None:
    """There is no seventeenth, and its name is not repeated."""
    with pytest.raises(AuditError, match="not one of the seventeen"):
        check_meta("grant", {})


@pytest.mark.parametrize(
    ("kind", "key", "good", "bad"),
    [
        ("refusal", "step", 13, 14),
        ("refusal", "step", 1, 0),
        ("intent", "min_cell", None, "11"),
        ("intent", "released", [["age", "pass"]], [["age"]]),
        ("intent", "purpose", "x" * 4096, "x" * 4097),
        ("intent", "plan", SHA, SHA[:-2] + "9="),
        ("release", "rows", (1 << 53) - 1, 1 << 53),
        ("release", "form", "arrow_zstd", "csv"),
        ("outcome", "stream", None, ""),
        ("outcome", "rows_suppressed", None, "11"),
        ("outcome", "end", "complete", "open"),
        ("erase", "class", "3y", "2y"),
        ("erase", "ranges", [[0, 0]], [[0]]),
        ("genesis", "previous", None, ["one"]),
    ],
)
def test_the_limits_of_a_schema(kind: str, key: str, good: object, bad: object) -> None:
    """The last value that passes, and the first that does not."""
    check_meta(kind, {**META[kind], key: good})

    with pytest.raises(AuditError, match=f"`{key}`"):
        check_meta(kind, {**META[kind], key: bad})


def test_a_refusal_may_know_nothing_of_the_request() -> None:
    """Every fact is null where it was refused at step 1; reason and step are not."""
    nothing: dict[str, object] = dict.fromkeys(META["refusal"])

    check_meta("refusal", {**nothing, "reason": "CERTIFICATE_UNKNOWN", "step": 1})
    with pytest.raises(AuditError, match="`reason`"):
        check_meta("refusal", {**nothing, "step": 1})


@pytest.mark.parametrize("kind", sorted(META))
def test_what_a_kind_lets_its_leaf_say(kind: str) -> None:
    """Exchange id, chunk number, tokens and `p` only where the kind has them; written and read."""
    cases: list[tuple[dict[str, object], bool]] = [
        ({"exchange_id": None}, kind not in EXCHANGE_KINDS),
        ({"exchange_id": X}, kind in LINKED_KINDS),
        ({"chunk": 1, "meta": {**META[kind], "chunk": 1}}, kind == "release"),
        ({"tokens": (token(1),)}, kind in TOKEN_KINDS),
        ({"retain": "p"}, kind in NAMELESS_KINDS),
    ]
    for changes, permitted in cases:
        one = draft(kind, **changes)
        if kind != "release":
            one = draft(kind, **{**changes, "meta": META[kind]})
        data = entry.encode_leaf(
            agreement=one.agreement,
            kind=kind,
            m=bytes(32),
            chunk=one.chunk,
            retain=one.retain,
            s=entry.commit_subjects(bytes(32), one.tokens),
            time="2026-11-20T21:52:08.123Z",
            exchange_id=one.exchange_id,
        )
        for check in (lambda one=one: check_draft(one), lambda data=data: entry.parse_leaf(data)):
            assert permitted is passes(check), (kind, changes)


def passes(check: Callable[[], object]) -> bool:
    """Say whether a check raises nothing."""
    try:
        check()
    except AuditError:
        return False
    return True


@pytest.mark.parametrize(
    "changes",
    [
        {"agreement": "ems to health@3"},
        {"agreement": "ems-to-health"},
        {"agreement": 'a@1","k":"x'},
        {"exchange_id": "01A1FAF2-07B8-7000-8000-000000000001"},
        {"exchange_id": "01a1faf2-07b8-4000-8000-000000000001"},
        {"retain": "2y"},
        {"retain": "6Y"},
        {"chunk": -1},
        {"chunk": True},
        {"chunk": 1 << 53},
        {"chunk": 1},
    ],
)
def test_a_draft_that_no_leaf_can_hold_is_refused(changes: dict[str, object]) -> None:
    """Whatever would need an escape, or would not read back, never reaches the writer."""
    with pytest.raises(AuditError):
        check_draft(draft("release", **changes))


def test_a_draft_needs_no_agreement() -> None:
    """Most kinds are of none."""
    check_draft(draft("genesis", agreement=None, retain="p"))


@pytest.mark.parametrize("chunk", [False, 0.0])
def test_a_chunk_number_is_an_integer(chunk: object) -> None:
    """What is equal to 0 and prints otherwise would spoil the leaf."""
    with pytest.raises(AuditError, match="whole number"):
        check_draft(draft("intent", chunk=chunk))


# --- Metadata -------------------------------------------------------------------------------------


def test_metadata_is_canonical_and_reads_back() -> None:
    """The bytes are those of `canonical_json`, and parse to the same metadata."""
    for kind, meta in META.items():
        data = entry.meta_bytes(meta)
        assert canonical_json(meta) == data
        assert meta == entry.parse_meta(kind, data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"chunks": 0,"verdict":"nothing-left"}',
        b'{"verdict":"nothing-left","chunks":0}',
        b'{"chunks":1,"chunks":0,"verdict":"nothing-left"}',
        b'{"chunks":0,"verdict":"nothing\\u002dleft"}',
        b'{"chunks":0,"verdict":"nothing-left"}\n',
        b'{"chunks":0e0,"verdict":"nothing-left"}',
        b'{"chunks":NaN,"verdict":"nothing-left"}',
        b'{"chunks":0,"verdict":"other"}',
        b"[]",
        b"",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_metadata_in_another_spelling_is_refused(data: bytes) -> None:
    """Spaces, order, repeats, escapes, trailing bytes: each hides something."""
    with pytest.raises(AuditError) as caught:
        entry.parse_meta("recovered", data)

    assert "schema" == caught.value.code


# --- Commitments and payloads ---------------------------------------------------------------------


def test_commitments_are_salted_and_apart() -> None:
    """Another salt gives another commitment, and metadata is not committed to like tokens."""
    salt, other, data = bytes(32), b"\x01" * 32, token(1)

    assert entry.commit_meta(salt, data) != entry.commit_meta(other, data)
    assert entry.commit_meta(salt, data) != entry.commit_subjects(salt, [data])
    assert sha256(b"accord/meta/v1\x00" + salt + data).digest() == entry.commit_meta(salt, data)


def test_tokens_are_committed_to_sorted_and_distinct() -> None:
    """Order and repeats make no difference; no tokens, no commitment."""
    salt, first, second = bytes(32), token(1), token(2)

    assert entry.commit_subjects(salt, [first, second, first]) == entry.commit_subjects(
        salt, sorted([second, first])
    )
    assert None is entry.commit_subjects(salt, [])
    for bad in (first[:-1], first + b"\x00"):
        with pytest.raises(AuditError, match="`token` is not 32 bytes"):
            entry.commit_subjects(salt, [bad])
    for size in (31, 33):
        with pytest.raises(AuditError, match="salt"):
            entry.commit_meta(bytes(size), b"")


def test_a_subject_has_one_token_in_its_system() -> None:
    """System and identifier are apart: NUL in neither, and moving a character changes the token."""
    assert entry.subject_token(SUBJECT_KEY, "ab", "c") != entry.subject_token(
        SUBJECT_KEY, "a", "bc"
    )
    assert entry.subject_token(bytes(32), "a", "b") != entry.subject_token(SUBJECT_KEY, "a", "b")
    for system, one in (("a\x00b", "c"), ("a", "b\x00c"), ("", "c"), ("a", "")):
        with pytest.raises(AuditError, match="empty or holds NUL"):
            entry.subject_token(SUBJECT_KEY, system, one)
    with pytest.raises(AuditError, match="subject key"):
        entry.subject_token(b"short", "a", "b")


def sealed_release() -> tuple[bytes, bytes, bytes, bytes]:
    """Return (meta, m, s, sealed) of a release of two subjects."""
    meta = entry.meta_bytes(META["release"])
    tokens = (token(2), token(1))
    m, s = entry.commit_meta(b"\x11" * 32, meta), entry.commit_subjects(b"\x22" * 32, tokens)
    assert s is not None
    salts = (b"\x11" * 32, b"\x22" * 32)
    return meta, m, s, entry.seal(PAYLOAD_KEY, b"\x33" * 32, *salts, meta, tokens, m, s)


def test_a_payload_opens_with_its_key_and_its_leaf() -> None:
    """What comes out is what went in, tokens sorted."""
    meta, m, s, sealed = sealed_release()

    payload = entry.unseal(PAYLOAD_KEY, sealed, m, s)

    assert (
        entry.Payload(b"\x11" * 32, b"\x22" * 32, meta, tuple(sorted([token(1), token(2)])))
        == payload
    )


def test_a_payload_opens_for_nothing_else() -> None:
    """Another key, another leaf, any byte changed, any length: it does not open."""
    _, m, s, sealed = sealed_release()
    wrong = [
        (b"\x45" * 32, sealed, m, s),
        (PAYLOAD_KEY, sealed, s, s),
        (PAYLOAD_KEY, sealed, m, None),
    ]
    wrong += [(PAYLOAD_KEY, sealed[:size], m, s) for size in (0, 31, 32, 47, len(sealed) - 1)]
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        wrong.append((PAYLOAD_KEY, changed, m, s))

    for key, data, one, two in wrong:
        with pytest.raises(AuditError) as caught:
            entry.unseal(key, data, one, two)
        assert "payload-unopenable" == caught.value.code


def test_a_payload_is_held_against_both_commitments() -> None:
    """A payload sealed for a leaf that commits to something else is found out."""
    meta, m, s, _ = sealed_release()
    salts, iv = (b"\x11" * 32, b"\x22" * 32), b"\x33" * 32
    tokens = (token(1), token(2))
    cases = [
        entry.seal(PAYLOAD_KEY, iv, *salts, meta + b" ", tokens, m, s),
        entry.seal(PAYLOAD_KEY, iv, bytes(32), salts[1], meta, tokens, m, s),
        entry.seal(PAYLOAD_KEY, iv, *salts, meta, tokens[:1], m, s),
        entry.seal(PAYLOAD_KEY, iv, *salts, meta, (), m, s),
        entry.seal(PAYLOAD_KEY, iv, salts[0], bytes(32), meta, tokens, m, s),
    ]

    for sealed in cases:
        with pytest.raises(AuditError) as caught:
            entry.unseal(PAYLOAD_KEY, sealed, m, s)
        assert "commitment-mismatch" == caught.value.code


@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_is_enclosed_in_one_step_is_what_three_steps_make(count: int) -> None:
    """Both commitments and the sealed payload, whatever the order of the tokens, and no others."""
    meta, tokens = b"{}", tuple(token(number) for number in range(count, 0, -1))
    salts = (b"\x11" * 32, b"\x22" * 32)
    m, s = entry.commit_meta(salts[0], meta), entry.commit_subjects(salts[1], tokens)

    made = entry.enclose(PAYLOAD_KEY, b"\x33" * 32, *salts, meta, (*tokens, *tokens[:1]))

    assert (m, s) == (made.m, made.s)
    assert entry.seal(PAYLOAD_KEY, b"\x33" * 32, *salts, meta, tokens, m, s) == made.sealed
    for sizes in ((31, 32, 32), (32, 31, 32), (32, 32, 33)):
        iv, salt_m, salt_s = map(bytes, sizes)
        with pytest.raises(AuditError, match="not 32 bytes"):
            entry.enclose(PAYLOAD_KEY, iv, salt_m, salt_s, meta, tokens)


def test_a_payloads_key_is_derived_by_hmac() -> None:
    """Of the payload key, the purpose and the iv, as RFC 2104 and section 3.3 say."""
    iv = b"\x33" * 32
    sealed = entry.enclose(PAYLOAD_KEY, iv, bytes(32), bytes(32), b"{}", ()).sealed
    key = hmac.digest(PAYLOAD_KEY, b"accord/payload-key/v1\x00" + iv, "sha256")

    plain = AESGCM(key).decrypt(
        bytes(12), sealed[32:], entry.commit_meta(bytes(32), b"{}") + bytes(32)
    )

    assert bytes(64) + b"\x00\x00\x00\x02{}" == plain


def test_an_iv_seals_another_payload() -> None:
    """Two ivs, two ciphertexts of one plain text; a short iv or salt is refused."""
    meta, m, s, sealed = sealed_release()
    salts = (b"\x11" * 32, b"\x22" * 32)

    again = entry.seal(PAYLOAD_KEY, b"\x34" * 32, *salts, meta, (token(1), token(2)), m, s)

    assert sealed[32:] != again[32:]
    for iv, salt in ((b"short", salts[0]), (b"\x33" * 32, b"short")):
        with pytest.raises(AuditError, match="not 32 bytes"):
            entry.seal(PAYLOAD_KEY, iv, salt, salts[1], meta, (), m, s)


def test_the_builders_entries_are_entries() -> None:
    """What the tests' log writes, the parser reads."""
    log = Log.begun().fill(20)

    assert 20 == len([entry.parse_leaf(leaf) for leaf in log.leaves])
