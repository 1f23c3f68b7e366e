"""Signing in: an honest answer to a good, a wrong and an absent other side."""
