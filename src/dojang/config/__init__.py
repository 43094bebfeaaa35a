"""Settings, wiring, addresses, the private database and the HTTP entry: where the house is put together."""
