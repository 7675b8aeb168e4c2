"""The toolbox around the VALR connector: installer, embedded exchange and demo, behind the command `hummingbot-valr`."""
