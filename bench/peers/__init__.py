"""What the gateway is measured against: each a program of its own, as bare as it can be."""
