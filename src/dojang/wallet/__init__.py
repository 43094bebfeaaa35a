"""The wallet: customer keys made in the signer and gated by a PIN."""
