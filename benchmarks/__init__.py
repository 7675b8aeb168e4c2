"""
Side-by-side measurements of the VALR connector, Hummingbot's own connectors and the floor of the Python stack.
`python -m benchmarks` runs all parts (see README.md).
"""
