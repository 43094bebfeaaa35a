"""Devices, keys made on them, approvals, patterns, finger and face, messages pushed, parcels between them."""
