"""Linnainmaa, BIT 16:146 (1976): one pass back through the operations of a calculation gives all its derivatives.

The derivatives are calculations themselves, so those of the next order follow in the same way.
"""

import numpy as np

from neuraxis.autodiff import Var, gradient, ops

x, w = Var(0.5, "x"), Var(2.0, "w")
y = ops.logistic(x * w) + x
dx, dw = gradient(y, x, w)  # variables again
(ddx,) = gradient(dx, x)

s = 1 / (1 + np.exp(-1.0))  # by hand, with x w = 1
print(f"y       = {y.val:.6f}, by hand {s + 0.5:.6f}")
print(f"dy/dx   = {dx.val:.6f}, by hand {2 * s * (1 - s) + 1:.6f}")
print(f"dy/dw   = {dw.val:.6f}, by hand {0.5 * s * (1 - s):.6f}")
print(f"d²y/dx² = {ddx.val:.6f}, by hand {4 * s * (1 - s) * (1 - 2 * s):.6f}")
