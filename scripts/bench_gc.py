#!/usr/bin/env python3
"""Times the collector of the interpreter that runs it, on the graphs of impl/gc/bench_test.go.

    python3.X bench_gc.py     one line a graph: its name, ns an object, and ns of processor time, as
                              BenchmarkLive, BenchmarkDead, BenchmarkChurn
"""
import gc
import random
import sys
import time

MILLION = 1000000
clock = getattr(time, "perf_counter", time.time)
cpu = getattr(time, "process_time", None) or time.clock


class Node(object):
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = self.b = None


def timed(objects, f):
    start, cpu_start = clock(), cpu()
    f()
    return [(clock() - start) * 1e9 / objects, (cpu() - cpu_start) * 1e9 / objects]


def best(of):
    return [min(times) for times in zip(*of)]


def live():
    nodes = [Node() for _ in range(MILLION)]
    r = random.Random(1)
    for n in nodes:
        n.a, n.b = nodes[int(r.random() * MILLION)], nodes[int(r.random() * MILLION)]
    gc.collect()
    return best([timed(MILLION, gc.collect) for _ in range(3)])


def dead(ring):
    all = []
    for _ in range(3):
        for _ in range(MILLION // ring):
            first = last = Node()
            for _ in range(ring - 1):
                last.a = Node()
                last = last.a
            last.a = first
        first = last = None
        all.append(timed(MILLION, gc.collect))
    return best(all)


def churn():
    gc.enable()

    def turn():
        for _ in range(MILLION):
            n = Node()
            n.a = n

    def bare():
        for _ in range(MILLION):
            n = Node()
            n.a = None

    try:
        with_cycles = best([timed(MILLION, turn) for _ in range(3)])
        without = best([timed(MILLION, bare) for _ in range(3)])
        return [max(0.0, a - b) for a, b in zip(with_cycles, without)]
    finally:
        gc.disable()


def main():
    gc.disable()
    for name, f in [("Live", live), ("Dead/ring=2", lambda: dead(2)), ("Dead/ring=1000", lambda: dead(1000)),
                    ("Churn", churn)]:
        gc.collect()
        print("%s\t%.1f\t%.1f" % ((name,) + tuple(f())))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
