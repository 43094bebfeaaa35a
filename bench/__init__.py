"""How fast Dojang is, measured against what its parts could do at best. Run by ``make bench``."""
