"""The shell: pipelines that wire the domain rooms through the catalog."""
