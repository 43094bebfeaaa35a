"""Browsers that remember their customer, and browsers that are no strangers."""
