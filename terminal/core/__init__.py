"""patrola-core: one process that owns the database and the emergency."""
