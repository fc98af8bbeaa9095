"""From a list of keywords to an audited, synthetic image data set."""

__version__ = "0.1.0"
