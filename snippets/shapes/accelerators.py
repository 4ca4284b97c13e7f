"""Accelerators as their datasheets give them, and the machines that hold them."""

from __future__ import annotations

from dataclasses import dataclass


# --8<-- [start:accelerator]
@dataclass(frozen=True)
class Accelerator:
    """What a datasheet says. Dense rates, one direction of each link, 1 TB = 1e12 bytes."""

    bf16_tflops: float
    eight_bit_tflops: float  # fp8, or int8 where there is no fp8; 0 if neither is published
    memory_gb: float
    memory_tb_s: float
    link_gb_s: float  # to the other accelerators of the node or torus, one direction

    def ridge(self, bits: int = 16) -> float:
        """FLOPs per byte of memory traffic above which arithmetic is the limit."""
        rate = self.bf16_tflops if bits == 16 else self.eight_bit_tflops
        return rate / self.memory_tb_s


# --8<-- [end:accelerator]

# Bekman 2024 (read August 2026 version): rates, memory; his network chapter: links.
ACCELERATORS = {
    "A100": Accelerator(312, 624, 80, 2.0, 300),
    "H100": Accelerator(989, 1979, 80, 3.35, 450),
    "H200": Accelerator(989, 1979, 141, 4.8, 450),
    "B200": Accelerator(2250, 4500, 180, 8.0, 900),
    "MI300X": Accelerator(1307, 2615, 192, 5.3, 448),
    "TPU v5e": Accelerator(197, 394, 16, 0.82, 200),
    "TPU v5p": Accelerator(459, 918, 95, 2.76, 600),
}
H800 = Accelerator(989, 1979, 80, 3.35, 200)  # zhao2025insights
TPU_V4 = Accelerator(275, 275, 32 * 1.0737, 1.2, 268)  # chowdhery2022palm


@dataclass(frozen=True)
class Machine:
    """Accelerators with a fast link inside a node and a slow one outside."""

    chip: Accelerator
    node: int  # accelerators behind the fast link
    network_gb_s: float  # of one accelerator out of its node, one direction


MACHINES = {
    "A100": Machine(ACCELERATORS["A100"], 8, 25),
    "H100": Machine(ACCELERATORS["H100"], 8, 50),
    "H200": Machine(ACCELERATORS["H200"], 8, 50),
    "B200": Machine(ACCELERATORS["B200"], 8, 50),
    "H800": Machine(H800, 8, 50),
    "TPU v4": Machine(TPU_V4, 3072, 1.65),
}
