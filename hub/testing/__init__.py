"""For authors of plugins: the conformance kit and stand-in servers on loopback."""
