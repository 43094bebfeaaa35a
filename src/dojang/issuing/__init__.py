"""Issuing: an order is one row, from evidence to a certificate in its holder's custody."""
