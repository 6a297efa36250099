"""The one array type of the statistics; in a module of its own, which imports no scipy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Floats"]

Floats = npt.NDArray[np.float64]
