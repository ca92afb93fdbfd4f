"""Training a language model: what can be chosen, the loop, and the folder that keeps it."""
