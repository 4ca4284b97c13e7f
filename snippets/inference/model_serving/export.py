"""Model serving: export a PyTorch model, and hold ONNX Runtime's answers against it."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 3000
# ///

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]
import torch
from torch import Tensor, nn

FEATURES = 64


def ranker() -> nn.Sequential:
    """A small model as it serves clicks or fraud: features in, one probability out."""
    torch.manual_seed(0)
    layers = [nn.Linear(FEATURES, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(256, 1), nn.Sigmoid()).eval()


# --8<-- [start:export]
def export(model: nn.Module) -> bytes:
    """The model as an ONNX graph in which the number of rows is free."""
    program = torch.onnx.export(
        model,
        (torch.zeros(2, FEATURES),),  # an example with one row would fix the axis at 1
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("rows")},),
        input_names=["features"],
        output_names=["score"],
        verbose=False,
    )
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


def session(graph: bytes, threads: int = 1) -> ort.InferenceSession:
    """ONNX Runtime on the CPU, with as many threads as the container may use."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


# --8<-- [end:export]


def served_by(runtime: ort.InferenceSession) -> Callable[..., Awaitable[list[float]]]:
    """The graph as the batcher calls it: in a thread, so that the event loop stays free."""

    async def model(rows: Sequence[Sequence[float]]) -> list[float]:
        features = np.asarray(rows, dtype=np.float32)  # [rows, FEATURES]
        (scores,) = await asyncio.to_thread(runtime.run, None, {"features": features})
        return scores[:, 0].tolist()

    return model


def microseconds(call: Callable[..., Any], *args: Any) -> float:
    """Median of repeated calls."""
    times = []
    for _ in range(31):
        began = time.perf_counter()
        call(*args)
        times.append(time.perf_counter() - began)
    return sorted(times)[15] * 1e6


def differences(
    model: nn.Module, runtime: ort.InferenceSession, x: Tensor
) -> tuple[float, float]:
    """Largest difference to PyTorch, and of each row in the batch to the same row alone."""
    with torch.inference_mode():
        expected = model(x).numpy()
    got = runtime.run(None, {"features": x.numpy()})[0]
    alone = np.concatenate(
        [runtime.run(None, {"features": row[None].numpy()})[0] for row in x]
    )
    return float(abs(got - expected).max()), float(abs(got - alone).max())


def example_equal() -> None:
    """The same rows through both: answers first, then time on this machine, one thread."""
    torch.set_num_threads(1)
    model = ranker()
    runtime = session(export(model))
    print("rows  to PyTorch < 1e-6  to itself alone < 1e-6")
    data = torch.randn(128, FEATURES)
    for rows in (1, 8, 32, 128):
        there, alone = differences(model, runtime, data[:rows])
        print(f"{rows:4d}{there < 1e-6!s:>19s}{alone < 1e-6!s:>24s}")
    for rows in (1, 8, 32, 128):
        x = data[:rows]
        feed = {"features": x.numpy()}
        with torch.inference_mode():
            slow = microseconds(model, x)
        fast = microseconds(runtime.run, None, feed)
        print(
            f"{rows:4d} rows: PyTorch {slow:5.0f} µs, ONNX Runtime {fast:5.0f} µs  # measured"
        )


if __name__ == "__main__":
    example_equal()
