"""Speed, as ratios to a floor that is measured in the same run: ``make bench``."""

import sys
from pathlib import Path

# The tests' helpers import each other from there, as pytest has it.
sys.path.append(str(Path(__file__).parents[1]))
