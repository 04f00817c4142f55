"""Loaded by Python before the program: every logger of every library tells everything, whatever it was set to."""

import logging
import os

if os.environ.get("CHANSYNC_LOUD"):
    logging.Logger.getEffectiveLevel = lambda self: logging.DEBUG  # type: ignore[method-assign]
    logging.Logger.isEnabledFor = lambda self, level: True  # type: ignore[method-assign]
