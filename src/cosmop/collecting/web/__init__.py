"""What every page, API and image is fetched by: a client that reaches public addresses only."""
