import base64
import dataclasses
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.reports.study import ReportOptions, StudyFacts, render_report
from cosmop.reports.thumbnails import data_uri, spread

_VOID = {"meta", "img", "input", "link", "br", "hr"}
_DRAWN_EMPTY = {"rect", "line", "circle", "path"}  # written <path/>, so never closed


class _Page(HTMLParser):
    """Collects tags and attributes, and notices what is closed in the wrong order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.faults: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.faults += [f"never closed: {tag}" for tag in self.open]

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in _DRAWN_EMPTY:
            self.faults.append(f"self-closed: {tag}")

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"closed out of order: {tag} at {self.getpos()}")

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


@pytest.fixture(scope="module")
def html(study_facts: StudyFacts) -> str:
    return render_report(study_facts)


@pytest.fixture(scope="module")
def page(html: str) -> _Page:
    return _Page(html)


def test_the_page_is_well_formed(page: _Page):
    assert page.faults == []


def test_the_page_asks_for_nothing_outside_itself(page: _Page, html: str):
    loaded, links = page.attributes("src") + page.attributes("srcset"), page.attributes("href")

    assert {address[:5] for address in loaded} == {"data:"}
    review = "../../duplicate_review/v1/duplicate_review/index.html"  # followed, never loaded
    assert {link for link in links if not link.startswith("#")} == {review}
    assert not re.findall(
        r"(?i)(?:https?:)?//[a-z]|@import|url\(", re.sub(r"base64,[^\"]+", "", html)
    )


def test_every_picture_has_words_and_a_size(page: _Page):
    pictures = [a for tag, a in page.tags if tag == "img" and a["src"] != "data:,"]

    assert len(pictures) > 200
    assert all(a["alt"] and int(a["width"]) and int(a["height"]) for a in pictures)


def test_every_link_and_label_points_to_something(page: _Page):
    ids = page.attributes("id")
    targets = [address[1:] for address in page.attributes("href") if address.startswith("#")]

    assert len(ids) == len(set(ids))
    assert set(targets) | set(page.attributes("aria-labelledby")) <= set(ids)


def test_text_from_the_web_is_escaped(html: str):
    assert "<b>scene</b>" not in html
    assert "&lt;b&gt;scene&lt;/b&gt; &amp; number" in html
    assert "truncated &lt;file&gt;" in html


def test_the_headlines_carry_the_figures(html: str):
    for figure in (
        "1,012 → 440",
        ">293<",
        ">0.913<",
        ">0.833<",
        ">0.041<",
        ">0.380<",
        ">2.2%<",
        ">not shown<",
    ):
        assert figure in html


def test_the_original_figures_stand_beside_ours(html: str):
    for figure in ("22,000", "0.79 [0.741, 0.832] n=305", "FID 127.72", "0.705 [0.686, 0.724]"):
        assert figure in html


def test_the_same_facts_make_the_same_page(study_facts: StudyFacts, html: str):
    assert render_report(study_facts) == html


def test_an_empty_study_is_a_page_of_quiet_notes():
    page = _Page(text := render_report(StudyFacts(title="Nothing yet")))

    assert page.faults == []
    assert text.count("Not run:") == 14
    assert text.count("<b>not run</b>") == 11


@pytest.mark.parametrize(
    "name", [f.name for f in dataclasses.fields(StudyFacts) if f.name != "title"]
)
def test_any_single_piece_may_be_missing(study_facts: StudyFacts, name: str):
    blank = getattr(StudyFacts(title="t"), name)
    options = ReportOptions(
        sheet_images=1,
        gallery_images=1,
        gallery_judges=1,
        closest_pairs=1,
        duplicate_groups=1,
        grids=2,
        grid_px=64,
    )

    assert (
        _Page(render_report(dataclasses.replace(study_facts, **{name: blank}), options)).faults
        == []
    )


def test_galleries_show_the_worst_answers_first(html: str):
    judge = html[html.index("<h4>False positives <") :]
    wrong_yes, wrong_no = (
        judge.split("<h4>False negatives")[0],
        judge.split("<h4>False negatives")[1],
    )
    wrong_no = wrong_no.split("<h4>")[0]

    def scores(part):
        return [float(score) for score in re.findall(r"<figcaption>([\d.-]+)<", part)]

    assert scores(wrong_yes) == sorted(scores(wrong_yes), reverse=True)
    assert scores(wrong_no) == sorted(scores(wrong_no))
    assert min(scores(wrong_yes)) > 0.5 > max(scores(wrong_no))


def test_every_judged_test_image_is_in_one_cell(study_facts: StudyFacts, html: str):
    cells = re.findall(r'"gallery"><h4>(?:True|False) \w+ <span class="count">(\d+)', html)

    is_test = study_facts.scores["set"] == "test"
    assert sum(map(int, cells)) == 2 * int(is_test.sum())


def test_only_the_wanted_judges_are_shown_in_pictures(study_facts: StudyFacts):
    text = render_report(study_facts, ReportOptions(gallery_judges=1))

    assert text.count('"gallery"><h4>False positives') == 1


def test_sections_are_numbered_by_the_page_and_not_by_hand(page: _Page):
    sections = [a["id"] for tag, a in page.tags if tag == "section"]

    assert sections[6:12] == [
        "distances",
        "copies",
        "evaluation",
        "acceptance",
        "question",
        "galleries",
    ]
    assert sections[-2:] == ["card", "limits"]


def test_an_unreadable_image_leaves_a_hole_and_not_an_error(tmp_path):
    store = ImageStore(tmp_path)
    image_id, path = store.add(b"<html>not an image</html>", "jpg")
    row = {"image_id": image_id, "path": path, "width": 9, "height": 9}
    images = ImageSet(pd.DataFrame([row]), store)

    text = render_report(StudyFacts(title="t", stages={"raw": images}))

    assert "(unreadable)" in text


def test_a_picture_is_shrunk_to_the_wanted_side_and_keeps_its_proportions():
    uri, width, height = data_uri(Image.new("RGB", (400, 200), "teal"), 128, 82)

    content = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    assert (width, height) == (128, 64) == Image.open(BytesIO(content)).size


def test_a_small_picture_is_not_enlarged_and_stays_true():
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8).repeat(4, 0)
    image = Image.fromarray(pixels.repeat(4, 1))

    uri, width, _ = data_uri(image, 128, 82)

    content = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    shown = np.asarray(Image.open(BytesIO(content)), dtype=float)
    assert width == 32
    assert np.abs(shown - np.asarray(image, dtype=float)).mean() < 8


@pytest.mark.parametrize(("count", "wanted"), [(0, 5), (3, 5), (100, 7), (5, 0), (1, 1)])
def test_a_spread_is_even_and_takes_both_ends(count, wanted):
    chosen = spread(count, wanted)

    assert len(chosen) == min(count, wanted)
    assert chosen == sorted(set(chosen))
    if len(chosen) > 1:
        assert (chosen[0], chosen[-1]) == (0, count - 1)
        assert max(np.diff(chosen)) - min(np.diff(chosen)) <= 1


def test_unknown_answers_count_as_no_and_unknown_counts_are_left_out(study_facts: StudyFacts):
    is_positive = study_facts.scores["is_positive"].astype(object)
    is_positive[study_facts.scores["set"] == "synthetic"] = None
    funnel = pd.DataFrame({"stage": ["found", "unique"], "label": ["f", "u"], "images": [7, None]})

    facts = StudyFacts(
        title="t",
        funnel=funnel,
        scores=study_facts.scores.assign(is_positive=is_positive),
        score_images=study_facts.score_images,
    )

    text = render_report(facts)
    assert "Synthetic, accepted" in text
    assert text.count('<span class="bar-label">') == 1


def test_licences_are_shown_as_the_pages_give_them(html: str):
    assert "Licences of the collected images" in html
    assert "all rights &lt;b&gt;reserved&lt;/b&gt;" in html
    assert "the page says nothing" in html


def test_the_models_behind_the_figures_are_named_with_their_versions(html: str):
    section = html[html.index('id="provenance"') :]

    assert "model: generator" in section[: section.index("Data sets")]


def test_labels_flags_and_decisions_have_their_place(html: str):
    for words in ("labels that look wrong", "Who decided", "dark", "What was ticked"):
        assert words in html
