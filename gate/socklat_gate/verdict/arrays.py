"""The one array type of the statistics; on its own, so that it costs nobody scipy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Floats"]

Floats = npt.NDArray[np.float64]
