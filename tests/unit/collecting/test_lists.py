import pytest

from cosmop.collecting.folder import find_in_folder
from cosmop.collecting.url_list import find_in_url_list
from cosmop.errors import InputError


def test_a_folder_gives_its_images_sorted_with_the_sub_folder_as_title(tmp_path):
    for name in ("b/x/2.PNG", "b/1.jpg", "a.webp", "b/.hidden.jpg", "notes.txt", "z.heic"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    found = find_in_folder(tmp_path)

    assert [(image.source_path, image.title) for image in found] == [
        ("a.webp", ""),
        ("b/1.jpg", "b"),
        ("b/x/2.PNG", "b/x"),
        ("z.heic", ""),
    ]
    assert str(tmp_path / "b/1.jpg") == found[1].location


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.jpg").write_bytes(b"")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/b.jpg").write_bytes(b"")
    (tmp_path / "mine/link").symlink_to(tmp_path / "outside")

    assert [image.source_path for image in find_in_folder(tmp_path / "mine")] == ["b.jpg"]


def test_an_empty_or_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="found none below"):
        find_in_folder(tmp_path)
    with pytest.raises(InputError, match="wants a folder of images"):
        find_in_folder(tmp_path / "nowhere")


def test_a_text_list_skips_comments_and_keeps_the_order(tmp_path):
    file = tmp_path / "urls.txt"
    file.write_text("\ufeffhttp://e.org/b\n\n# no\n  http://e.org/a \nnot an address\n")

    expected = ["http://e.org/b", "http://e.org/a", "not an address"]
    assert expected == [image.location for image in find_in_url_list(file)]


def test_a_csv_list_keeps_what_it_knows_of_each_image(tmp_path):
    file = tmp_path / "urls.csv"
    file.write_text("licence,url,colour,title\nCC0,http://e.org/a,red,A\n,http://e.org/b\n,,,\n")

    found = find_in_url_list(file)

    assert [(image.location, image.licence, image.title) for image in found] == [
        ("http://e.org/a", "CC0", "A"),
        ("http://e.org/b", "", ""),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "address\nhttp://e.org", "a column named url"),
        ("a.csv", "", "a column named url"),
        ("a.txt", "# only a comment\n", "at least one address"),
        ("a.csv", "url\n\n", "at least one address"),
    ],
)
def test_a_list_without_addresses_is_one_sentence(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)

    with pytest.raises(InputError, match=message):
        find_in_url_list(tmp_path / name)


def test_a_missing_list_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        find_in_url_list(tmp_path / "urls.txt")
