"""Images with and without people as they are published: CrowdHuman, PASS, folders."""
