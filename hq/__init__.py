"""The receiving end: stores what cars send, and lets people answer it."""
