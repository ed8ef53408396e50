"""The operations of BagBench with dask.bag: a line of JSON for each.

The scheduler is Dask's default for bags, processes, unless another is named.
"""
import argparse
import json
import operator
import resource
import time

import dask
import dask.bag as db


def scrambled(x):
    return x * 2654435761 & 0xFFFFFFFF


def inc(x):
    return x + 1


def even(x):
    return x % 2 == 0


def mod_1000(x):
    return scrambled(x) % 1000


def mod_10000(x):
    return scrambled(x) % 10_000


def mod_2000(x):
    return x % 2000


def same(x):
    return x


def length(pair):
    return len(pair[1])


class ModHalf:
    def __init__(self, n):
        self.n = n

    def __call__(self, x):
        return scrambled(x) % self.n


def processor_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--scheduler", default="processes")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--text", help="a text file, for the operations on text")
    parser.add_argument("--blocksize", type=int, default=16 << 20)
    options = parser.parse_args()
    dask.config.set(scheduler=options.scheduler, num_workers=2)
    n = options.count
    numbers = db.range(n, npartitions=options.partitions)
    operations = {
        "sum": lambda: numbers.sum(),
        "map-filter-sum": lambda: numbers.map(inc).filter(even).sum(),
        "frequencies": lambda: numbers.map(mod_1000).frequencies().pluck(1).sum(),
        "foldby": lambda: numbers.foldby(mod_1000, operator.add, 0, operator.add, 0).pluck(1).sum(),
        "distinct": lambda: numbers.map(ModHalf(max(n // 2, 1))).distinct().count(),
        "groupby": lambda: numbers.groupby(mod_10000).map(length).sum(),
        "join": lambda: numbers.join(list(range(1000)), on_self=mod_2000, on_other=same).count(),
    }
    if options.text:
        lines = db.read_text(options.text, blocksize=options.blocksize)
        operations = {
            "word-count": lambda: lines.str.split().flatten().frequencies().topk(10, key=1).pluck(1).sum(),
            "strip-filter-count": lambda: lines.str.strip().filter(bool).count(),
        }
    for name, build in operations.items():
        if options.only and name not in options.only:
            continue
        processor = processor_seconds()
        start = time.perf_counter()
        result = build().compute()
        seconds = time.perf_counter() - start
        peak = max(
            resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(
            json.dumps(
                {"operation": name, "count": n, "seconds": seconds, "cpu": processor_seconds() - processor,
                 "result": result, "peak_mb": peak // 1024}
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
