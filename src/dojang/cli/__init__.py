"""The command line and the supervisor: the one room above the wiring."""
