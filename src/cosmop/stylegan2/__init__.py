"""StyleGAN2 for small image sets, written from the papers: networks, losses, augmentation, training."""
