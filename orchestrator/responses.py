"""What is done when the account holds something else than is remembered, as the user has set it.

    alert       it is told and written down; quantities of ours are taken over as the venue has them
    protect     what is left of a pair stays bracketed and balanced, or it is closed
    flatten     it is closed

A leg that is gone, liquidated or auto-deleveraged has no setting: the other one is closed at once (domain.md
section 7).
"""

from dataclasses import dataclass

from orchestrator.settings import Settings


@dataclass(frozen=True)
class Responses:
    """`every_s`: real seconds between two comparisons of the whole account."""

    every_s: float = 60.0
    #: alert, flatten
    foreign_position: str = "alert"
    #: alert, protect (cancelled on a symbol where a pair of ours stands)
    foreign_order: str = "alert"
    #: protect, alert, flatten
    quantity_changed: str = "protect"

    @classmethod
    def of(cls, settings: Settings) -> "Responses":
        """As set."""
        return cls(
            every_s=settings.reconcile_every_s,
            foreign_position=settings.on_foreign_position,
            foreign_order=settings.on_foreign_order,
            quantity_changed=settings.on_quantity_changed,
        )
