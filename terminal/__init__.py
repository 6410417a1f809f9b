"""The terminal in the car: core, uplink, screen and the tools that technicians run."""
