"""One file, one device family; a driver knows hal and never another driver."""
