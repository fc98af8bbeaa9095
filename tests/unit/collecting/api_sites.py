"""Openverse, Wikimedia Commons, and APIs of our own, as scripted servers answer them."""

import html
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import yaml

from cosmop.collecting.providers.api_search import ApiProviderOptions

from .conftest import says

FOLDER = Path(__file__).parents[3] / "conf/base/providers"
JSON = "application/json"

KEY = "wHisp3r+of/Mine=%7E&Me:"  # with much that is written otherwise in addresses, JSON and HTML
WAYS_TO_WRITE = (
    str,
    lambda text: quote(text, safe=""),
    lambda text: "".join(f"%{ord(character):02x}" for character in text),
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    lambda text: "".join(f"\\u{ord(character):04X}" for character in text),
    html.escape,
    lambda text: "".join(f"&#{ord(character)};" for character in text),
)


def is_seen(text):
    """Tell whether text shows the key to somebody who undoes up to four ways of writing it."""
    seen, new = set(), {text}
    for _ in range(4):
        seen |= new
        new = {undo(each) for each in new for undo in _UNDOING} - seen
    return any(KEY.lower() in each.lower() for each in seen | new)


_UNDOING = (
    unquote,
    html.unescape,
    lambda text: re.sub(r"\\u00([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text),
    lambda text: re.sub(r"\\(.)", r"\1", text),
)


def provider(file, **changes):
    data = yaml.safe_load((FOLDER / f"{file}.yml").read_text(encoding="utf-8"))[file]
    data["url_template"] = data["url_template"].replace("https://", "http://")
    return ApiProviderOptions.model_validate({"name": file, **data, "interval_s": 0.0, **changes})


def openverse_image(number):
    return {
        "id": f"0aff3595-8168-440b-83ff-{number:012}",
        "title": f"Market &amp; street {number}",
        "indexed_on": "2020-11-10T03:11:59.000000Z",
        "foreign_landing_url": f"https://www.flickr.com/photos/1/{number}",
        "url": f"https://live.staticflickr.com/1/{number}_b.jpg",
        "creator": "Ana Quispe",
        "creator_url": "https://www.flickr.com/photos/1",
        "license": "by-sa",
        "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        "provider": "flickr",
        "source": "flickr",
        "filesize": None,
        "filetype": None,
        "tags": [{"name": "peru", "accuracy": None}],
        "attribution": "...",
        "mature": False,
        "height": 683,
        "width": 1024,
        "thumbnail": f"https://api.openverse.org/v1/images/{number}/thumb/",
        "unstable__sensitivity": [],
    }


def openverse(pages, per_page=20, total=None):
    """Answer as Openverse does: pages from 1, an error beyond the last one."""

    def answer(handler):
        asked = parse_qs(urlsplit(handler.path).query)
        page = int(asked["page"][0])
        if page > pages or int(asked["page_size"][0]) > 20:
            says(b'{"detail":"not allowed"}', 401, JSON)(handler)
            return
        first = (page - 1) * per_page
        body = {
            "result_count": total or pages * per_page,
            "page_count": pages,
            "page_size": per_page,
            "page": page,
            "results": [openverse_image(first + i) for i in range(per_page)],
        }
        says(json.dumps(body).encode(), 200, JSON)(handler)

    return answer


def commons_page(number, index):
    return {
        "pageid": 1000 + number,
        "ns": 6,
        "title": f"File:Mercado {number}.jpg",
        "index": index,
        "imagerepository": "local",
        "imageinfo": [
            {
                "size": 4_000_000,
                "width": 4000,
                "height": 3000,
                "thumburl": f"https://upload.wikimedia.org/thumb/{number}/330px-M.jpg",
                "thumbwidth": 330,
                "thumbheight": 248,
                "url": f"https://upload.wikimedia.org/{number}/M.jpg",
                "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Mercado_{number}.jpg",
                "mime": "image/jpeg",
                "extmetadata": {
                    "ObjectName": {"value": f"Mercado {number}", "source": "mediawiki-metadata"},
                    "Artist": {
                        "value": '<a href="//commons.wikimedia.org/wiki/User:Jos%C3%A9" '
                        'title="User:José">José</a><br>Rojas',
                        "source": "commons-desc-page",
                    },
                    "LicenseShortName": {"value": "CC BY-SA 4.0", "source": "commons-desc-page"},
                    "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0"},
                },
            }
        ],
    }


def commons(numbers, continuation=None):
    pages = [commons_page(n, index) for index, n in enumerate(numbers, start=1)]
    body = {"batchcomplete": True, "query": {"pages": sorted(pages, key=lambda p: -p["pageid"])}}
    return body | ({"continue": continuation} if continuation else {})


def api(name="api", **changes):
    """Describe an API of two results per page, on the host ``<name>.test``."""
    return {
        "kind": "api",
        "url_template": f"http://{name}.test/s?q={{query}}&p={{page}}&l={{language}}",
        "results": "hits",
        "paging": {"per_page": 2},
        "fields": {"image_url": "u"},
        "interval_s": 0.0,
        **changes,
    }


def hits(handler, pages=1, host="api"):
    """Answer each query with pages of two images that are named by it."""
    asked = {name: value[0] for name, value in parse_qs(urlsplit(handler.path).query).items()}
    query, page = asked["q"].replace(" ", "_"), int(asked["p"])
    found = [{"u": f"http://{host}.e.org/{query}/{page}{i}"} for i in "ab"]
    body = {"hits": found if page <= pages and query != "volcano" else []}
    says(json.dumps(body).encode(), 200, "application/json")(handler)
