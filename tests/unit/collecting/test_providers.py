import inspect
from pathlib import Path

import pytest
import yaml

from cosmop.collecting.providers import providers
from cosmop.collecting.providers.api_options import ApiProviderOptions
from cosmop.collecting.providers.providers import PageProviderOptions, providers_from
from cosmop.errors import InputError

from .conftest import shipped_providers

PROJECT = Path(__file__).parents[3]
FILES = sorted((PROJECT / "conf/base/providers").glob("*.yml"))
PAGES = [name for name, conf in shipped_providers().items() if conf["kind"] == "page"]


def documented():
    text = (inspect.getdoc(providers) or "").split("::\n")[1]
    return yaml.safe_load(text)


def made(**changes):
    conf = documented()["my_archive"] | changes
    return providers_from({"my_archive": conf}, ["my_archive"])[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_file_holds_one_provider_that_works_and_says_where_its_facts_come_from(file):
    text = file.read_text(encoding="utf-8")
    conf = yaml.safe_load(text)

    assert list(conf) == [file.stem]
    assert providers_from(conf, [file.stem])[0].name == file.stem
    assert text.startswith("# ")
    assert "${" not in text  # OmegaConf would look for a variable there


@pytest.mark.parametrize("name", PAGES)
def test_a_page_provider_comes_with_pages_to_try_it_on(name):
    folder = PROJECT / "tests/browser/fixtures" / name

    shown = {path.name for path in folder.glob("*")}

    assert {"results.html", "no_results.html", "changed.html", "expected.json"} <= shown


def test_four_page_providers_are_shipped_and_two_of_them_can_do_without_a_browser():
    chosen = providers_from(shipped_providers(), PAGES)

    assert {"bing", "duckduckgo", "gallery", "google"} == {p.name for p in chosen}
    assert {"bing", "gallery"} == {p.name for p in chosen if p.plain}


def test_providers_come_in_the_order_of_their_names_each_once_and_by_their_kind():
    conf = documented() | {
        "an_api": {
            "kind": "api",
            "url_template": "https://e.org/?q={query}",
            "results": "results",
            "fields": {"image_url": "url"},
        }
    }

    chosen = providers_from(conf, ["an_api", "my_archive", "an_api"])

    assert [type(p) for p in chosen] == [ApiProviderOptions, PageProviderOptions]


@pytest.mark.parametrize(
    ("conf", "name", "message"),
    [
        (documented(), "my_archiv", r"got 'my_archiv'; did you mean 'my_archive'\?$"),
        (documented(), "flickr", r"got 'flickr'; known are \['my_archive'\]\.$"),
        ({"a": {"kind": "pages"}}, "a", "got 'pages'; correct conf/<env>/providers/a.yml"),
        ({"a": {"kind": ["page"]}}, "a", r"got \['page'\]; correct"),
        ({"a": None}, "a", "got None"),
        ({"a": {"kind": "page"}}, "a", "provider 'a': .*url_template.*in conf/<env>/providers or"),
        ({"posts": documented()["my_archive"]}, "posts", "a name other than posts"),
        ({"A b": documented()["my_archive"]}, "A b", "name"),
    ],
)
def test_a_provider_that_cannot_be_had_is_one_sentence(conf, name, message):
    with pytest.raises(InputError, match=message):
        providers_from(conf, [name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url_template": "file:///x?{query}"}, "http"),
        ({"url_template": "http://e.org/"}, "query"),
        ({"extractor": "rows"}, "return"),
        ({"fields": {"title": "t"}}, "image_url"),
        ({"fields": {"image_url": "u", "colour": "c"}}, "colour"),
        ({"unknown": 1}, "unknown"),
        ({"plain": {"result_selector": "div > a", "result_attribute": "m"}}, "selector"),
        (
            {
                "plain": {"result_selector": "a", "result_attribute": "m"},
                "blocked": {"selector": "div, a"},
            },
            "selector",
        ),
    ],
)
def test_a_provider_that_cannot_work_is_refused_before_it_is_asked(change, message):
    with pytest.raises(InputError, match=message):
        made(**change)


def test_a_query_is_escaped_and_pages_are_counted_from_the_first():
    gallery, bing = providers_from(shipped_providers(), ["gallery", "bing"])

    assert gallery.url("a&b c{page}", 2) == "http://gallery.test/search?q=a%26b+c%7Bpage%7D&page=3"
    assert "q=a&first=71&" in bing.url("a", 2)


def test_a_browser_may_reach_the_site_itself_and_what_the_file_names():
    assert made().reachable_hosts == (
        "images.example.org",
        "images.example.org",
        "*.example-static.org",
    )
