import bz2
import csv
import gzip
import io
import json
import lzma

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from cosmop.collecting.lists.list_files import UNREADABLE
from cosmop.collecting.lists.url_lists import UrlList, UrlListOptions
from cosmop.errors import InputError

ROWS = [
    {"url": "http://e.org/1", "caption": 'Año, "nuevo"\n2', "license": "CC0", "width": 640},
    {"url": "http://e.org/2?a=b", "caption": "", "license": "by 4.0", "width": None},
    {"url": "https://é.org/ü.jpg", "caption": "señal 山", "license": None, "width": 12},
]
FACTS = {
    "location": ["http://e.org/1", "http://e.org/2?a=b", "https://é.org/ü.jpg"],
    "title": ['Año, "nuevo"\n2', "", "señal 山"],
    "licence": ["CC0", "by 4.0", ""],
    "claimed_width": [640, 0, 12],
}


def as_csv(rows, delimiter=","):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_jsonl(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_parquet(rows):
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), file, row_group_size=2)
    return file.getvalue()


def facts(path, **options):
    whole = {}
    for batch in UrlList(UrlListOptions(path=str(path), **options)):
        for name, values in batch.items():
            whole.setdefault(name, []).extend(values)
    return whole


FORMS = {
    "a.csv": as_csv(ROWS),
    "a.CSV": as_csv(ROWS).replace(b"\r\n", b"\n"),
    "semicolons.csv": as_csv(ROWS, ";"),
    "a.tsv": as_csv(ROWS, "\t"),
    "mark.csv": b"\xef\xbb\xbf" + as_csv(ROWS),
    "windows.csv": as_csv(ROWS).decode().encode("utf-16"),
    "a.jsonl": as_jsonl(ROWS),
    "ascii.ndjson": json.dumps(ROWS[0]).encode() + b"\n\n" + as_jsonl(ROWS[1:]).rstrip(),
    "a.parquet": as_parquet(ROWS),
    "a.csv.gz": gzip.compress(as_csv(ROWS)),
    "a.jsonl.bz2": bz2.compress(as_jsonl(ROWS)),
    "a.tsv.xz": lzma.compress(as_csv(ROWS, "\t")),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_list_says_the_same(tmp_path, name):
    (tmp_path / name).write_bytes(FORMS[name])

    assert facts(tmp_path / name) == FACTS


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_text_has_one_address_per_line_and_comments(tmp_path, name, start):
    text = f"{start}http://e.org/b\r\n\n# no\n  http://e.org/a \nftp://e.org/c\nhttp://e.org/b"
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    found = UrlList(UrlListOptions(path=str(tmp_path / name)))

    assert [batch["location"] for batch in found] == [
        ["http://e.org/b", "http://e.org/a", "http://e.org/b"]
    ]
    assert found.reason == "left out: 1 rows without an http(s) address"


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        (["URL", "TEXT"], ("URL", "TEXT")),
        (["caption", "image_url"], ("image_url", "caption")),
        (["src", "url", "alt"], ("url", None)),
        (["img", "title", "caption"], ("img", "title")),
    ],
)
def test_usual_names_of_columns_are_known_and_told(tmp_path, caplog, columns, taken):
    caplog.set_level("INFO")
    rows = [{name: f"http://e.org/{name}" for name in columns}]
    (tmp_path / "a.csv").write_bytes(as_csv(rows))

    found = facts(tmp_path / "a.csv")

    assert found["location"] == [f"http://e.org/{taken[0]}"]
    assert found.get("title") == (taken[1] and [f"http://e.org/{taken[1]}"])
    assert f"{taken[0]} as location" in caplog.text


def test_named_columns_win_over_usual_ones(tmp_path):
    row = {"url": "http://e.org/no", "u": "http://e.org/a", "c": "T", "l": "CC0", "a": "Ana",
           "p": "http://e.org/p", "w": "640.0", "h": "480"}  # fmt: skip
    (tmp_path / "a.csv").write_bytes(as_csv([row]))

    assert facts(
        tmp_path / "a.csv",
        url_column="u",
        caption_column="c",
        licence_column="l",
        author_column="a",
        page_url_column="p",
        width_column="w",
        height_column="h",
    ) == {
        "location": ["http://e.org/a"],
        "title": ["T"],
        "licence": ["CC0"],
        "author": ["Ana"],
        "page_url": ["http://e.org/p"],
        "claimed_width": [640],
        "claimed_height": [480],
    }


def test_a_password_in_an_address_is_kept_nowhere(tmp_path):
    rows = ["http://ana:s3cret@e.org/a?x=@b", "HTTPS://s3cret@E.org", "http://e.org/@ana/a"]
    (tmp_path / "a.txt").write_text("\n".join(rows))

    assert facts(tmp_path / "a.txt")["location"] == [
        "http://e.org/a?x=@b",
        "HTTPS://E.org",
        "http://e.org/@ana/a",
    ]


def test_bad_rows_are_left_out_counted_and_never_fatal(tmp_path):
    rows = [
        b"url,caption,width",
        b"http://e.org/1,caf\xe9,many",
        b",no address,3",
        b"http://e.org/2",
        b"file:///etc/passwd,x,1",
        b"data:image/png;base64,AAAA",
        b"http://e.org/\xff.jpg,x,1",
        b"http://e.org/3,too,many,columns,here",
        b"http://e.org/4,nul\x00,1e400",
        b"http://e.org/" + b"x" * 5000,
        b"",
        b'http://e.org/5,"never closed',
        *(b"http://e.org/lost,%d" % number for number in range(8000)),
    ]
    (tmp_path / "a.csv").write_bytes(b"\n".join(rows))
    found = UrlList(UrlListOptions(path=str(tmp_path / "a.csv")))

    whole = [location for batch in found for location in batch["location"]]

    assert whole[:4] == [f"http://e.org/{number}" for number in range(1, 5)]
    assert whole[-8000:] == [f"http://e.org/lost,{number}".split(",")[0] for number in range(8000)]
    assert found.left_out["without an http(s) address"] >= 5
    assert found.left_out[UNREADABLE] == 1


@pytest.mark.parametrize("after", [0, 1, 20])
def test_a_quotation_mark_without_its_partner_costs_its_own_line(tmp_path, after):
    rows = [
        "url,title",
        'http://e.org/0,"two\nlines, and ""quotes"""',
        'http://e.org/torn,"never closed',
        *(f'http://e.org/{number},"closed, ""{number}"""' for number in range(1, after + 1)),
    ]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    found = UrlList(UrlListOptions(path=str(tmp_path / "a.csv")))

    whole = [location for batch in found for location in batch["location"]]

    kept = ["http://e.org/torn"] if after == 0 else []  # nothing follows that it could swallow
    assert whole == ["http://e.org/0", *kept, *(f"http://e.org/{i + 1}" for i in range(after))]
    assert found.left_out[UNREADABLE] == (after > 0)


def test_bad_lines_of_json_are_left_out_and_counted(tmp_path):
    lines = [
        b'{"url": "http://e.org/1", "caption": "a\\ud800b"}',
        b'{"url": "http://e.org/2", "caption": {"en": "x"}}',
        b"{broken",
        b"[1, 2]",
        b"[" * 100_000,
        b'{"url": ["http://e.org/3"]}',
        b'{"caption": "no address"}',
        b'"text"',
        b'{"url": "http://e.org/\\ud83d"}',
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    found = UrlList(UrlListOptions(path=str(tmp_path / "a.jsonl")))

    (batch,) = found

    assert batch["location"] == ["http://e.org/1", "http://e.org/2", "http://e.org/?"]
    assert batch["title"] == ["a?b", "", ""]
    assert found.left_out == {"that cannot be read": 4, "without an http(s) address": 2}


def test_columns_of_parquet_of_any_type_do_no_harm(tmp_path):
    table = pa.table(
        {
            "url": pa.array(["http://e.org/1", None, "http://e.org/2"]).dictionary_encode(),
            "caption": pa.array([["a"], None, []]),
            "width": pa.array([1.5, float("nan"), float("inf")]),
            "height": pa.array([-1, 10_000_000, 480]),
            "image": pa.array([b"x", b"y", None]),
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")

    assert facts(tmp_path / "a.parquet") == {
        "location": ["http://e.org/1", "http://e.org/2"],
        "title": ["", ""],
        "claimed_width": [1, 0],
        "claimed_height": [0, 480],
    }


def test_a_folder_of_lists_is_read_in_the_order_of_names(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "2.txt").write_bytes(b"http://e.org/2\n")
    (tmp_path / "1.parquet").write_bytes(as_parquet([{"url": "http://e.org/1"}]))
    (tmp_path / "sub/3.csv.gz").write_bytes(gzip.compress(b"URL\nhttp://e.org/3\n"))
    for other in ("_SUCCESS", ".hidden.txt", "stats.json", "part.txt.crc"):
        (tmp_path / other).write_bytes(b"http://e.org/no\n")

    assert facts(tmp_path)["location"] == [f"http://e.org/{number}" for number in (1, 2, 3)]


def test_a_list_may_lie_in_any_storage():
    with fsspec.open("memory://lists/a.csv.gz", "wb") as file:
        file.write(gzip.compress(as_csv(ROWS)))
    with fsspec.open("memory://lists/b.parquet", "wb") as file:
        file.write(as_parquet(ROWS))

    assert facts("memory://lists/a.csv.gz") == FACTS
    assert facts("memory://lists")["location"] == FACTS["location"] * 2


def test_a_list_on_s3_is_read(tmp_path, monkeypatch):
    boto3 = pytest.importorskip("boto3")
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    store = moto.ThreadedMotoServer(port=0)
    store.start()
    host, port = store.get_host_and_port()
    address = {"endpoint_url": f"http://{host}:{port}"}
    client = boto3.client("s3", region_name="us-east-1", **address)
    client.create_bucket(Bucket="lists")
    client.put_object(Bucket="lists", Key="d/a.csv.gz", Body=gzip.compress(as_csv(ROWS)))
    client.put_object(Bucket="lists", Key="d/b.parquet", Body=as_parquet(ROWS))
    try:
        assert facts("s3://lists/d/a.csv.gz", storage=address) == FACTS
        assert facts("s3://lists/d", storage=address)["location"] == FACTS["location"] * 2
        with pytest.raises(InputError, match="is not there or has none"):
            facts("s3://lists/nowhere", storage=address)
    finally:
        store.stop()


def test_another_encoding_is_read_when_it_is_named(tmp_path):
    (tmp_path / "a.csv").write_bytes("url,caption\nhttp://e.org/1,café".encode("cp1252"))

    assert facts(tmp_path / "a.csv", encoding="cp1252")["title"] == ["café"]


def test_no_more_rows_are_taken_than_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr("cosmop.collecting.lists.list_files.BATCH_ROWS", 4)
    (tmp_path / "a.txt").write_text("".join(f"http://e.org/{n}\n" for n in range(20)))

    assert facts(tmp_path / "a.txt", max_rows=6)["location"] == [
        f"http://e.org/{n}" for n in range(6)
    ]


def test_a_long_list_is_read_in_bounded_batches(tmp_path):
    addresses = [f"http://host{n % 97}.example.org/{n:07}.jpg" for n in range(120_000)]
    captions = np.random.default_rng(0).integers(0, 10**9, 120_000).astype(str)
    table = pa.table({"url": addresses, "caption": captions})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=100_000)

    batches = list(UrlList(UrlListOptions(path=str(tmp_path / "a.parquet"))))

    assert max(len(batch["location"]) for batch in batches) <= 50_000
    assert [url for batch in batches for url in batch["location"]] == addresses
