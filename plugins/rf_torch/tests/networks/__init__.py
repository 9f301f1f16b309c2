"""Real networks in plain torch, one module per family, with the fields they are known for.

Numbers in docstrings are size / stride / padding; channels are few, depths are real.
"""
