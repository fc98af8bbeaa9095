"""From a photograph to the images that are learnt from: checked, cut, encoded, stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmop.imaging.decoding import (
    DecodingLimits,
    ImageFacts,
    UnreadableImageError,
    decode_rgb,
    inspect_image,
)
from cosmop.imaging.store import ImageStore
from cosmop.people.sources.cutting import (
    CutOut,
    Framing,
    framing_of,
    people_within,
    person_crops,
    person_free_crops,
    whole_photo,
)
from cosmop.people.sources.options import ReencodingOptions, SideOptions
from cosmop.people.sources.photo_files import seed_of
from cosmop.people.sources.photos import KnownPeople, Photo
from cosmop.people.sources.problems import Problems
from cosmop.people.sources.reencoding import encode_alike, shortest_usable_px

Row = dict[str, Any]


@dataclass(frozen=True)
class Intake:
    """Takes the photographs of one side in.

    Attributes:
        is_person: What whole photographs and crops of people count as.
        side: What is made of each photograph.
        reencoding: How images are encoded; None keeps photographs as they are.
        seed: Of crops and qualities; with the photograph's id it decides, whatever came before.
        store: Where the bytes go.
        limits: What counts as a usable image.
        problems: Where others are noted.
    """

    is_person: bool
    side: SideOptions
    reencoding: ReencodingOptions | None
    seed: int
    store: ImageStore
    limits: DecodingLimits
    problems: Problems

    def rows(self, photo: Photo) -> list[Row]:
        """Return the rows of a manifest that one photograph gives; none if it is unusable."""
        try:
            facts = inspect_image(photo.content, self.limits)
        except UnreadableImageError as error:
            self.problems.note("unusable image", f"{photo.photo_id}: {error}")
            return []
        origin = {
            "source": self.side.layout,
            "original_id": photo.photo_id,
            "author": photo.author,
        }
        people = photo.people if self.is_person else KnownPeople()
        if self.reencoding is None:
            images = [self._as_it_is(photo, facts, people)]
        else:
            images = list(self._cut_outs(photo, facts, people, self.reencoding))
        return [row | origin for row in images]

    def _as_it_is(self, photo: Photo, facts: ImageFacts, people: KnownPeople | None) -> Row:
        size = (facts.width, facts.height)
        row = self._stored(photo.content, facts.extension, size)
        return row | self._contents(CutOut("photo", (0, 0, *size)), people)

    def _cut_outs(
        self,
        photo: Photo,
        facts: ImageFacts,
        people: KnownPeople | None,
        reencoding: ReencodingOptions,
    ) -> Iterator[Row]:
        size, shortest_px = (facts.width, facts.height), shortest_usable_px(reencoding)
        framing = framing_of(size, reencoding.aspect, shortest_px)
        if max(framing.frame) < shortest_px:
            self.problems.note("image too small to enlarge", f"{photo.photo_id}: {size}")
            return
        image = decode_rgb(photo.content)
        chance = np.random.default_rng(seed_of(self.seed, photo.photo_id))
        for cut_out in self._windows(people or KnownPeople(), framing, chance):
            contents = self._contents(cut_out, people)
            if contents["is_person"] and contents["people"] == 0:
                self.problems.note("photograph whose frame cuts everybody off", photo.photo_id)
                continue
            window, frame = cut_out.window, framing.frame
            content, sides = encode_alike(image, window, frame, reencoding, chance)
            yield self._stored(content, "jpg", sides) | contents

    def _windows(
        self, people: KnownPeople, framing: Framing, chance: np.random.Generator
    ) -> list[CutOut]:
        side = self.side
        whole = [whole_photo(people, framing)] if side.whole_photos else []
        single = person_crops(people, framing, side.person_crops, side.margin_share)
        return whole + single + person_free_crops(people, framing, side.person_free_crops, chance)

    def _stored(self, content: bytes, extension: str, size: tuple[int, int]) -> Row:
        image_id, path = self.store.add(content, extension)
        return {"image_id": image_id, "path": path, "width": size[0], "height": size[1]}

    def _contents(self, cut_out: CutOut, people: KnownPeople | None) -> Row:
        count, share = (None, None)
        if people is not None:
            count, share = people_within(people.visible, cut_out.window)
        return {
            "is_person": self.is_person and cut_out.kind != "person_free_crop",
            "kind": cut_out.kind,
            "people": count,
            "largest_person_share": share,
        }
