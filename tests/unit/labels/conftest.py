import pandas as pd
import pytest

from cosmop.labels.schema import LabelSchema

CRITERIA = ("carrying_bags", "with_children", "crowded", "patrol")


@pytest.fixture
def schema():
    return LabelSchema(criteria=CRITERIA)


@pytest.fixture
def manifest():
    rows = [
        {
            "image_id": f"{at:064x}",
            "path": f"00/{at:064x}.jpg",
            "width": 320,
            "height": 240,
            "source": "gallery",
            "title": f"scene {at}",
            "location": f"http://127.0.0.1:80/images/photo%20{at}.jpg?size=full",
        }
        for at in range(20)
    ]
    return pd.DataFrame(rows)
