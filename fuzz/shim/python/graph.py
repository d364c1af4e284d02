"""CPython's own objects and collector, for fuzz/pipe: a heap of objects in another process.

    python3 graph.py

The protocol is described in fuzz/pipe/doc.go. An ID is the address of an object; a root is a count that is not
anybody's. Deaths of most objects cannot be seen from Python, so the part "mourn" is missing. What this file makes for
itself lives as long as the process does, and refers to no object of the program between two lines.
"""
import ctypes
import gc
import os
import sys
import threading
import weakref

gc.disable()

incref = ctypes.pythonapi.Py_IncRef
decref = ctypes.pythonapi.Py_DecRef
incref.argtypes = decref.argtypes = [ctypes.c_void_p]
incref.restype = decref.restype = None

VERSION = sys.version_info[:2]
NODE, ATOM, LIST, TUPLE, DICT, INSTANCE, NESTED, PUSHED = range(8)
WEAK = 8

KIND = {}  # by ID
SERIAL = [0]
AUTO = [0]
QUIET = [0]
ROOTS = {}  # how many, by ID
CLASSES = {}


def at(address):
    """The object at an address, with a reference of the caller's."""
    return ctypes.cast(address, ctypes.py_object).value


def say(text):
    OUT.write(text + "\n")
    OUT.flush()


def happen(what, address):
    """Tell the host of an event and answer its questions until it lets us go on."""
    if QUIET[0]:
        return
    gc.disable()
    say("event %s %d" % (what, address))
    serve(True)
    automatic(True)


def automatic(on):
    """Collections start by themselves while a question is worked on, and at no other time: nobody would listen."""
    if AUTO[0] and on:
        gc.enable()
    else:
        gc.disable()


def finalize(self):
    happen("final", id(self))


def classes(kind, fields, final):
    """The class of instances of a kind; one with a finalizer is laid out like the one without."""
    key = (kind, fields, final)
    if key not in CLASSES:
        base, body = object, {}
        if final:
            base, body = classes(kind, fields, False), {"__slots__": (), "__del__": finalize}
        elif kind != INSTANCE:
            names = ["f%d" % i for i in range(fields)] if kind == NODE else ["t"]
            body["__slots__"] = tuple(names) + ("__weakref__",)
        CLASSES[key] = type("K%d_%d" % (kind, fields), (base,), body)
    return CLASSES[key]


class Weak(weakref.ref):
    __slots__ = ()


def called(ref):
    happen("called", id(ref))


def new(kind, fields):
    SERIAL[0] += 1
    if kind == ATOM:
        return 10 ** 6 + SERIAL[0]
    if kind == LIST:
        return [None] * fields
    if kind == PUSHED:
        made = []
        for _ in range(fields):
            made.append(None)
        return made
    if kind == DICT:
        return dict.fromkeys(range(fields))
    made = classes(kind, fields, False)()
    if kind == TUPLE:
        made.t = (None,) * fields
    elif kind == NESTED:
        nest = None
        for _ in range(fields):
            nest = (None, nest)
        made.t = nest
    else:
        for i in range(fields):
            setattr(made, "f%d" % i, None)
    return made


def store(obj, kind, i, value):
    if kind in (LIST, PUSHED, DICT):
        obj[i] = value
    elif kind == TUPLE:
        obj.t = obj.t[:i] + (value,) + obj.t[i + 1:]
    elif kind == NESTED:
        obj.t = nested(obj.t, i, value)
    else:
        setattr(obj, "f%d" % i, value)


def nested(pair, i, value):
    heads = []
    for _ in range(i):
        heads.append(pair[0])
        pair = pair[1]
    pair = (value, pair[1])
    while heads:
        pair = (heads.pop(), pair)
    return pair


def fetch(obj, kind, i):
    if kind in (LIST, PUSHED, DICT):
        return obj[i]
    if kind == TUPLE:
        return obj.t[i]
    if kind == NESTED:
        pair = obj.t
        for _ in range(i):
            pair = pair[1]
        return pair[0]
    return getattr(obj, "f%d" % i)


def keep(obj, kind):
    """Give a new object its root and return its ID."""
    address = id(obj)
    do_root(address)
    KIND[address] = kind
    return address


def do_root(address):
    ROOTS[address] = ROOTS.get(address, 0) + 1
    incref(address)


def do_unroot(address):
    ROOTS[address] -= 1
    if ROOTS[address] == 0:
        del ROOTS[address]
    decref(address)


def do_reset(limit, auto, variant):
    AUTO[0] = 0
    gc.disable()
    if hasattr(gc, "unfreeze"):
        gc.unfreeze()
    QUIET[0] = 1
    while ROOTS:  # a program that ended early has left some
        address, n = ROOTS.popitem()
        for _ in range(n):
            decref(address)
    KIND.clear()
    gc.collect()
    QUIET[0] = 0
    if hasattr(gc, "freeze"):
        gc.freeze()
    gc.set_threshold(700, 10, 10)


def do_new(kind, fields):
    return keep(new(kind, fields), kind)


def do_set(address, i, target):
    store(at(address), KIND[address], i, at(target) if target else None)


def do_get(address, i):
    found = fetch(at(address), KIND[address], i)
    return 0 if found is None else id(found)


def do_weak(address, callback):
    return keep(Weak(at(address), called if callback else None), WEAK)


def do_deref(address):
    found = at(address)()
    return 0 if found is None else id(found)


def do_final(address):
    obj = at(address)
    kind = KIND[address]
    fields = 0
    if kind == NODE:
        fields = len(type(obj).__slots__) - 1
    elif kind == INSTANCE:
        fields = len(obj.__dict__)
    else:
        name = type(obj).__name__
        fields = int(name[name.index("_") + 1:])
    obj.__class__ = classes(kind, fields, True)


def do_enable(on):
    AUTO[0] = on


def do_threshold(generation, n):
    now = list(gc.get_threshold())
    now[generation] = n
    gc.set_threshold(*now)


def do_age(address):
    if not gc.is_tracked(at(address)):
        return -1
    for generation in range(3):
        for obj in gc.get_objects(generation):
            if id(obj) == address:
                return generation
    return -1  # it is frozen


VERBS = {
    "reset": do_reset, "new": do_new, "set": do_set, "get": do_get, "root": do_root, "unroot": do_unroot,
    "collect": gc.collect, "weak": do_weak, "deref": do_deref, "final": do_final, "enable": do_enable,
    "threshold": do_threshold, "age": do_age,
    "count": lambda address: sys.getrefcount(at(address)) - BASE,
}
if hasattr(gc, "freeze"):
    VERBS["freeze"] = gc.freeze
    VERBS["unfreeze"] = gc.unfreeze
BASE = sys.getrefcount(at(id(VERBS))) - 1
OUT = os.fdopen(os.dup(1), "w")
IN = os.fdopen(0, "r", 1)


def serve(nested):
    """Answer questions until the end, or, inside an event, until the host says resume."""
    while True:
        words = IN.readline().split()
        if not words or words[0] == "quit":
            os._exit(0)
        if words[0] == "resume" and nested:
            return
        automatic(True)
        try:
            answer = VERBS[words[0]](*map(int, words[1:]))
            text = "ok" if answer is None else "ok %d" % answer
        except MemoryError:
            text = "nomem"
        except Exception as e:  # whatever it is, the host is told
            text = "fail %s: %s" % (type(e).__name__, e)
        automatic(False)
        say(text)


def hello():
    parts = ["weak", "final", "switch", "threshold", "count"]
    if hasattr(gc, "freeze"):
        parts.append("freeze")
    if VERSION >= (3, 8):
        parts.append("age")
    words = [
        "heapfuzz 1 graph name=cpython-%d.%d.%d" % sys.version_info[:3], "parts=" + ",".join(parts),
        "immediate=1 within=1 generations=3 weakfirst=1 callbackfirst=1 fieldsmax=255 bare=1,2,4,7",
        "saves=" + ("whole" if VERSION < (3, 9) else "subgraph"),
    ]
    say(" ".join(words))


if __name__ == "__main__":
    # A finalizer that answers questions may make others run: a chain of them nests deeply, and a RecursionError in a
    # finalizer would be ignored, and the host with it.
    sys.setrecursionlimit(1000000)
    threading.stack_size(1 << 29)
    hello()
    side = threading.Thread(target=serve, args=(False,))
    side.start()
    side.join()
