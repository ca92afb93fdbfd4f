"""Writing: draw texts token by token, or search for them."""
