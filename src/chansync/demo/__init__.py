"""Stand-ins for the outside world: realistic servers to try chansync against, and to test it with."""
