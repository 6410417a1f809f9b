"""Ways to headquarters beside the brokers, one file each."""
