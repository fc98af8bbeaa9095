"""Collecting: queries, search pages, posts, folders and lists, and safe polite download."""
