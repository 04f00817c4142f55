"""Random activity at a demo site in the background, so that there is always something new to pull."""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

#: How many of the latest orders may be changed.
RECENT = 200


class Background(ABC):
    """Does something ``rate`` times a second on average: a seeded sequence of orders and changes."""

    def __init__(self, rate: float, seed: int) -> None:
        self._rate = rate
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-shopper", daemon=True)

    @abstractmethod
    def step(self) -> None:
        """One action."""

    def _run(self) -> None:
        while not self._stop.wait(self._random.expovariate(self._rate)):
            self.step()

    def __enter__(self) -> Self:
        if self._rate > 0:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
