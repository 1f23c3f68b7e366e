"""Normalising: pure, typed, the same every time, and safe with damaged records."""
