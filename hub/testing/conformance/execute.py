"""Acting on commands: one effect, an honest answer, and no blind repetition."""
