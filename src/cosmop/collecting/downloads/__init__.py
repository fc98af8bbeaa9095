"""Safe, polite, resumable download into the image store."""
