"""Search pages and APIs: data that says how they are asked and read, and who asks."""
