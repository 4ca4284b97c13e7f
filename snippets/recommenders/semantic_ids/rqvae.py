"""RQ-VAE: an encoder, residual codebooks and a decoder, trained together."""

from __future__ import annotations

import torch
from torch import Tensor, nn


# --8<-- [start:quantize]
def quantize(encoded: Tensor, books: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Codes [B, q], centers' sum [B, F], and per row what pulls centers and what pulls `encoded`."""
    rest, total = encoded, torch.zeros_like(encoded)
    codes, to_books, to_encoder = [], torch.zeros(len(encoded)), torch.zeros(len(encoded))
    for centers in books:
        code = torch.cdist(rest, centers).argmin(-1)
        chosen = centers[code]
        to_books = to_books + ((rest.detach() - chosen) ** 2).sum(-1)
        to_encoder = to_encoder + ((rest - chosen.detach()) ** 2).sum(-1)
        rest = rest - chosen.detach()
        total = total + chosen.detach()
        codes.append(code)
    straight = (
        encoded + (total - encoded).detach()
    )  # value of the centers, gradient of `encoded`
    return torch.stack(codes, -1), straight, to_books, to_encoder


# --8<-- [end:quantize]
class RQVAE(nn.Module):
    """Vectors of `wide` numbers in, codes of `narrow` ones in the middle, the vectors out again."""

    def __init__(self, wide: int, narrow: int = 8, levels: int = 3, size: int = 16) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(wide, 32), nn.ReLU(), nn.Linear(32, narrow))
        self.decoder = nn.Sequential(nn.Linear(narrow, 32), nn.ReLU(), nn.Linear(32, wide))
        self.books = nn.Parameter(torch.zeros(levels, size, narrow))

    def terms(self, x: Tensor, reduce: str = "sum") -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, pull on the codebooks and pull on the encoder, means over the batch."""
        _, straight, to_books, to_encoder = quantize(self.encoder(x), self.books)
        error = (self.decoder(straight) - x) ** 2
        missed = error.sum(-1) if reduce == "sum" else error.mean(-1)
        return missed.mean(), to_books.mean(), to_encoder.mean()


# --8<-- [start:restart]
@torch.no_grad()
def restart(model: RQVAE, x: Tensor) -> None:
    """Move each code that no vector uses to the rest of a vector drawn at random."""
    rest = model.encoder(x)
    for centers in model.books:
        used = torch.bincount(torch.cdist(rest, centers).argmin(-1), minlength=len(centers))
        dead = (used == 0).nonzero().flatten()
        centers[dead] = rest[torch.randint(len(rest), (len(dead),))]
        rest = rest - centers[torch.cdist(rest, centers).argmin(-1)]


# --8<-- [end:restart]
