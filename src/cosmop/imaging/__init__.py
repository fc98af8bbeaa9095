"""Image sets: the store, decoding, perceptual hashes, duplicate groups."""
