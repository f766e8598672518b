"""One package for each tool of the agent: its models, its calculations, and the agent made of them."""
