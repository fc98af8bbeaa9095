import logging
import os
import stat

import pytest

from cosmop.collecting.providers.chromium import ChromiumSettings, NoBrowserError, start_chromium
from cosmop.collecting.providers.page_search import open_page_search
from cosmop.collecting.providers.providers import providers_from

from .conftest import shipped_providers

HOSTS = ChromiumSettings(["gallery.test"], deadline_s=2.0)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A PATH with nothing on it but what is written into this folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SE_OFFLINE", "true")

    def write(name, text):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(stat.S_IRWXU)

    return write


@pytest.mark.parametrize(("there", "missing"), [((), "Chromium"), (("chromium",), "chromedriver")])
def test_a_missing_browser_is_one_sentence_that_names_it(programs, there, missing):
    for name in there:
        programs(name, "#!/bin/sh\n")

    with pytest.raises(
        NoBrowserError, match=f"^There is no browser, because {missing} is not .*\\.$"
    ):
        start_chromium(HOSTS)


def test_a_driver_that_ends_at_once_is_one_sentence(programs):
    programs("chromium", "#!/bin/sh\nexit 1\n")
    programs("chromedriver", "#!/bin/sh\nexit 1\n")

    with pytest.raises(NoBrowserError, match=r"^Chromium did not start \(.*\); look at .*\.$"):
        start_chromium(HOSTS)


def test_a_driver_that_never_answers_is_given_up_at_the_deadline(programs):
    programs("chromium", "#!/bin/sh\n")
    programs("chromedriver", f"#!{os.sys.executable}\nimport time\ntime.sleep(4)\n")

    with pytest.raises(NoBrowserError, match=r"within 0\.3 s; try again, or raise browser_start_s"):
        start_chromium(ChromiumSettings([], deadline_s=0.3))


def test_without_a_browser_pages_are_read_by_plain_http_and_others_say_what_they_need(
    programs, gallery, tmp_path, caplog
):
    chosen = providers_from(shipped_providers(), ["gallery", "google"])
    with (
        caplog.at_level(logging.WARNING),
        open_page_search(
            chosen, gallery.host_addresses, work=tmp_path / "work", user_agent="test"
        ) as pages,
    ):
        outcomes = [pages.find(provider, "market", 5) for provider in chosen]

    assert pages.how == "plain HTTP"
    assert [outcome.status for outcome in outcomes] == ["ok", "failed"]
    assert outcomes[1].reason.startswith("google needs a browser, for only its scripts show ")
    assert "Chromium is not on PATH" in outcomes[1].reason
    assert "Chromium is not on PATH" in caplog.text
