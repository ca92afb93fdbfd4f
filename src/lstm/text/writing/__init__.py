"""Writing: texts drawn token by token, or searched for."""
