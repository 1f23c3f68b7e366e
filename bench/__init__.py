"""The benchmark: the hub beside a hand-written floor and a public peer. Run it with `make bench`."""
