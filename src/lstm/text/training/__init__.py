"""Training a language model: the options, the loop, and the folder of a run."""
