"""What a patrol car can tell, as types and ports; a leaf that does no I/O."""
