"""The bank's offer as data: journeys, terms and messages."""
