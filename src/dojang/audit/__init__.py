"""The audit trail: append-only, hash-chained, anchored with the signer."""
