"""The delivered set as records with PNGs."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.progress import track
from cosmop.stylegan2.export import Exported, ImageRecord


@dataclass(frozen=True, eq=False)
class RecordedImages:
    """The generated images of a set, read from the store one by one.

    Attributes:
        images: The set, an `ImageRecord` in the columns of each image.
        class_names: The columns that hold its labels, in the generator's order.
    """

    images: ImageSet
    class_names: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Exported]:
        """Yield record and PNG of each image.

        Raises:
            InputError: The set does not say how its images were made.
        """
        manifest = self.images.manifest
        columns = [field.name for field in fields(ImageRecord) if field.name != "label"]
        missing = [name for name in (*columns, *self.class_names) if name not in manifest.columns]
        if missing:
            raise InputError(
                f"Exporting wants to know how each image was made, got a set without {missing}; "
                "make it again with `kedro run --nodes=generate_images`."
            )
        rows = manifest[columns].to_dict("records")
        labels = manifest[list(self.class_names)].to_numpy(float).tolist()
        for index, row in enumerate(track(rows, "exporting images", unit="image")):
            label = tuple(labels[index]) if self.class_names else None
            record = ImageRecord(**{str(name): value for name, value in row.items()}, label=label)
            yield record, self.images.store.read(manifest["path"].iloc[index])
