"""Python's own sources as bytes, the order in which a run reads them, and bits per byte."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import lzma
import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

MODULES = (
    "argparse", "ast", "calendar", "configparser", "difflib", "doctest", "inspect", "mailbox",
    "optparse", "pickle", "pydoc", "subprocess", "tarfile", "threading", "turtle", "_pydecimal",
)  # fmt: skip
# Bytes counted and bytes of the text, of two audits: goldenberg2026audit, abi2026audit.
REPLACED, SPACED = (157_319_833, 151_073_604), (176_332_748, 151_080_891)
RECORD = 1.0819  # bits per byte, reported by the first


@cache
def halves() -> tuple[Tensor, Tensor]:
    """Bytes to train on and bytes held out, from files that ship with Python."""
    specs = (find_spec(name) for name in MODULES)
    files = [Path(spec.origin) for spec in specs if spec and spec.origin]
    raw = torch.frombuffer(
        bytearray(b"".join(f.read_bytes() for f in files)), dtype=torch.uint8
    )
    cut = len(raw) * 9 // 10
    return raw[:cut].long(), raw[cut:].long()


# --8<-- [start:order]
@cache
def order(windows: int, epoch: int, seed: int) -> Tensor:
    """The windows of one epoch, each once; the same whenever it is asked for."""
    generator = torch.Generator().manual_seed(100_003 * seed + epoch)
    return torch.randperm(windows, generator=generator)


def batch(
    text: Tensor, seen: int, rows: int, context: int, seed: int = 0, ahead: int = 1
) -> tuple[Tensor, Tensor]:
    """Inputs and targets, [B, S] each, after `seen` batches; a target is `ahead` bytes later."""
    windows = (len(text) - ahead) // context
    epoch, at = divmod(seen, windows // rows)
    starts = context * order(windows, epoch, seed)[at * rows : (at + 1) * rows]
    places = starts.unsqueeze(1) + torch.arange(context)  # [B, S]
    return text[places], text[places + ahead]


# --8<-- [end:order]


# --8<-- [start:bits]
def bits_per_byte(nats: float, size: int) -> float:
    """A sum of losses over the bytes that were predicted, however they were cut into tokens."""
    return nats / (math.log(2) * size)


def size(tokens: list[bytes]) -> int:
    """Bytes of the text."""
    return sum(len(token) for token in tokens)


def size_by_decoding(tokens: list[bytes]) -> int:
    """The same with the fault: each token becomes text on its own, and bytes again."""
    return sum(len(token.decode(errors="replace").encode()) for token in tokens)


# --8<-- [end:bits]


def corrected(reported: float, counted: int, real: int) -> float:
    """Bits per byte after the bytes were counted again."""
    return reported * counted / real


def inflation(counted: int, real: int) -> float:
    """Share by which a count exceeds the bytes of the text."""
    return counted / real - 1


@cache
def bigram_bits() -> float:
    """Bits per held-out byte of a table that counts which byte follows which."""
    train, held = halves()
    counts = torch.ones(256, 256).index_put_((train[:-1], train[1:]), torch.ones(()), True)
    p = counts / counts.sum(1, keepdim=True)
    return bits_per_byte(-p[held[:-1], held[1:]].log().sum().item(), len(held) - 1)


@cache
def packed_bits() -> float:
    """Bits per held-out byte of a general compressor, xz."""
    held = bytes(halves()[1].tolist())
    return 8 * len(lzma.compress(held, preset=9)) / len(held)


SAMPLES = {
    "English": "The loop has nothing to hide.",
    "French": "Où est passé le café brûlé ?",
    "Russian": "Цикл ничего не скрывает.",
    "Japanese": "ループは何も隠さない。",
    "emoji": "🐍🔥📉",
}


def bytewise(text: str) -> list[bytes]:
    """One token for each byte."""
    return [bytes([b]) for b in text.encode()]


def example_bytes() -> None:
    """Bytes of five texts, counted rightly and by decoding each token, and what it does to a score of 1."""
    print("text       bytes   by decoding   1.00 bits per byte becomes")
    for name, text in SAMPLES.items():
        real, counted = size(bytewise(text)), size_by_decoding(bytewise(text))
        wrong = corrected(1.0, real, counted)
        print(f"{name:9s} {real:6d} {counted:13d} {wrong:28.2f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the text and about a published audit."""
    return {
        "bigram": f"{bigram_bits():.2f}",
        "packed": f"{packed_bits():.2f}",
        "audit": f"{inflation(*REPLACED):.2%}",
        "audit_bits": f"{corrected(RECORD, *REPLACED):.4f}",
        "audit_space": f"{inflation(*SPACED):.2%}",
    }


if __name__ == "__main__":
    example_bytes()
