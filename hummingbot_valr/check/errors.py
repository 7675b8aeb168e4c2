class CheckError(Exception):
    """The self-test cannot begin. The text says why and what to do."""
