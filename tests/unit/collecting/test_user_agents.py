from pathlib import Path

import pytest
import yaml

from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.searching.search_options import SearchOptions
from cosmop.collecting.web.user_agents import USER_AGENT_WITHOUT_CONTACT, product_token
from cosmop.errors import InputError

GLOBALS = Path(__file__).parents[3] / "conf/study/globals.yml"


def test_who_sets_no_user_agent_is_the_same_everywhere():
    """The download warns by comparing, so a study's own file must have the very words."""
    study = yaml.safe_load(GLOBALS.read_text(encoding="utf-8"))["user_agent"]
    defaults = {DownloadOptions().user_agent, SearchOptions().user_agent, study}

    assert defaults == {USER_AGENT_WITHOUT_CONTACT}


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        *((USER_AGENT_WITHOUT_CONTACT, "cosmop"), ("Lab-Bot", "lab-bot"), (" X_1 (y)", "x_1")),
        *(("a;b", "a"), ("", "")),
    ],
)
def test_the_product_token_is_what_stands_before_the_version(agent, expected):
    assert product_token(agent) == expected


@pytest.mark.parametrize("options", [SearchOptions, DownloadOptions])
@pytest.mark.parametrize("agent", ["", "a\nHost: b", "café", "\x7f"])
def test_a_name_that_no_header_can_hold_is_refused(options, agent):
    with pytest.raises(InputError, match="user_agent"):
        options.model_validate({"user_agent": agent})
