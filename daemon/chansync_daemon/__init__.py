"""The daemon: schedule, workers and heartbeat of chansync as a service."""
