"""Documents in the store: drafts, numbers, issue, files, sending, return."""
