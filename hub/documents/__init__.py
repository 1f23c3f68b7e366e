"""Paperwork: what stands on a document (pure), how it becomes a file, and what happens to it afterwards."""
