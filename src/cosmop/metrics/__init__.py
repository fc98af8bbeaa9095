"""Numbers about image sets: distances, precision and recall, agreement, intervals."""
