"""Stand-in servers on loopback, as strict as the systems they stand for."""
