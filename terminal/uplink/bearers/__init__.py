"""Kinds of ways to headquarters beside the brokers, one file each: its name is the `kind` in unit.toml."""
