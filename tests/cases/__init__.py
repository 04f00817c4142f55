"""Small invented inputs, each with what is right; played against the demo sites by the real program."""
