"""Run the migrations on the connection that the store gives."""

from __future__ import annotations

from alembic import context

from hub.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True,
                  transactional_ddl=True)  # fmt: skip
context.run_migrations()
