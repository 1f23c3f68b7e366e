"""Lists of people from files and the clipboard: read, understood, shown, kept (S002-5…11)."""
