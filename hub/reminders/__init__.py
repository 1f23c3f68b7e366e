"""Reminders as a pure function of facts, rules and the time: no clock, no store, no network in this package."""
