"""Labels: the schema, tasks out, exports in, agreement, splits."""
