"""Pure functions: activations, losses, steps of differential equations."""
