import pytest

from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.plain_http import PlainSearch
from cosmop.collecting.providers.providers import providers_from

from .conftest import in_turn, says, shipped_providers

TILE = """<a class="result" data-meta='{"image_url": "/i/%d.jpg", "title": "%d"}'>"""


def page(*numbers):
    return says("".join(TILE % (n, n) for n in numbers).encode(), kind="text/html")


@pytest.fixture
def search(tmp_path):
    searches = []

    def start(host_addresses):
        evidence = Evidence(tmp_path / "pages")
        searches.append(PlainSearch(host_addresses, "test", evidence, "There is none."))
        return searches[-1]

    yield start
    for opened in searches:
        opened.close()


@pytest.fixture
def scripted(server, search, provider):
    """Ask the scripted server for at most 100 images."""
    plain = search({"gallery.test": server.address})
    return lambda: plain.find(provider, "peru", 100)


def test_all_pages_of_the_gallery_are_read_behind_its_consent_page(gallery, search, provider):
    outcome = search(gallery.host_addresses).find(provider, "market", 100)

    expected = {f"http://gallery.test/images/p{i:02}.jpg" for i in range(45) if i % 3 != 1}
    assert (outcome.status, outcome.reason) == ("ok", "")
    assert len(expected) == len(outcome.found)
    assert expected == {image.location.partition("?")[0] for image in outcome.found}
    assert {"CC0"} == {image.licence for image in outcome.found}


def test_a_limit_ends_the_search(gallery, search, provider):
    plain = search(gallery.host_addresses)

    assert len(plain.find(provider, "market", 25).found) == 25
    assert plain.find(provider, "volcano", 25).status == "no_results"


def test_pages_end_when_one_brings_nothing_new(server, scripted):
    server.routes["/search"] = in_turn(page(1, 2), page(2, 3), page(1, 3))

    outcome = scripted()

    assert [image.title for image in outcome.found] == ["1", "2", "3"]
    assert len(server.requests) == 3


def test_what_stopped_a_search_half_way_is_said(server, scripted):
    server.routes["/search"] = in_turn(page(1), says(b"", 429))

    outcome = scripted()

    assert (outcome.status, outcome.reason, len(outcome.found)) == ("ok", "HTTP 429", 1)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (says(b'<p class="no-results">', kind="text/html"), "no_results"),
        (says(b"<div class='renamed'>", kind="text/html"), "layout_changed"),
        (says(b"", 403), "blocked"),
        (says(b"", 429), "blocked"),
        (says(b"", 500), "failed"),
        (says(b"", 302, Location="http://10.0.0.1/"), "failed"),
        (says("<a>ä".encode("latin-1"), kind="text/html; charset=nonsense"), "layout_changed"),
        (says(b'<p>Go on?<p id="agree">', kind="text/html"), "consent"),
    ],
)
def test_outcomes_are_told_apart_and_a_changed_page_is_kept(
    server, scripted, tmp_path, answer, status
):
    server.routes["/search"] = answer

    outcome = scripted()

    assert status == outcome.status
    kept = [path.name for path in (tmp_path / "pages").glob("*")]
    assert kept == ([outcome.evidence] if status == "layout_changed" else [])


def test_a_page_that_does_not_come_in_time_is_a_timeout(server, search, provider):
    server.routes["/search"] = lambda handler: __import__("time").sleep(1)
    hasty = provider.model_copy(update={"timeout_s": 0.2})

    assert search({"gallery.test": server.address}).find(hasty, "q", 9).status == "timeout"


@pytest.mark.parametrize("name", ["google", "duckduckgo"])
def test_a_provider_that_only_scripts_can_read_says_that_it_needs_a_browser(search, name):
    provider = providers_from(shipped_providers(), [name])[0]

    outcome = search({}).find(provider, "q", 9)

    assert outcome.status == "failed"
    assert outcome.reason == (
        f"{name} needs a browser, for only its scripts show results. There is none."
    )


def test_signs_are_read_from_what_a_person_sees_not_from_scripts(server, search, provider):
    page = b"<p>One LAST \n step</p><script>'captcha'</script><p data-x=captcha>"
    server.routes["/search"] = says(page, kind="text/html")
    plain = search({"gallery.test": server.address})

    def status(word):
        blocked = provider.blocked.model_copy(update={"texts": (word,)})
        return plain.find(provider.model_copy(update={"blocked": blocked}), "q", 9).status

    assert [status("one last step"), status("captcha")] == ["blocked", "layout_changed"]


@pytest.mark.parametrize("meta", ["[" * 100_000, '{"a":' * 100_000, "9" * 5_000])
def test_a_row_that_is_no_json_costs_that_row_only(server, scripted, meta):
    bad = f"<a class='result' data-meta='{meta}'></a>".encode()
    server.routes["/search"] = in_turn(
        says(bad + (TILE % (1, 1)).encode(), kind="text/html"), says(b"", kind="text/html")
    )

    assert [image.title for image in scripted().found] == ["1"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_consent_form_that_leads_nowhere_is_a_failed_question(server, scripted, method):
    form = f"<form method={method} action='http://['><button id=agree>yes</button></form>"
    server.routes["/search"] = says(form.encode(), kind="text/html")

    outcome = scripted()

    assert (outcome.status, outcome.reason) == ("failed", "a consent form without a usable address")
