"""The store: tables, migrations and one module per aggregate. Nothing above it writes SQL."""
