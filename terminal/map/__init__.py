"""Offline maps: what is drawn, where it lies in its file, and how it becomes dots."""
