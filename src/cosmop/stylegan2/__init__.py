"""StyleGAN2 from the papers: networks, losses, augmentation, training."""
