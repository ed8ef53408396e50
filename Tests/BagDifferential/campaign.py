"""Many cases, each run twice and compared: what `differential` does once Dask can be imported."""

import collections
import itertools
import json
import subprocess
import sys
import time

import dask

from compare import Ours, difference, shrink
from generate import Generator
from run_dask import Runner


class Campaign:
    def __init__(self, command, options):
        listing = subprocess.run([*command[:1], "--list"], stdout=subprocess.PIPE, check=True).stdout
        self.listing = json.loads(listing)
        self.options = options
        self.ours = Ours(command)
        self.dask = Runner(self.listing)
        self.chains = collections.Counter()
        self.errors = collections.Counter()
        self.undefined = collections.Counter()
        self.differences = collections.Counter()
        dask.config.set(scheduler="sync")

    def cases(self):
        if self.options.cases:
            with open(self.options.cases, encoding="utf-8") as file:
                yield from (json.loads(line) for line in file if line.strip())
        else:
            generator = Generator(self.listing, self.options.seed)
            yield from generator.systematic()
            for _ in range(self.options.count):
                yield generator.case()

    def run(self):
        """The exit status."""
        started = time.monotonic()
        kept = open(self.options.keep, "w", encoding="utf-8") if self.options.keep else None
        count = found = 0
        for case in self.cases():
            ours, dasks = self.ours.result(case), self.dask.result(case)
            why = difference(case, ours, dasks)
            count += 1
            self.book(case, ours, dasks, why)
            if kept:
                kept.write(json.dumps({"case": case, "ours": ours, "dask": dasks, "difference": why}) + "\n")
            if why is not None:
                found += 1
                self.show(count, case, why)
                if found == self.options.most:
                    print(f"stopped after {found} differences")
                    break
            if count % 500 == 0 and sys.stderr.isatty():
                print(f"\r{count} chains, {found} differences", end="", file=sys.stderr, flush=True)
        self.ours.close()
        if kept:
            kept.close()
        self.summary()
        skipped = sum(self.undefined.values())
        print(
            f"{count} cases with dask {dask.__version__}: {found} differences, {skipped} without an answer of Dask's, "
            f"{time.monotonic() - started:.0f} s")
        for reason, times in self.undefined.most_common():
            print(f"  {times} x {reason}")
        return 1 if found else 0

    def book(self, case, ours, dasks, why):
        if "undefined" in dasks:
            self.undefined[dasks["undefined"]] += 1
        names = {op["op"] for op in all_ops(case)}
        self.chains.update(names)
        if "error" in dasks and case["ops"]:
            self.errors[case["ops"][-1]["op"]] += 1
        if why is not None:
            self.differences.update(names)

    def show(self, number, case, why):
        def still_differs(candidate):
            """Still different, and still by an error where it was one."""
            reason = difference(candidate, self.ours.result(candidate), self.dask.result(candidate))
            return reason is not None and reason.split()[:2] == why.split()[:2]

        small = shrink(case, still_differs)
        print(f"chain {number}: {why}")
        print("  case    ", json.dumps(case, ensure_ascii=False))
        print("  smallest", json.dumps(small, ensure_ascii=False))
        print("    ours  ", json.dumps(self.ours.result(small), ensure_ascii=False))
        print("    Dask  ", json.dumps(self.dask.result(small), ensure_ascii=False), flush=True)

    def summary(self):
        print(f"{'operation':<20}{'chains':>8}{'errors':>8}{'differences':>13}")
        for name in sorted(self.chains):
            print(f"{name:<20}{self.chains[name]:>8}{self.errors[name]:>8}{self.differences[name]:>13}")


def all_ops(case):
    """The operations of a case and of the cases in it."""
    for op in case["ops"]:
        yield op
        others = [op.get("other"), *op.get("others", [])]
        yield from itertools.chain.from_iterable(all_ops(other) for other in others if isinstance(other, dict))
