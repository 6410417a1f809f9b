"""What technicians run: the `patrola` command and its parts."""
