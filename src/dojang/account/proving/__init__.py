"""Proving a certificate: asked, answered, verified, used. One way, whatever the product; see `actions`.

What differs is what opens the key, so there is one file for each: `pin`, `password`, `pattern`.
"""
