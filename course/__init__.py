"""A course on attention: from one dot product to a translation Transformer.

Importing this package is cheap on purpose: neither torch nor matplotlib is loaded until something needs it.
"""

__version__ = "0.1.0"
