"""The invented firm of `hub demo` and the stand-in systems it works with."""
