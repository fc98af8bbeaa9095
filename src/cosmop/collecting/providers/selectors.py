"""A small part of CSS selectors, and pages read by them without a browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_SELECTOR = re.compile(r"(?P<tag>[a-zA-Z][\w-]*)?(?P<rest>(?:#[\w-]+|\.[\w-]+|\[[^\]]+\])*)")
_PART = re.compile(
    r"#(?P<id>[\w-]+)|\.(?P<cls>[\w-]+)|\[(?P<attr>[\w-]+)(?:=[\"']?(?P<val>[^\"'\]]*)[\"']?)?\]"
)

_UNSEEN = {"script", "style"}
_PIECE = 200_000  # characters; a tag as long is no tag

Attributes = dict[str, str]


@dataclass(frozen=True)
class Selector:
    """One compound selector: ``tag#id.class[attribute=value]``, each part optional.

    Selectors 4, section 3.1 (W3C), without combinators and pseudo-classes: what a browser and
    `read_page` understand alike.
    """

    tag: str
    attributes: tuple[tuple[str, str | None], ...]
    classes: frozenset[str]

    def matches(self, tag: str, attributes: Attributes) -> bool:
        """Tell whether an element with `tag` and `attributes` is meant."""
        if self.tag and self.tag != tag:
            return False
        if not self.classes <= set(attributes.get("class", "").split()):
            return False
        return all(
            name in attributes and value in (None, attributes[name])
            for name, value in self.attributes
        )


def parse_selector(text: str) -> Selector:
    """Read a compound selector.

    Raises:
        ValueError: Empty, or with combinators, commas or pseudo-classes.
    """
    match = _SELECTOR.fullmatch(text.strip())
    if match is None or not text.strip():
        raise ValueError(
            f"a selector of the form tag#id.class[attribute=value], which {text!r} is not"
        )
    attributes: list[tuple[str, str | None]] = []
    classes = set()
    for part in _PART.finditer(match["rest"]):
        if part["id"]:
            attributes.append(("id", part["id"]))
        elif part["cls"]:
            classes.add(part["cls"])
        else:
            attributes.append((part["attr"].lower(), part["val"]))
    return Selector((match["tag"] or "").lower(), tuple(attributes), frozenset(classes))


@dataclass
class Form:
    """An HTML form: where it goes, how, and what it says."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class PageFacts:
    """What a page shows to a reader without scripts.

    Attributes:
        matches: Per selector the attributes of each match.
        forms: Per selector the form that its first match is in.
        text: All text outside scripts and styles, case-folded, with single spaces.
    """

    matches: dict[str, list[Attributes]]
    forms: dict[str, Form] = field(default_factory=dict)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self, selectors: dict[str, Selector]) -> None:
        super().__init__(convert_charrefs=True)
        self.selectors = selectors
        self.facts = PageFacts({text: [] for text in selectors})
        self.words: list[str] = []
        self._form: Form | None = None
        self._unseen = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen = tag if tag in _UNSEEN else ""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = attributes.get("method", "get").lower()
            self._form = Form(attributes.get("action", ""), method)
        is_button = tag == "button" or attributes.get("type") in ("submit", "button", "image")
        if self._form and tag == "input" and not is_button and attributes.get("name"):
            self._form.fields[attributes["name"]] = attributes.get("value", "")
        for text, selector in self.selectors.items():
            if selector.matches(tag, attributes):
                self.facts.matches[text].append(attributes)
                if self._form:
                    self._press(text, attributes, self._form)

    def _press(self, text: str, attributes: Attributes, form: Form) -> None:
        """Note the form as it would be sent by pressing the matched button."""
        if text not in self.facts.forms:
            self.facts.forms[text] = form
            if attributes.get("name"):
                form.fields[attributes["name"]] = attributes.get("value", "")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words += data.split()

    def handle_endtag(self, tag: str) -> None:
        self._unseen = ""
        if tag == "form":
            self._form = None


def read_page(html: str, selectors: list[str]) -> PageFacts:
    """Return the elements of `html` that `selectors` mean; broken markup is read all the same.

    The standard library's parser looks at the rest of a page anew for each tag that does not end,
    which takes hours for some pages. So it is given pieces, and never a tag that is none.
    """
    reader = _Reader({text: parse_selector(text) for text in selectors})
    for piece in _pieces(html):
        reader.feed(piece)
        if len(reader.rawdata) > _PIECE and not reader.cdata_elem:
            break
    if not reader.rawdata.startswith("<"):
        reader.close()
    reader.facts.text = " ".join(reader.words).casefold()
    return reader.facts


def _pieces(html: str) -> Iterator[str]:
    """Cut a page before tags, so that no word is cut."""
    start = 0
    while start < len(html):
        end = html.find("<", start + _PIECE)
        end = end if end > 0 else len(html)
        yield html[start:end]
        start = end
