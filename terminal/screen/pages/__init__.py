"""The pages, one file each: what stands on it now, as boxes. Pure."""
