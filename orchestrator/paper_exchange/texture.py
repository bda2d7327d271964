"""How the generated parts of a market look, by scenario."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Texture:
    """How the generated parts of a market look: book depth (USDT within 1 %), bid share, funding per 8 h, basis."""

    depth: float = 9_000_000.0
    bid_share: float = 0.5
    funding: float = 0.0001
    basis: float = 0.0002


TEXTURES = {
    "expanding": Texture(bid_share=0.66, funding=0.0008),
    "thin_book": Texture(depth=1_300_000.0, bid_share=0.66, funding=0.0008),
    "calm": Texture(),
    "extreme": Texture(bid_share=0.38, funding=-0.0012),
}
