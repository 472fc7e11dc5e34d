"""Hostile and broken files are refused with a reason and a place, and go no further."""

from __future__ import annotations

import gzip
import io
import socket
import threading
import time
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest

from adapters import hardened
from adapters.base import Report
from adapters.hardened import MAX_DOCUMENT_BYTES, MAX_LINE_BYTES, UnreadableError
from gateway.errors import Reason, SourceError
from tests.adapters.ems_documents import document
from tests.data import DATA, needs_data

if TYPE_CHECKING:
    from pathlib import Path


def bare(error: UnreadableError) -> UnreadableError:
    """Return an error that carries none of the library's own, which would quote content."""
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    return error


def refused(data: bytes) -> UnreadableError:
    """Return why a document is refused."""
    with pytest.raises(UnreadableError) as caught:
        hardened.parse_xml(data)
    return bare(caught.value)


def bomb(levels: int) -> bytes:
    """Return a document of nested tenfold entities."""
    entities = ['<!ENTITY e0 "canary">']
    entities += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels + 1)]
    return f"<!DOCTYPE a [{''.join(entities)}]><a>&e{levels};</a>".encode()


def test_an_external_entity_is_refused_and_not_read(tmp_path: Path) -> None:
    """XML-1: an entity that names a local file is refused by its DOCTYPE; the file is nowhere."""
    secret = tmp_path / "secret"
    secret.write_text("canary")

    error = refused(f'<!DOCTYPE a [<!ENTITY b SYSTEM "{secret.as_uri()}">]><a>&b;</a>'.encode())

    assert "doctype" == error.reason
    assert "canary" not in repr(error)


@needs_data
def test_a_catalog_with_a_doctype_is_refused() -> None:
    """XML-1: a harmless file with a DOCTYPE is refused too, for there is no harmless one."""
    path = next((DATA / "nibrs").rglob("xml-catalog.xml"))

    assert "doctype" == refused(hardened.read_document(path)).reason


def test_an_entity_bomb_is_refused_at_once() -> None:
    """XML-2: nine levels of tenfold entities end in well under a second, in little memory."""
    tracemalloc.start()
    began = time.perf_counter()

    error = refused(bomb(9))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "doctype" == error.reason
    assert time.perf_counter() - began < 1
    assert peak < 10_000_000
    assert "doctype" == refused(bomb(1)).reason


class Listener:
    """A port that remembers whether anyone came."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.came = False
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._wait)
        self.thread.start()

    def _wait(self) -> None:
        try:
            connection, _ = self.socket.accept()
        except TimeoutError:
            return
        self.came = True
        connection.close()

    def close(self) -> bool:
        """Stop listening; return whether anyone came."""
        self.thread.join()
        self.socket.close()
        return self.came


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:{port}/a.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:{port}/b"> %b;]><a/>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/hostname"> %b;]><a/>',
    ],
)
def test_nothing_is_fetched_for_a_dtd(text: str) -> None:
    """XML-3: an external DTD or parameter entity is refused by its DOCTYPE, and nobody calls."""
    listener = Listener()

    error = refused(text.replace("{port}", str(listener.port)).encode())

    assert "doctype" == error.reason
    assert not listener.close()


@pytest.mark.parametrize("depth", [300, 100_000])
def test_depth_ends_in_the_parser(depth: int) -> None:
    """XML-4: a document deeper than the parser's 256 levels is refused; one within is read."""
    assert "xml-malformed" == refused(b"<a>" * depth + b"</a>" * depth).reason
    assert "a" == hardened.parse_xml(b"<a>" * 200 + b"</a>" * 200).tag


@pytest.mark.parametrize(
    "data",
    [b"<a>" + b"x" * 11_000_000 + b"</a>", b'<a b="' + b"x" * 11_000_000 + b'"/>'],
    ids=["text", "attribute"],
)
def test_a_text_of_eleven_megabytes_is_refused(data: bytes) -> None:
    """XML-5: the parser's own limit on one text or attribute holds."""
    assert "xml-malformed" == refused(data).reason


def test_locations_are_not_followed(tmp_path: Path) -> None:
    """XML-6: a schema location or XInclude to a host or file is not followed, valid or not."""
    listener = Listener()
    secret = tmp_path / "secret.xml"
    secret.write_text("<canary/>")
    schema = tmp_path / "own.xsd"
    schema.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a">'
        '<xs:complexType><xs:sequence><xs:any processContents="lax" minOccurs="0"/></xs:sequence>'
        "</xs:complexType></xs:element></xs:schema>"
    )
    text = (
        '<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:noNamespaceSchemaLocation="http://127.0.0.1:{listener.port}/x.xsd" '
        f'xsi:schemaLocation="urn:x http://127.0.0.1:{listener.port}/y.xsd">'
        f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{secret.as_uri()}"/></a>'
    )

    root = hardened.parse_xml(text.encode())
    hardened.compile_schema(schema).validate(root)

    assert not listener.close()
    assert [] == root.findall("canary")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(document()), "packed"),
        (b"<a/><a/>", "xml-malformed"),
        (b"<a/>trailing", "xml-malformed"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a/>', "encoding"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "encoding"),
        ("<a>é</a>".encode("latin-1"), "encoding"),
        ('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"), "encoding"),
        (b"", "xml-malformed"),
        (b"<a>&undefined;</a>", "xml-malformed"),
    ],
)
def test_what_is_not_one_document_of_utf8_is_refused(data: bytes, reason: str) -> None:
    """XML-7: packed files, two roots, trailing bytes and false encodings are refused."""
    assert reason == refused(data).reason


def test_size_is_checked_before_parsing(tmp_path: Path) -> None:
    """XML-7: a document of exactly the limit is read, one more byte is refused; so is a zip."""
    path = tmp_path / "large.xml"
    path.write_bytes(b"<a/>".ljust(MAX_DOCUMENT_BYTES))
    assert "a" == hardened.parse_xml(hardened.read_document(path)).tag

    path.write_bytes(b"<a/>".ljust(MAX_DOCUMENT_BYTES + 1))
    with pytest.raises(UnreadableError, match="too-large"):
        hardened.read_document(path)

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.xml", "<a/>")
    path.write_bytes(held.getvalue())
    with pytest.raises(UnreadableError, match="packed"):
        hardened.read_document(path)
    with pytest.raises(UnreadableError, match="unreachable"):
        hardened.read_document(tmp_path / "gone.xml")


def csv_refused(path: Path) -> UnreadableError:
    """Return why a CSV file is refused, wherever in it."""
    with pytest.raises(UnreadableError) as caught:
        list(hardened.read_csv(path).rows)
    return bare(caught.value)


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b'a,b\n1,2\n"never,ends\n' + b"3,4\n" * 200_000, "csv-line", 3),
        (b'a,b\n1,2\n"never', "csv-line", 3),
        (b"a,b\n1," + b"x" * 10_000_000, "csv-line", 2),
        (b"a,b\n1,2\n3,\x004\n", "csv-nul", 3),
        (b"a,b\n1,\xff\n", "encoding", 2),
        (b'a,b\n"1"2,3\n', "csv-malformed", 2),
        (b"", "csv-header", 1),
        (b"a,,b\n", "csv-header", 1),
        (b"a,b,a\n", "csv-header", 1),
        (b"PK\x03\x04", "packed", 0),
    ],
)
def test_a_broken_table_is_refused_by_line(
    tmp_path: Path, data: bytes, reason: str, line: int
) -> None:
    """CSV-1: an endless quote or line, NUL and their like are refused with their line."""
    path = tmp_path / "broken.csv"
    path.write_bytes(data)
    tracemalloc.start()

    error = csv_refused(path)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (reason, line) == (error.reason, error.line)
    assert peak < 8_000_000


def test_a_long_line_within_the_limit_is_read(tmp_path: Path) -> None:
    """CSV-1: many cells up to the limit of a line are read."""
    path = tmp_path / "long.csv"
    cells = ["x" * 100_000] * (MAX_LINE_BYTES // 100_001)
    path.write_text(",".join(f"c{n}" for n in range(len(cells))) + "\n" + ",".join(cells))

    assert [(2, cells)] == list(hardened.read_csv(path).rows)


def test_a_formula_is_text(tmp_path: Path) -> None:
    """JSON-1: a cell that begins with `=`, `+`, `-` or `@` is kept as it stands."""
    path = tmp_path / "formula.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n=1+1,+2\r\n\r\n-3,@x\r\n")

    table = hardened.read_csv(path)

    assert ("a", "b") == table.header
    assert [["=1+1", "+2"], ["-3", "@x"]] == [cells for _, cells in table.rows]


def test_a_refused_table_fails_the_scan_without_its_content(tmp_path: Path) -> None:
    """CSV-1: rows before the break may have come; the error names rule and line, never content."""
    path = tmp_path / "broken.csv"
    path.write_bytes(b'a,b\n1,2\n"canary')
    rows = hardened.records(path, ("a",), ("b",), Report())

    assert {"a": "1", "b": "2"} == next(rows)
    with pytest.raises(SourceError, match="`csv-line` at line 3") as caught:
        next(rows)
    assert Reason.ADAPTER_UNAVAILABLE == caught.value.reason
    assert "canary" not in repr(caught.value)


def test_a_name_that_is_no_name_is_not_repeated(tmp_path: Path) -> None:
    """A strange header is told by place where it does not look like a name."""
    path = tmp_path / "strange.csv"
    path.write_text("a,<script>canary</script>,Extra\n1,2,3\n")
    report = Report()

    assert [{"a": "1"}] == list(hardened.records(path, ("a",), (), report))
    assert {("unknown-column", "column 2"): 1, ("unknown-column", "Extra"): 1} == report.notices


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1, "a": 2}', "json-duplicate-key"),
        (b'{"b": {"a": 1, "a": 1}}', "json-duplicate-key"),
        (b"[" * 1000 + b"]" * 1000, "json-depth"),
        (b"[" * 65 + b"]" * 65, "json-depth"),
        (b"[" * 200_000, "json-depth"),
        (b"NaN", "json-number"),
        (b"[-Infinity]", "json-number"),
        (b"1" * 400, "json-number"),
        (b"0." + b"1" * 400, "json-number"),
        (b"1e999", "json-number"),
        (b'"\\ud800"', "encoding"),
        (b'"\xff"', "encoding"),
        (b"{} {}", "json-malformed"),
        (b"", "json-malformed"),
    ],
)
def test_json_that_readers_disagree_on_is_refused(data: bytes, reason: str) -> None:
    """JSON-1: duplicate keys, depth, NaN and endless numbers are refused, each by its reason."""
    with pytest.raises(UnreadableError) as caught:
        hardened.parse_json(data)

    assert reason == caught.value.reason


def test_json_within_the_limits_is_read() -> None:
    """JSON-1: 64 levels, forty digits and a whole surrogate pair are read."""
    assert hardened.parse_json(b"[" * 64 + b"]" * 64)
    assert int("1" * 40) == hardened.parse_json(b"1" * 40)
    assert "\U0001f600" == hardened.parse_json(b'"\\ud83d\\ude00"')
