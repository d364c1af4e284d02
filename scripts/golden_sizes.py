#!/usr/bin/env python3
"""Makes the interpreter that runs it tell how large objects are.

    python3.X golden_sizes.py        one row a line: its name, and what sys.getsizeof says of a sequence of objects
    python3 golden_sizes.py list     interpreters found (by golden_gc.py): profile, version, path, separated by tabs

A row is a sequence because most are about growth: "56*1 88*4" is 56 once and then 88 four times.  What a row makes is
written out here, and once more in Go beside its name (fuzz/recorded/sizes.go).
"""
import collections
import sys
import types
import weakref

OLD = sys.version_info[0] == 2
size = sys.getsizeof
if OLD:
    range = xrange  # noqa: F821
    chr = unichr  # noqa: F821


def row(name, sizes):
    runs = []
    for n in sizes:
        if runs and runs[-1][0] == n:
            runs[-1][1] += 1
        else:
            runs.append([n, 1])
    print(name + "\t" + " ".join(["%d*%d" % (n, count) for n, count in runs]))


def many(name, make, ns):
    row(name, [size(make(n)) for n in ns])


def atoms():
    many("None", lambda n: None, [0])
    many("bool", bool, [0, 1])
    many("int small", int, range(-5, 300))
    many("int 2^k", lambda k: int(2 ** k), range(201))
    many("int 2^k-1", lambda k: int(2 ** k - 1), range(201))
    many("int -2^k", lambda k: int(-2 ** k), range(201))
    many("float", float, [0, 1])
    many("complex", complex, [0, 1])
    many("bytes", lambda n: b"x" * n, range(101))
    many("bytearray", bytearray, range(41))
    many("range", range, [0, 3, 1000])
    many("str ascii", lambda n: "x" * n, range(101))
    if not OLD:
        many("str char", chr, range(256))
        many("str latin-1", lambda n: chr(0xE9) * n, range(2, 41))
        many("str ucs-2", lambda n: chr(0x20AC) * n, range(1, 41))
        many("str ucs-4", lambda n: chr(0x1F600) * n, range(1, 41))
        many("str mixed", lambda n: "x" * n + chr(0x1F600), range(41))
    import datetime
    many("capsule", lambda n: datetime.datetime_CAPI, [0])


def lists():
    many("list [None]*n", lambda n: [None] * n, range(101))
    many("list literal of constants", lambda n: eval("[" + "None," * n + "]"), range(41))
    many("list literal of variables", lambda n: eval("[" + "x," * n + "]", {"x": 1}), range(31))  # longer ones are appended to
    many("list(range)", lambda n: list(range(n)), range(101))
    many("list(tuple)", lambda n: list((None,) * n), range(101))
    many("list(list)", lambda n: list([None] * n), range(101))
    many("list slice", lambda n: ([None] * 100)[:n], range(101))
    many("list copy", lambda n: __import__("copy").copy([None] * n), range(41))

    def grow(steps):
        a = []
        for step in steps:
            step(a)
            yield size(a)

    def extend(k):
        return lambda a: a.extend([None] * k)

    def cut(i, j):
        def step(a):
            del a[i:j]
        return step

    row("list append 2000", grow([lambda a: a.append(None)] * 2000))
    row("list append 400 pop 400", grow([lambda a: a.append(None)] * 400 + [lambda a: a.pop()] * 400))
    row("list insert 300", grow([lambda a: a.insert(0, None)] * 300))
    row("list extend by k", grow([extend(k) for k in range(60)]))
    row("list extend and cut", grow([extend(500)] + [cut(2, 2 + k) for k in range(30)] + [extend(7), cut(1, 60)]))
    pop = lambda a: a.pop()
    row("list emptied", grow([
        extend(1), pop, cut(0, 0), extend(1), cut(0, 1), extend(3), pop, cut(1, 1), pop, cut(1, 1),
        pop, extend(2), cut(0, 2), extend(3), pop, pop, pop, cut(0, 0), extend(2), pop, cut(1, 1), cut(0, 1)]))
    row("list exact append", grow([extend(13), lambda a: a.append(None), cut(0, 5), lambda a: a.append(None)]))


def grow_set(a, steps):
    for step in steps:
        step(a)
        yield size(a)


def sets():
    def add(k):
        return lambda a: a.add(k)

    def discard(k):
        return lambda a: a.discard(k)

    def merge(n):
        return lambda a: a.update(set(range(n)))

    row("set add 5000", grow_set(set(), [add(k) for k in range(5000)]))
    row("set add 30 discard 30 add 5",
        grow_set(set(), [add(k) for k in range(30)] + [discard(k) for k in range(30)] + [add(k) for k in range(5)]))
    row("set add 200 clear add 10",
        grow_set(set(), [add(k) for k in range(200)] + [lambda a: a.clear()] + [add(k) for k in range(10)]))
    row("set update", grow_set(set(), [merge(n) for n in range(0, 3000, 37)]))
    row("set update 6 add 14", grow_set(set(set(range(6))), [add(6 + k) for k in range(14)]))
    many("set(list)", lambda n: set(list(range(n))), range(200))
    many("set(set)", lambda n: set(set(range(n))), range(400))
    many("set copy", lambda n: set(range(n)).copy(), range(400))
    many("set literal", lambda n: eval("{" + ",".join(map(str, range(n))) + "}"), range(1, 60))
    many("frozenset(list)", lambda n: frozenset(list(range(n))), range(200))
    many("frozenset(set)", lambda n: frozenset(set(range(n))), range(200))


def grow_dict(a, steps):
    for step in steps:
        step(a)
        yield size(a)


class Many(object):
    pass


def instance_dict(n):
    """The dict of the second instance of a class with n attributes: the first one makes the keys."""
    names = ["z" * (k // 13) + chr(97 + k % 13 * 2) for k in range(n)]
    kind = type("Attributes", (Many,), {})
    for _ in range(2):
        o = kind()
        for name in names:
            setattr(o, name, None)
    return o.__dict__


def dicts():
    def put(k):
        return lambda a: a.__setitem__(k, None)

    def remove(k):
        return lambda a: a.__delitem__(k)

    def less(n, k):
        a = {}
        for i in range(n):
            a[i] = None
        for i in range(k):
            del a[i]
        return a

    clear, pop = [lambda a: a.clear()], [lambda a: a.popitem()]
    row("dict set 6000", grow_dict({}, [put(k) for k in range(6000)]))
    row("dict set 2000 strings", grow_dict({}, [put("k%d" % k) for k in range(2000)]))
    row("dict set 5 strings 10 ints", grow_dict({}, [put("k%d" % k) for k in range(5)] + [put(k) for k in range(10)]))
    row("dict set 30 del 30 set 30",
        grow_dict({}, [put(k) for k in range(30)] + [remove(k) for k in range(30)] + [put(k) for k in range(30)]))
    row("dict set 200 clear set 10",
        grow_dict({}, [put(k) for k in range(200)] + clear + [put(k) for k in range(10)]))
    row("dict set 50 popitem 50 set 50",
        grow_dict({}, [put(k) for k in range(50)] + pop * 50 + [put(k) for k in range(50)]))
    many("dict call", lambda n: dict(), [0])
    many("dict copy of 100 less k", lambda k: less(100, k).copy(), range(101))
    many("dict(d) of 100 less k", lambda k: dict(less(100, k)), range(101))
    row("dict update", grow_dict({}, [(lambda n: lambda a: a.update(less(n, 0)))(n) for n in range(0, 500, 7)]))
    if sys.version_info < (3, 11):
        many("instance dict", instance_dict, range(1, 60))


def make_class(n, weak):
    names = ["a%d" % i for i in range(n)] + ["__weakref__"] * weak
    return type("Slots", (object,), {"__slots__": names})


class Dict(object):
    pass


class DictOnly(object):
    __slots__ = ("__dict__",)


def containers():
    many("tuple", lambda n: (None,) * n, range(61))
    many("slots", lambda n: make_class(n, 0)(), range(12))
    many("slots and weak references", lambda n: make_class(n, 1)(), range(12))
    many("instance", lambda n: Dict(), [0])
    many("instance without weak references", lambda n: DictOnly(), [0])
    many("weakref", lambda n: weakref.ref(Dict), [0])
    many("slice", slice, [1])

    def function():
        pass

    def outer(x):
        return lambda: x
    inner = outer(1)
    many("function", lambda n: function, [0])
    many("cell", lambda n: inner.__closure__[0], [0])
    many("method", lambda n: types.MethodType(function, 1), [0])


def records():
    def generate():
        yield 1
    rows = [
        ("type", lambda: type("A", (object,), {})),
        ("generator", generate),
        ("list_iterator", lambda: iter([])),
        ("tuple_iterator", lambda: iter(())),
        ("dict_iterator", lambda: iter({})),
        ("set_iterator", lambda: iter(set())),
        ("OrderedDict", collections.OrderedDict),
        ("defaultdict", collections.defaultdict),
        ("Counter", collections.Counter),
        ("deque", collections.deque),
        ("module", lambda: types.ModuleType("m")),
        ("property", property),
        ("super", lambda: super(Dict, Dict())),
    ]
    if not OLD:
        import functools
        rows.append(("lru_cache", lambda: functools.lru_cache(3)(lambda x: x)))
    for name, make in rows:
        row("record " + name, [size(make())])


if __name__ == "__main__":
    if sys.argv[1:] == ["list"]:
        sys.dont_write_bytecode = True
        import golden_gc
        golden_gc.list_interpreters()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        for section in (atoms, lists, sets, dicts, containers, records):
            section()
