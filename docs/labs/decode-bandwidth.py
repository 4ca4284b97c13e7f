# %% [markdown]
# # How fast can this machine decode?
#
# Somebody hands you a machine and a model that is not downloaded yet. How many tokens per second will it decode?
#
# You can answer before the download. A decode step reads every weight once and every cached byte once, so it cannot be
# faster than
#
# $$
# t_\text{step} \ge \frac{\text{weights} + \text{cache}}{W_\text{mem}}
# $$
#
# and $W_\text{mem}$, the bandwidth of the memory, can be measured in a second. This lab measures it, predicts a step,
# runs the step, and finds where the prediction stops to hold. It builds on the page
# [KV cache](../inference/kv-cache.md).
#
# Lines that end in `# measured` hold times of the machine that recorded this page. To run it on yours,
# [download the notebook](decode-bandwidth.ipynb), or open it from a clone in Jupyter or an editor. It needs PyTorch and
# Matplotlib.

# %%
import time

import matplotlib.pyplot as plt
import torch

torch.set_num_threads(1)
torch.manual_seed(0)


def best_seconds(work, repeats=5):
    """Shortest of several runs: the others were disturbed."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


# %% [markdown]
# ## 1. Measure the bandwidth
#
# Add up an array that is much larger than any cache of the processor. Each number is read once and one addition is done
# with it, so the time is the time of reading. (A copy would also write, and on most machines read the target first.)


# %%
def read_bandwidth(megabytes):
    """Bytes per second of reading an array of this size, once per pass."""
    array = torch.ones(megabytes * 2**20 // 4)
    passes = max(1, 256 // megabytes)
    seconds = best_seconds(lambda: [array.sum() for _ in range(passes)])
    return passes * array.nbytes / seconds


bandwidth = read_bandwidth(512)
print(f"reading 512 MiB: {bandwidth / 1e9:.1f} GB/s  # measured")

# %% [markdown]
# ## 2. Predict a step, then run it
#
# The model here is what matters of one: four square matrices of fp32 weights, applied one after the other to a batch of
# $B$ vectors. It has no meaning and the right memory traffic.

# %%
WIDTH, LAYERS = 4096, 4
weights = [torch.randn(WIDTH, WIDTH) / WIDTH**0.5 for _ in range(LAYERS)]
weight_bytes = sum(w.nbytes for w in weights)
floor = weight_bytes / bandwidth


def step(x):
    """One decode step of B sequences. x: [B, WIDTH]."""
    for w in weights:
        x = torch.tanh(x @ w.T)
    return x


print(f"weights: {weight_bytes:,} bytes")
print(f"no step is faster than {floor * 1e3:.1f} ms  # measured")

# %%
batches = [1, 2, 4, 8, 16, 32, 64]
seconds = {}
print("batch   ms/step   tokens/s   of the floor")
for batch in batches:
    x = torch.randn(batch, WIDTH)
    step(x)
    seconds[batch] = best_seconds(lambda x=x: step(x), repeats=3)
    rate = batch / seconds[batch]
    print(f"{batch:5d} {seconds[batch] * 1e3:9.1f} {rate:10.0f} {seconds[batch] / floor:10.2f}×  # measured")

# %% [markdown]
# Read the last column from the top. One sequence takes a step within a factor of two of the floor: the machine reads,
# and the arithmetic hides behind the reading. At two sequences PyTorch changes from a matrix-vector routine to a
# matrix-matrix one, which the machine that recorded this page pays for once. From there to eight sequences the step
# hardly grows, because the bytes are the same, and tokens per second rise almost for free. Beyond that the
# arithmetic takes longer than the reading, the step grows with the batch, and a larger batch buys mostly latency. On an
# accelerator the turn comes at a batch of hundreds, on a processor core much earlier; the shape is the same.

# %%
plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "lab", "font.size": 12, "font.family": "sans-serif"})
figure, axes = plt.subplots(figsize=(6.4, 3.4))
gray, teal, amber = "#7d9097", "#14908a", "#c77d12"
axes.loglog(batches, [s * 1e3 for s in seconds.values()], marker="o", color=teal, lw=2, label="step, measured")
axes.axhline(floor * 1e3, color=amber, lw=2, ls="--", label="reading the weights")
axes.set_xticks(batches, [str(b) for b in batches])
axes.minorticks_off()
axes.set_xlabel("sequences in the batch", color=gray)
axes.set_ylabel("ms per step", color=gray)
axes.tick_params(colors=gray)
for side in axes.spines.values():
    side.set_color(gray)
axes.legend(frameon=False, labelcolor=gray)
figure.savefig("step.svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
plt.close(figure)

# %%
from IPython.display import SVG

SVG(filename="step.svg")

# %% [markdown]
# ## 3. Add the cache
#
# Now each sequence also brings keys and values of its own, which no other sequence can use. One layer, one sequence,
# $S$ tokens, $K$ heads of width $D$: scores and a weighted sum read $2 \cdot S \cdot K \cdot D$ numbers.

# %%
HEADS, HEAD_DIM = 8, 128


def attend(q, k, v):
    """Attention of one new token. q: [K, 1, D]; k, v: [K, S, D]."""
    scores = (k @ q.transpose(1, 2)).softmax(1)  # [K, S, 1]
    return (scores.transpose(1, 2) @ v).squeeze(1)


print("tokens   cache bytes   predicted ms   measured ms")
for tokens in (4096, 16384, 65536):
    q = torch.randn(HEADS, 1, HEAD_DIM)
    k, v = (torch.randn(HEADS, tokens, HEAD_DIM) for _ in range(2))
    took = best_seconds(lambda q=q, k=k, v=v: attend(q, k, v))
    size = k.nbytes + v.nbytes
    print(f"{tokens:6d} {size:13,d} {size / bandwidth * 1e3:14.2f} {took * 1e3:13.2f}  # measured")
    assert size == 2 * tokens * HEADS * HEAD_DIM * 4

# %% [markdown]
# Linear in the bytes, as it should be; and it does not get cheaper per sequence in a batch, because every sequence reads
# its own. That is the difference between weights and cache in one sentence: *weights are read once per step, the cache
# once per sequence and step*.
#
# ## How it breaks
#
# Measure the bandwidth on an array that fits in a cache of the processor, and the prediction becomes a promise that
# memory cannot keep.

# %%
small, large = read_bandwidth(1), read_bandwidth(512)
print(
    f"1 MiB: {small / 1e9:.1f} GB/s, 512 MiB: {large / 1e9:.1f} GB/s, {small / large:.1f} times too optimistic  # measured"
)
assert small > 1.1 * large, "this machine's cache is no faster than its memory"

# %% [markdown]
# The same mistake in other clothes: a benchmark that repeats one short prompt (the prefix cache answers), a disk test
# that reads a file it has just written (the page cache answers), an accelerator's kernel timed twice on the same
# small input.
#
# ## Exercise
#
# A machine reads 100 GB/s. A model has 8 billion parameters in 4 bits and a cache of 128 KiB per token. Ten users have
# 4,096 tokens each. What is the shortest decode step, and what is the highest rate of tokens for all users together?
# Write the two functions before you look at the next cell.


# %%
def shortest_step(weight_bytes, users, tokens, bytes_per_token, bandwidth):
    """Seconds: everything is read once."""
    return (weight_bytes + users * tokens * bytes_per_token) / bandwidth


def highest_rate(users, step_seconds):
    """Tokens per second of all users together."""
    return users / step_seconds


answer = shortest_step(8e9 / 2, 10, 4096, 128 * 1024, 100e9)
print(f"{answer * 1e3:.1f} ms per step, {highest_rate(10, answer):.0f} tokens/s")
assert abs(answer - 0.0937) < 1e-4

# %% [markdown]
# ## What to take away
#
# - Bandwidth in, tokens per second out: one division, before any download.
# - Batch until arithmetic shows; the turn is where measured time leaves the floor.
# - Measure memory, not cache.
