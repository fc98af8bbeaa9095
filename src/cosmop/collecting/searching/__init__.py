"""One search over all sources, which survives being killed."""
