"""Integration hub that tells every account manager whom to call, when and why."""

__version__ = "0.1.0"
