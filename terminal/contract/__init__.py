"""What car and headquarters say to each other: messages, topics, and how MQTT 5 carries them."""
