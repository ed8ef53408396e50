#!/usr/bin/env python3
"""Dask's threaded scheduler on the shapes of shapes.hpp, as raw dict graphs; one line of JSON a shape.

Dask needs a hundred microseconds a task and more, so by default it gets smaller graphs of the same shapes: fewer
tasks, fewer layers, never narrower layers. What it costs a task grows with the graph (ordering most of all), so the
smaller sizes favour it. `--size full` gives it the sizes of the other programs: some seven minutes a round.

`seconds_run` is `dask.threaded.get`, which turns the dict into tasks, orders it, and runs it; `seconds_order` is
`dask.order.order` alone, measured apart.
"""
import argparse
import gc
import json
import time

import dask
import dask.order
import dask.threaded
from dask._task_spec import convert_legacy_graph

MASK = (1 << 64) - 1

#         independent, chain, log2 of the tree's leaves, depth of all layered shapes
SIZES = {
    "full": (1_000_000, 100_000, 17, 100),
    "some": (100_000, 20_000, 14, 20),
    "quick": (10_000, 5_000, 11, 5),
}


def task(*inputs):
    return (sum(inputs) + 1) & MASK


def splitmix64(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def layers(width, depth, parents):
    """The inputs of every task, layer by layer; `parents(layer, column)` are columns of the layer before."""
    return [
        [(layer - 1) * width + parent for parent in parents(layer, column)] if layer else []
        for layer in range(depth)
        for column in range(width)
    ]


def make_tree(levels):
    leaves = 1 << levels
    return [[] for _ in range(leaves)] + [[2 * inner, 2 * inner + 1] for inner in range(leaves - 1)]


def make_layered(width, depth, seed):
    def parents(layer, column):
        chosen = []
        for k in range(3):
            parent = splitmix64((seed + (layer * width + column) * 3 + k) & MASK) % width
            while parent in chosen:
                parent = (parent + 1) % width
            chosen.append(parent)
        return chosen

    return layers(width, depth, parents)


def make_fft(width, depth):
    def parents(layer, column):
        stride = 1 << (layer - 1) % 10
        return [parent for parent in (column, column - stride, column + stride) if 0 <= parent < width]

    return layers(width, depth, parents)


def shapes(size, seed):
    independent, chain, levels, depth = SIZES[size]
    return {
        "independent": lambda: [[] for _ in range(independent)],
        "chain": lambda: [[at - 1] if at else [] for at in range(chain)],
        "tree": lambda: make_tree(levels),
        "layered": lambda: make_layered(1000, depth, seed),
        "stencil": lambda: layers(1000, depth, lambda _, at: range(max(0, at - 1), min(1000, at + 2))),
        "fft": lambda: make_fft(1024, depth),
        "all_to_all": lambda: layers(64, depth, lambda _, at: range(64)),
    }


def seconds_of(action):
    gc.collect()
    begin = time.perf_counter()
    result = action()
    return time.perf_counter() - begin, result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shape", choices=shapes("quick", 1))
    parser.add_argument("--size", choices=SIZES, default="some")
    options = parser.parse_args()

    for name, make in shapes(options.size, options.seed).items():
        if options.shape not in (None, name):
            continue
        inputs = make()
        read = {parent for parents in inputs for parent in parents}
        sinks = [key for key in range(len(inputs)) if key not in read]
        # Plain integers: the cheapest keys Dask takes.
        seconds_build, graph = seconds_of(lambda: {key: (task, *parents) for key, parents in enumerate(inputs)})
        converted = convert_legacy_graph(graph)
        seconds_order = min(seconds_of(lambda: dask.order.order(converted))[0] for _ in range(options.repeat))
        seconds_run = float("inf")
        for _ in range(options.repeat):
            seconds, values = seconds_of(lambda: dask.threaded.get(graph, sinks, num_workers=options.workers))
            seconds_run = min(seconds_run, seconds)
        print(
            json.dumps(
                {
                    "peer": "Dask",
                    "version": dask.__version__,
                    "shape": name,
                    "tasks": len(inputs),
                    "edges": sum(map(len, inputs)),
                    "checksum": f"{sum(values) & MASK:016x}",
                    "workers": options.workers,
                    "seconds_build": round(seconds_build, 6),
                    "seconds_order": round(seconds_order, 6),
                    "seconds_run": round(seconds_run, 6),
                    "us_per_task_run": round(seconds_run * 1e6 / len(inputs), 4),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
