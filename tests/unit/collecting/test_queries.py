import pandas as pd
import pytest
from pydantic import ValidationError

from cosmop.collecting.queries import QueryOptions, build_queries
from cosmop.errors import InputError


def test_templates_times_countries_come_before_keywords_in_a_stable_order():
    options = QueryOptions(
        countries=("Peru", "Chile"),
        templates=("{country} market", "street in {country}"),
        keywords=("bazaar",),
    )

    expected = ["Peru market", "Chile market", "street in Peru", "street in Chile", "bazaar"]
    assert expected == build_queries(options)["query"].tolist()
    pd.testing.assert_frame_equal(build_queries(options), build_queries(options))


def test_queries_that_differ_in_case_or_white_space_are_one():
    queries = build_queries(QueryOptions(keywords=("old  town", "Old Town ", " ", "port")))

    assert queries["query"].tolist() == ["old town", "port"]
    assert queries["query_id"].is_unique


def test_a_query_knows_its_country_and_template():
    queries = build_queries(
        QueryOptions(countries=("Peru",), templates=("{country} market",), keywords=("port",))
    )

    assert list(zip(queries["country"], queries["template"], strict=True)) == [
        ("Peru", "{country} market"),
        ("", ""),
    ]


@pytest.mark.parametrize("template", ["market", "{city} market", "{country} {city}", "{} x"])
def test_a_template_without_country_or_with_another_field_is_refused(template):
    with pytest.raises(ValidationError, match=r"phrases with \{country\}"):
        QueryOptions(countries=("Peru",), templates=(template,))


def test_nothing_to_search_for_is_one_sentence():
    with pytest.raises(InputError, match="1 countries, 0 templates and 0 keywords"):
        build_queries(QueryOptions(countries=("Peru",)))
