"""A launcher that does nothing by itself: tests say what has happened.

Belongs here: the fake. Does not belong here: launchers that run something.
"""

from __future__ import annotations

from greenlang.launcher import ENDED, Event, Fold, Order, RunProgress, of_run


class Scripted:
    """Remembers orders; `tell` is what the line would have told."""

    name = "scripted"

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.folds: dict[str, Fold] = {}

    def start(self, order: Order) -> str:
        run = f"run-{len(self.orders)}"
        self.orders.append(order)
        self.folds[run] = Fold(order.keys)
        return run

    def tell(self, *events: Event, run: str = "run-0") -> None:
        self.folds[run].add(events)

    def progress(self, run: str) -> RunProgress:
        try:
            return self.folds[run].told()
        except KeyError:
            raise LookupError(run) from None

    def cancel(self, run: str) -> bool:
        if self.progress(run).status in ENDED:
            return False
        self.tell(of_run("cancelled", "cancelled by its owner"), run=run)
        return True
