"""Figures, tables and the one-page HTML report of a study."""
