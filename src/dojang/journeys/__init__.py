"""Journeys: what customers walk through, as data and pure rules."""
