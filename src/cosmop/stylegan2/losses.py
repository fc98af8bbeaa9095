"""Losses of StyleGAN2 as functions of tensors: adversarial, R1, path length."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake_logits_N: Tensor) -> Tensor:
    """Return the mean of -log sigmoid(D(G(z))): non-saturating (Goodfellow et al. 2014)."""
    return F.softplus(-fake_logits_N).mean()


def discriminator_loss(fake_logits_N: Tensor, real_logits_N: Tensor) -> Tensor:
    """Return the logistic loss: mean softplus of D on fakes plus that of -D on real images."""
    return F.softplus(fake_logits_N).mean() + F.softplus(-real_logits_N).mean()


def r1_penalty(real_NCHW: Tensor, logits_N: Tensor) -> Tensor:
    """Return the squared gradient norm of each image, [N] (R1, Mescheder et al. 2018, equation 9).

    `real_NCHW` requires a gradient and leads to `logits_N`; the result can be differentiated.
    The loss is gamma / 2 times its mean.
    """
    (gradient,) = torch.autograd.grad(logits_N.sum(), real_NCHW, create_graph=True)
    return gradient.square().sum((1, 2, 3))


def path_lengths(image_NCHW: Tensor, ws_NLD: Tensor, noise_NCHW: Tensor) -> Tensor:
    """Return |J' y| of each image, [N], J the Jacobian by styles (StyleGAN2, equation 4).

    `noise_NCHW` is standard normal; it is divided by the root of the number of pixels, and the
    square is averaged over layers. The result can be differentiated.
    """
    scaled = noise_NCHW / math.sqrt(image_NCHW.shape[2] * image_NCHW.shape[3])
    (gradient_NLD,) = torch.autograd.grad((image_NCHW * scaled).sum(), ws_NLD, create_graph=True)
    return gradient_NLD.square().sum(2).mean(1).sqrt()


def path_length_penalty(
    lengths_N: Tensor, batch_mean: Tensor, running_mean: Tensor, decay: float
) -> tuple[Tensor, Tensor]:
    """Return the mean squared deviation from the running mean length, and the new running mean.

    `batch_mean` (0-d) is the mean over the whole batch, of which `lengths_N` may be a share. The
    running mean counts as a constant, as equation 4 of StyleGAN2 has it.
    """
    new_mean = running_mean.lerp(batch_mean.detach(), decay)
    return (lengths_N - new_mean).square().mean(), new_mean
