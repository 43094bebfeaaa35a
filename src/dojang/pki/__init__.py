"""Public-key infrastructure: pure functions and frozen values. No clock, network, database or stored key."""
