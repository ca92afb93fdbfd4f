"""The lens: what a trained model does while it reads, and what it learned from."""
