import base64
import io
import re
import shutil
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from selenium import webdriver

from cosmop.errors import InputError
from cosmop.imaging.duplicates import DuplicateOptions, group_duplicates
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.reports.duplicate_pages import DuplicatePageOptions, duplicate_pages

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")


def _image_set(folder, count, size=(60, 40), **columns):
    """Pictures of noise, image 0, 1, … with ids of 64 digits."""
    store, rng, rows = ImageStore(folder), np.random.default_rng(0), []
    for _ in range(count):
        buffer = io.BytesIO()
        pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(buffer, "JPEG")
        image_id, path = store.add(buffer.getvalue(), "jpg")
        row = {"image_id": image_id, "path": path, "width": size[0], "height": size[1]}
        rows.append(row | {"bytes": len(buffer.getvalue())})
    return ImageSet(pd.DataFrame(rows).assign(**columns), store)


def _groups(images, hashes, radius=8):
    texts = [f"{code:016x}" for code in hashes]
    table = pd.DataFrame({"image_id": images.ids, "phash": texts}, dtype="str")
    table["low_information"] = False
    return group_duplicates(table, images.manifest, DuplicateOptions(radius_bits=radius)), table


def _pairs(images):
    """Groups of two: image 0 with 1, 2 with 3, … 0 to 8 bits apart."""
    rng = np.random.default_rng(1)
    codes = [int(code) for code in rng.integers(0, 2**64, len(images) // 2, dtype=np.uint64)]
    hashes = [code ^ near for at, code in enumerate(codes) for near in (0, (1 << at % 9) - 1)]
    return _groups(images, hashes)


def _ids(html):
    return re.findall(r'data-id="(\w+)"', html)


def test_the_kept_image_comes_first_then_the_farthest_copy(tmp_path):
    images = _image_set(tmp_path, 5)
    groups, _ = _groups(images, [0, 0b1, 0b1111, 2**63 - 1, 0b11])
    kept = groups.loc[groups["is_kept"] & (groups["group_id"] == 0), "image_id"].item()

    [(name, html)] = duplicate_pages(images, groups)

    members = groups[(groups["group_id"] == 0) & ~groups["is_kept"]]
    farthest_first = members.sort_values("distance_to_kept", ascending=False, kind="stable")
    assert name == "index.html"
    assert _ids(html) == [kept, *farthest_first["image_id"]]
    assert images.ids[3] not in html  # it has no copy
    for reason in groups.loc[groups["group_id"] == 0, "reason"]:
        assert reason in html
    assert "60 × 40" in html


def test_every_group_is_on_exactly_one_page_the_widest_first(tmp_path):
    images = _image_set(tmp_path, 46)
    groups, _ = _pairs(images)

    pages = duplicate_pages(images, groups, options=DuplicatePageOptions(groups_per_page=5))
    made = dict(pages)

    assert list(made) == ["index.html", *(f"page-000{n}.html" for n in range(1, 6))]
    assert len(pages) == len(made)
    assert sorted(i for html in made.values() for i in _ids(html)) == sorted(images.ids)
    index, *others = made.values()
    assert all(f'href="{name}"' in index for name in list(made)[1:])
    widths = [int(bits) for html in others for bits in re.findall(r"farthest (\d+) bit", html)]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) == 23


def test_pages_are_cut_by_pictures_too_but_never_within_a_group(tmp_path):
    images = _image_set(tmp_path, 12)
    groups, _ = _groups(images, [0] * 5 + [2**40 - 1] * 4 + [2**64 - 1] * 3)
    options = DuplicatePageOptions(pictures_per_page=8)

    _, *made = duplicate_pages(images, groups, options=options)

    assert [len(_ids(html)) for _, html in made] == [5, 7]


def test_a_huge_group_shows_its_doubtful_members_and_counts_the_rest(tmp_path):
    images = _image_set(tmp_path, 40)
    groups, _ = _groups(images, [0] * 30 + [7] * 10)
    options = DuplicatePageOptions(pictures_per_group=6)

    [(_, html)] = duplicate_pages(images, groups, options=options)

    shown = groups.set_index("image_id").loc[_ids(html)]
    assert shown["is_kept"].tolist() == [True] + [False] * 5
    assert shown["distance_to_kept"].tolist()[1:] == [3] * 5
    assert "34 nearer copies are not shown" in html


def test_text_from_the_web_is_escaped_and_only_web_addresses_are_links(tmp_path):
    evil = "<script>alert(1)</script>"
    addresses = ["javascript:alert(1)", 'https://x.test/"><b>']
    images = _image_set(tmp_path, 2, source=evil, query="a & b", page_url=addresses)
    groups, _ = _groups(images, [1, 1])

    [(_, html)] = duplicate_pages(images, groups)

    assert evil not in html
    assert "a &amp; b" in html
    assert "javascript:" not in html
    assert '<a href="https://x.test/&#34;&gt;&lt;b&gt;"' in html


def test_the_page_asks_for_nothing_and_thumbnails_are_small_and_upright(tmp_path):
    store = ImageStore(tmp_path)
    picture = Image.new("RGB", (400, 1000), "red")
    picture.paste("blue", (0, 500, 400, 1000))
    exif = Image.Exif()
    exif[0x0112] = 6
    rows = []
    for quality in (80, 90):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, exif=exif)
        image_id, path = store.add(buffer.getvalue(), "jpg")
        rows.append({"image_id": image_id, "path": path, "width": 1000, "height": 400})
    images = ImageSet(pd.DataFrame(rows), store)
    groups, _ = _groups(images, [1, 1])

    [(_, html)] = duplicate_pages(images, groups)

    uris = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    shown = Image.open(io.BytesIO(base64.b64decode(uris[0])))
    assert len(uris) == 2
    assert shown.size == (176, 70)
    assert shown.getpixel((10, 35))[2] > 200  # turned clockwise, the lower half comes to the left
    assert not re.search(r'(src|href)="(?!data:|#)', html)


def test_an_unreadable_picture_is_said_to_be_so(tmp_path):
    images = _image_set(tmp_path, 2)
    images.files[1].write_bytes(b"no image")
    groups, _ = _groups(images, [1, 1])

    [(_, html)] = duplicate_pages(images, groups)

    assert html.count('src="data:image/jpeg') == 1
    assert html.count(", unreadable") == 1


def test_hashes_tell_which_images_are_too_plain(tmp_path):
    images = _image_set(tmp_path, 3)
    groups, hashes = _groups(images, [1, 1, 1])
    hashes["low_information"] = [True, False, False]

    [(_, html)] = duplicate_pages(images, groups, hashes)

    assert html.count("too plain to hash") == 1


@pytest.mark.parametrize("count", [0, 1])
def test_a_set_without_copies_says_so(tmp_path, count):
    images = _image_set(tmp_path, max(count, 1)).where(np.arange(max(count, 1)) < count)
    groups, hashes = _groups(images, [1] * count)

    pages = duplicate_pages(images, groups, hashes)

    [(name, html)] = pages
    assert name == "index.html"
    assert len(pages) == 1
    assert "No image has a copy." in html


def test_groups_of_another_image_set_are_refused(tmp_path):
    images = _image_set(tmp_path, 4)
    groups, _ = _groups(images, [1] * 4)

    with pytest.raises(InputError, match=r"2 grouped images are not in it, first '\w{64}'"):
        duplicate_pages(images.where(np.arange(4) < 2), groups)


def test_only_one_page_of_pictures_is_held_at_a_time(tmp_path):
    images = _image_set(tmp_path, 600, size=(48, 48))
    groups, _ = _pairs(images)
    pages = duplicate_pages(images, groups, options=DuplicatePageOptions(groups_per_page=5))
    total = 0
    tracemalloc.start()

    for _, html in pages:
        total += len(html)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < total / 4


@pytest.mark.browser
@pytest.mark.skipif(not (_CHROMIUM and _DRIVER), reason="needs chromium and chromedriver")
def test_in_a_browser_buttons_write_the_lines_of_the_decisions(tmp_path):
    images = _image_set(tmp_path / "store", 6)
    groups, _ = _groups(images, [0, 1, 3, 2**40 - 1, 2**40 - 1, 2**64 - 1])
    [(_, html)] = duplicate_pages(images, groups)
    path = tmp_path / "index.html"
    path.write_text(html, encoding="utf-8")
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    try:
        driver.get(path.as_uri())
        press = "document.querySelectorAll('button[data-decision]')[arguments[0]].click()"
        read = "return document.querySelector('.decisions textarea').value"
        for button in (0, 1, 3, 1):
            driver.execute_script(press, button)
        lines = driver.execute_script(read)
        saved = driver.execute_script("return document.querySelector('a[download]').href")
        wide = driver.execute_script("return document.documentElement.scrollWidth > innerWidth")
        errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    finally:
        driver.quit()

    ids = _ids(html)
    assert lines.splitlines() == [f"{ids[0]},drop,", f"{ids[3]},drop,"]
    assert saved.startswith("data:text/csv;charset=utf-8,image_id%2Cdecision%2Cnote%0A")
    assert not wide
    assert errors == []
