"""Posts of X: searched, archived, paid for once, and checked for withdrawal."""
