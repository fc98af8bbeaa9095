import pytest

from cosmop.collecting.countries import LANGUAGES, all_countries, find_country, with_land_borders

# How many neighbours encyclopaedias give, overseas parts included.
KNOWN_COUNTS = {
    "CN": 14, "RU": 14, "BR": 10, "CD": 9, "DE": 9, "TZ": 8, "ZM": 8, "AT": 8, "TR": 8, "FR": 11,
    "IN": 6, "UA": 7, "PL": 7, "SA": 7, "ML": 7, "NE": 7, "SD": 7, "MX": 3, "US": 2, "PT": 1,
    "LS": 1, "HT": 1, "PE": 5, "CO": 5, "BO": 5, "PY": 3, "CL": 3, "KR": 1, "IE": 1, "DZ": 7,
}  # fmt: skip
ISLANDS = ("AU", "JP", "NZ", "PH", "CU", "IS", "MG", "LK", "SG", "BH", "MT", "TT", "FJ")


def test_every_border_has_two_sides_and_nobody_borders_on_themselves():
    countries = all_countries()

    for country in countries.values():
        assert country.iso2 not in country.neighbours
        assert list(country.neighbours) == sorted(set(country.neighbours))
        for code in country.neighbours:
            assert country.iso2 in countries[code].neighbours, (country.name, code)


def test_the_table_holds_the_united_nations():
    status = [country.un for country in all_countries().values()]

    assert (status.count("member"), status.count("observer")) == (193, 2)
    borders = with_land_borders()
    assert [country.un for country in borders].count("member") == 155
    assert {country.iso2 for country in borders}.isdisjoint(ISLANDS)


@pytest.mark.parametrize(("code", "count"), KNOWN_COUNTS.items())
def test_a_country_has_as_many_neighbours_as_an_encyclopaedia_says(code, count):
    assert len(all_countries()[code].neighbours) == count


def test_codes_are_unique_and_names_complete_in_every_language():
    countries = all_countries().values()

    assert len({country.iso3 for country in countries}) == len(countries)
    for language in LANGUAGES:
        names = [country.names[language] for country in countries]
        assert all(name == name.strip() and len(name) > 2 for name in names)
        assert len(set(names)) == len(names)
    assert all("\u0600" <= country.names["ar"][0] <= "\u06ff" for country in countries)


@pytest.mark.parametrize("text", ["Peru", "perú", " PE ", "per", "Pérou", "بيرو"])
def test_a_country_is_found_by_any_of_its_names_and_codes(text):
    assert find_country(text) is all_countries()["PE"]


def test_what_is_no_country_is_none():
    assert find_country("Atlantis") is None


def test_a_name_follows_the_language_and_its_region():
    germany = all_countries()["DE"]

    languages = ("es", "pt-BR", "de", "")
    assert [germany.name_in(one) for one in languages] == ["Alemania", "Alemanha", *["Germany"] * 2]
