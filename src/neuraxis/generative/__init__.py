"""Models that learn what their data look like: autoencoders."""
