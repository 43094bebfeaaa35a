"""Tags of the web templates."""
