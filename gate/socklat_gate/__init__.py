"""A CI gate for latency regressions, measured per socket in the kernel.

The packages under ``gate`` are the rooms of one pipeline, in the order in which data flows:
``scenario``, ``service`` and ``load``, ``probe``, ``campaign``, ``baseline``, ``verdict``,
``report``.  Each knows the object that comes in and the object that goes out, nothing else.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
