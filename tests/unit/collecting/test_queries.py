import pandas as pd
import pytest
from pydantic import ValidationError

from cosmop.collecting.queries import QUERY_COLUMNS, QueryOptions, build_queries
from cosmop.errors import InputError


def texts(**options):
    return build_queries(QueryOptions.model_validate(options))["query"].tolist()


def test_templates_times_countries_come_before_keywords_in_a_stable_order():
    options = QueryOptions(
        countries=("Peru", "Chile"),
        templates=("{country} market", "street in {country}"),
        keywords=("bazaar",),
        hashtags=("frontera", "#migrantes"),
    )

    queries = build_queries(options)

    words = ["Peru market", "Chile market", "street in Peru", "street in Chile", "bazaar"]
    assert queries["query"].tolist() == [*words, "#frontera", "#migrantes"]
    assert queries["kind"].tolist() == ["template"] * 4 + ["keyword"] + ["hashtag"] * 2
    assert list(queries.columns) == list(QUERY_COLUMNS)
    pd.testing.assert_frame_equal(build_queries(options), queries)


def test_queries_that_differ_in_case_or_white_space_are_one():
    queries = build_queries(QueryOptions(keywords=("old  town", "Old Town ", " ", "port")))

    assert queries["query"].tolist() == ["old town", "port"]
    assert queries["query_id"].is_unique


def test_the_same_words_in_two_languages_are_two_queries():
    words = [{"text": "mural", "language": "es"}, {"text": "mural", "language": "pt"}]
    queries = build_queries(QueryOptions.model_validate({"keywords": words}))

    assert queries["language"].tolist() == ["es", "pt"]
    assert queries["query_id"].is_unique


def test_an_id_stays_what_it_was_before_queries_had_languages():
    queries = build_queries(QueryOptions(keywords=("Old Town",)))

    assert queries["query_id"].tolist() == ["b3884ac13c0d"]


def test_a_query_knows_its_country_and_template():
    queries = build_queries(
        QueryOptions(countries=("Peru",), templates=("{country} market",), keywords=("port",))
    )

    assert list(zip(queries["country"], queries["template"], strict=True)) == [
        ("Peru", "{country} market"),
        ("", ""),
    ]


def test_names_of_countries_follow_the_language_of_the_template():
    queries = build_queries(
        QueryOptions.model_validate(
            {
                "countries": ["Brazil", "DE", "Narnia"],
                "templates": [{"text": "frontera de {country}", "language": "es"}, "{country}"],
            }
        )
    )

    assert queries["query"].tolist() == [
        *("frontera de Brasil", "frontera de Alemania", "frontera de Narnia"),
        *("Brazil", "Germany", "Narnia"),
    ]
    assert queries["country"].tolist() == ["Brazil", "Germany", "Narnia"] * 2


def test_land_borders_are_every_country_that_has_one():
    names = texts(countries="land_borders", templates=["{country} border"])

    assert len(names) == 157
    assert {"Peru border", "Vatican City border"} < set(names)
    assert {"Japan border", "Kosovo border"}.isdisjoint(names)


def test_each_pair_of_neighbours_is_asked_once():
    pairs = texts(countries=["Peru", "Chile"], templates=["{country} {neighbour} border"])

    of_peru = [f"Peru {name} border" for name in ("Bolivia", "Brazil", "Chile", "Colombia")]
    assert pairs == [
        *of_peru,
        "Peru Ecuador border",
        "Chile Argentina border",
        "Chile Bolivia border",
    ]


def test_a_neighbour_of_an_unknown_country_is_one_sentence():
    with pytest.raises(InputError, match=r"got 'Peruu'; did you mean 'Peru'\?"):
        texts(countries=["Peruu"], templates=["{country} {neighbour}"])


def test_a_cap_and_a_language_of_a_phrase_are_kept_and_the_others_have_the_defaults():
    keywords = [{"text": "mercado", "max_results": 7}, {"text": "market", "language": "en"}]
    queries = build_queries(QueryOptions.model_validate({"keywords": keywords, "language": "es"}))

    assert queries["max_results"].tolist() == [7, 0]
    assert queries["language"].tolist() == ["es", "en"]


@pytest.mark.parametrize(
    "template", ["market", "{city} market", "{country} {city}", "{} x", "{neighbour}", "{country"]
)
def test_a_template_without_country_or_with_another_field_is_refused(template):
    with pytest.raises(ValidationError, match=r"phrases with \{country\}"):
        QueryOptions(countries=("Peru",), templates=(template,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hashtags": ["two words"]}, "single words"),
        ({"hashtags": ["#"]}, "single words"),
        ({"keywords": [{"text": "a", "language": "Spanish"}]}, "language"),
        ({"keywords": [{"txt": "a"}]}, "did you mean 'text'"),
        ({"keywords": "market"}, "keywords"),
        ({"countries": "land_border"}, "countries"),
    ],
)
def test_phrases_that_cannot_be_asked_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        QueryOptions.model_validate(options)


def test_a_cut_at_the_most_queries_is_told(caplog):
    queries = build_queries(QueryOptions(keywords=("a", "b", "c"), max_queries=2))

    assert queries["query"].tolist() == ["a", "b"]
    assert "3 queries are cut to max_queries, 2" in caplog.text


def test_nothing_to_search_for_is_one_sentence():
    with pytest.raises(InputError, match="1 countries, 0 templates, 0 keywords and 0 hashtags"):
        build_queries(QueryOptions(countries=("Peru",)))
