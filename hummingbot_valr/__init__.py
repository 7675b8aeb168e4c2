"""The toolbox around the VALR connector: installer, embedded exchange and demo, as the command `hummingbot-valr`."""
