"""The whole set-up of an installation as TOML files: applying them, and writing them."""
