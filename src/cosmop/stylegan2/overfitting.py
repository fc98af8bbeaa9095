"""How much the discriminator knows its training images by heart: the r_v of ADA."""

import torch
from torch import Tensor

from cosmop.stylegan2.augmenting import augmented, drawn_for
from cosmop.stylegan2.image_data import ResidentImages
from cosmop.stylegan2.options import TrainingOptions
from cosmop.stylegan2.steps import Contest

_MOST_IMAGES = 512


@torch.no_grad()
def held_out_gap(
    contest: Contest, data: ResidentImages, options: TrainingOptions, seed: int
) -> float | None:
    """Return (E D(train) - E D(held out)) / (E D(train) - E D(fake)): 0 is none, 1 complete.

    Mean logits of as many images of each kind, under the augmentation of the moment (ADA, Karras
    et al. 2020b, equation 1, r_v). None where too few images are held out. Draws from its own
    `seed`, so that training goes on as if nothing had been asked.
    """
    network = contest.generator.options
    batch = min(options.batch_size, data.num_held_out)
    batch -= batch % network.minibatch_group
    if batch == 0:
        return None
    random = torch.Generator(contest.random.device).manual_seed(seed)
    shape = (batch, network.image_channels, network.height, network.width)
    sums = torch.zeros(3, device=random.device)
    for start in range(0, min(data.num_held_out, _MOST_IMAGES) - batch + 1, batch):
        z_ND = torch.randn(batch, network.z_dim, device=random.device, generator=random)
        labels = data.draw_labels(batch, random)
        noise = contest.generator.synthesis.draw_noise(batch, z_ND, random)
        fake = contest.generator(z_ND, labels, noise=noise)
        kinds = data.batch(start, batch), data.held_out_batch(start, batch), (fake, labels)
        for number, (image, its_labels) in enumerate(kinds):
            drawn = drawn_for(shape, contest.augmentation_strength, random, options.augmentation)
            logits: Tensor = contest.discriminator(augmented(image, drawn), its_labels)
            sums[number] += logits.mean()
    train, held_out, generated = sums.tolist()
    return (train - held_out) / (train - generated) if train != generated else None
