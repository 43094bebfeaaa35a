"""Keys made in the signer: prepared, certified, used with a PIN, retired."""
