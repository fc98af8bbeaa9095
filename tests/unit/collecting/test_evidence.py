import re

from cosmop.collecting.providers.evidence import Evidence


def test_only_the_last_pages_are_kept_and_screenshots_go_with_them(tmp_path):
    evidence = Evidence(tmp_path / "pages", pages=3)

    names = [
        evidence.keep(f"site_{'ba'[n % 2]}", f"q{n}", f"page {n}", b"png" if n % 3 else b"")
        for n in range(7)
    ]

    kept = sorted(path.name for path in (tmp_path / "pages").iterdir())
    screenshots = [name.replace(".html", ".png") for name in names[4:6]]
    assert kept == sorted([*names[4:], *screenshots])
    assert (tmp_path / "pages" / names[-1]).read_text() == "page 6"


def test_a_name_comes_from_provider_time_and_query_and_from_nothing_else(tmp_path):
    hostile = "../../etc/passwd\x00\ud800<html>"

    name = Evidence(tmp_path / "pages").keep("site", hostile, hostile)

    assert re.fullmatch(r"site-\d{8}T\d{12}Z-[0-9a-f]{8}\.html", name)
    assert [tmp_path / "pages"] == list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_costs_the_page_and_not_the_search(tmp_path, caplog):
    (tmp_path / "pages").write_text("no folder")

    assert Evidence(tmp_path / "pages").keep("site", "q", "x") == ""
    assert "A page of site cannot be kept" in caplog.text


def test_files_of_others_in_the_folder_stay(tmp_path):
    (tmp_path / "notes-of-mine.html").write_text("mine")
    evidence = Evidence(tmp_path, pages=1)

    names = [evidence.keep("site", "q", "x") for _ in range(3)]

    assert {"notes-of-mine.html", names[-1]} == {path.name for path in tmp_path.iterdir()}
