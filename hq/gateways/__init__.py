"""Other ways in and out of headquarters than the brokers, one file each."""
