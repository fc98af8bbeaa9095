"""Images that somebody has already: folders of files and lists of addresses."""
