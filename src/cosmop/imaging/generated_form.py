"""The form of generated images, which real images take on before they are compared with them."""

from dataclasses import dataclass

from PIL import Image

from cosmop.imaging.decoding import fit_image

MODES = {1: "L", 3: "RGB"}  # Pillow's names; L is luma of ITU-R 601-2


@dataclass(frozen=True)
class GeneratedForm:
    """Size and colours of a generator's images.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 3 for RGB, 1 for greyscale.
    """

    height: int
    width: int
    channels: int = 3

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    def of(self, image: Image.Image) -> Image.Image:
        """Return the RGB `image` as the generator was shown it in training, and RGB again.

        It is stretched to the size and rounded to uint8; a greyscale form then keeps its luma
        alone, three times.
        """
        stretched = fit_image(image, self.size, "stretch")
        return stretched.convert(MODES[self.channels]).convert("RGB")
