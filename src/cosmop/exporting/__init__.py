"""Image sets as files for other people: upright, without hidden words, with where each is from."""
