"""The live self-test behind `hummingbot-valr check`: what works in a person's own environment, and what does not."""
