"""The screen: a client of core, which works without it."""
