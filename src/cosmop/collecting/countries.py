"""Countries as data: codes, names in five languages, and who shares a land border with whom.

``countries.csv`` has the 193 members and two observers of the United Nations, and Kosovo and
Western Sahara as neighbours. Codes are ISO 3166-1 (XK for Kosovo is in use, not assigned); names
follow the Unicode CLDR, written out where search engines know another form. A border of an
overseas part is a border of its state: French Guiana, Saint Martin, Ceuta and Melilla, Gibraltar,
the bases on Cyprus, Hans Island. Causeways, bridges and leased land are none.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "es", "fr", "pt", "ar")


@dataclass(frozen=True)
class Country:
    """One row of the table.

    Attributes:
        iso2: ISO 3166-1 alpha-2.
        iso3: ISO 3166-1 alpha-3.
        un: member, observer or other.
        names: Language code to the name in it.
        neighbours: The alpha-2 codes across a land border, sorted.
    """

    iso2: str
    iso3: str
    un: str
    names: dict[str, str]
    neighbours: tuple[str, ...]

    @property
    def name(self) -> str:
        """The English name."""
        return self.names["en"]

    def name_in(self, language: str) -> str:
        """Return the name in a language such as pt or pt-BR; the English one if it has none."""
        return self.names.get(language.partition("-")[0].lower(), self.name)

    def is_named_by_code(self, text: str) -> bool:
        """Tell whether `text` is one of its codes and not its name."""
        return text.strip().upper() in (self.iso2, self.iso3)


@cache
def all_countries() -> dict[str, Country]:
    """Return every country by its alpha-2 code, sorted by English name."""
    text = (files("cosmop.collecting") / "countries.csv").read_text(encoding="utf-8")
    return {
        row["iso2"]: Country(
            iso2=row["iso2"],
            iso3=row["iso3"],
            un=row["un"],
            names={language: row[language] for language in LANGUAGES},
            neighbours=tuple(row["neighbours"].split()),
        )
        for row in csv.DictReader(text.splitlines())
    }


def with_land_borders() -> tuple[Country, ...]:
    """Return the members and observers of the United Nations that have a land border."""
    known = all_countries().values()
    return tuple(country for country in known if country.neighbours and country.un != "other")


def find_country(text: str) -> Country | None:
    """Return the country of a name in any of `LANGUAGES`, or of an ISO code; None if unknown."""
    return _by_word().get(text.strip().casefold())


@cache
def _by_word() -> dict[str, Country]:
    found: dict[str, Country] = {}
    for country in all_countries().values():
        for word in (*country.names.values(), country.iso2, country.iso3):
            found.setdefault(word.casefold(), country)
    return found
