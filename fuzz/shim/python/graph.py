"""CPython's own objects and collector, for fuzz/pipe: a heap of objects in another process.

    python3 graph.py

The protocol is described in fuzz/pipe/doc.go. It runs in 2.7 and in 3.6 and later.

An ID is the address of an object; a root is a count that is not anybody's. Deaths of most objects cannot be seen from
Python, so the part "mourn" is missing; nor can what is frozen be told apart from what the interpreter has frozen
itself, and "freezecount" is missing too.
What this file makes for itself is frozen where there is gc.freeze, refers to no object of the program between two
lines, and is none of what is counted: collections see the objects of the program alone.

The kinds are those of fuzz/pygraph.go. A tuple cannot be changed, so a tuple is an instance with a slot that holds
one, and so is a chain of pairs; what goes with an instance like that has no ID.
"""
import copy
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

# An instance with more attributes than this has slots: it could have a dict although its release has inline values.
SHARED_MAX = 24

# From 3.11 on the dict of an instance is made when the instance changes its class. So each has a class of its own
# there, which gets the finalizer: they are made beforehand, for they are objects of the collector too.
INLINE = VERSION >= (3, 11)
POOL_MAX = 600

KIND = {}  # by ID, with the number of fields: see kind_of
ATOMS = [0]
AUTO = [0]
QUIET = [0]
STATS = [0, 0]
ROOTS = {}  # how many, by ID
CLASSES = {}
POOL, USED = [], []


def at(address):
    """The object at an address, with a reference of the caller's."""
    return ctypes.cast(address, ctypes.py_object).value


def note(address, kind, fields):
    KIND[address] = kind | fields << 4  # a number: the collector looks at no dict of numbers


def kind_of(address):
    return KIND[address] & 15


def fields_of(address):
    return KIND[address] >> 4


def say(text):
    OUT.write(text + "\n")
    OUT.flush()


def happen(what, number):
    """Tell the host of an event and answer its questions until it lets us go on."""
    if QUIET[0]:
        return
    was = gc.isenabled()
    gc.disable()
    say("event %s %d" % (what, number))
    serve(True)
    if was:
        gc.enable()


def automatic(verb):
    """Collections start by themselves while something is made, and at no other time: nobody would listen."""
    if AUTO[0] and verb in MAKING:
        gc.enable()


def finalize(self):
    happen("final", id(self))


def called(ref):
    happen("called", id(ref))


def watch(phase, info):
    happen(phase, info["generation"] if phase == "start" else info["collected"] + info["uncollectable"])


class Weak(weakref.ref):
    __slots__ = ()

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


class Base(object):
    """What all instances have in common: copies are of a class without a finalizer."""
    __slots__ = ()

    def __reduce_ex__(self, protocol):
        kind, fields = kind_of(id(self)), fields_of(id(self))
        if kind in (TUPLE, NESTED):
            return instance, (kind, fields), self.t
        return instance, (kind, fields), [fetch(self, kind, i) for i in range(fields)]

    def __setstate__(self, state):
        if type(state) is tuple:
            self.t = state
        else:
            for i, value in enumerate(state):
                setattr(self, name_of(self, i), value)


def slot_name(i):
    """Slots lie in the order of their names, and "f10" would go before "f2"."""
    return "f%03d" % i


def name_of(obj, i):
    """The attribute that a field is. Those in a dict lie in the order of the hashes of their names in 2.7, so the names
    are the ones that impl/object gives them."""
    if type(obj).__dictoffset__:
        return "z" * (i // 13) + chr(ord("a") + 2 * (i % 13))
    return slot_name(i)


def slotted(kind, fields):
    return kind != INSTANCE or fields > SHARED_MAX


def classes(kind, fields, final):
    """The class of instances of a kind; one with a finalizer is laid out like the one without."""
    key = (kind, fields, final)
    if key not in CLASSES:
        base, body = Base, {}
        if final:
            base, body = classes(kind, fields, False), {"__slots__": (), "__del__": finalize}
        elif slotted(kind, fields):
            names = ["t"] if kind in (TUPLE, NESTED) else [slot_name(i) for i in range(fields)]
            body["__slots__"] = tuple(names) + ("__weakref__",)
        CLASSES[key] = type("K%d_%d" % (kind, fields), (base,), body)
    return CLASSES[key]


def own_class():
    """A class whose instances share the names of all attributes that there may be, for one instance."""
    made = type("Own", (Base,), {})
    first = made()
    for i in range(SHARED_MAX):
        setattr(first, name_of(first, i), None)
    return made


def instance(kind, fields):
    """An instance with empty fields; one with a tuple gets it later."""
    if slotted(kind, fields) or not INLINE:
        made = classes(kind, fields, False)()
    else:
        USED.append(POOL.pop() if POOL else own_class())
        made = USED[-1]()
    if kind not in (TUPLE, NESTED):
        for i in range(fields if slotted(kind, fields) else max(fields, 1)):
            setattr(made, name_of(made, i), None)
    return made


def fill(made, kind, values):
    """Give an instance tuples of its own."""
    if kind == TUPLE:
        made.t = tuple(values)
    elif kind == NESTED:
        nest = None
        for value in reversed(values):
            nest = (value, nest)
        made.t = nest
    return made


def atom():
    """Numbers, bytes and strings of any length: the same as in fuzz/pyatom.go."""
    ATOMS[0] += 1
    n = ATOMS[0]
    if n % 8 == 6:
        return -n << (64 + n % 5 * 30)
    if n % 2 == 0:
        return (n + 1000) << (n % 3 * 20)
    if n % 8 == 5:
        return n + 0.25
    if n % 8 == 3:
        return bytes(bytearray([n % 256]) * (2 + n * 37 % 600))
    letter = chr(ord("a") + n % 26)
    if n % 8 == 7 and VERSION[0] > 2:
        letter = chr([0xE9, 0x436, 0x1F600][n // 8 % 3])
    return letter * (2 + n * 37 % 600)


def new(kind, fields):
    if kind == ATOM:
        return atom()
    if kind == LIST:
        return [None] * fields
    if kind == PUSHED:
        made = []
        for _ in range(fields):
            made.append(None)
        return made
    if kind == DICT:
        return dict.fromkeys(range(fields))
    return fill(instance(kind, fields), kind, [None] * fields)


def store(obj, kind, i, value):
    if kind in (LIST, PUSHED, DICT):
        obj[i] = value
    elif kind == TUPLE:
        items = list(obj.t)
        items[i] = value
        obj.t = tuple(items)
    elif kind == NESTED:
        obj.t = nested(obj.t, i, value)
    else:
        setattr(obj, name_of(obj, i), value)


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
    return getattr(obj, name_of(obj, i))


def id_of(obj):
    return 0 if obj is None else id(obj)


def keep(obj, kind, fields):
    """Give a new object its root and return its ID."""
    note(id(obj), kind, fields)
    do_root(id(obj))
    return id(obj)


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
    gc.set_debug(0)
    if FREEZES:
        gc.unfreeze()
    QUIET[0] = 1
    while ROOTS:  # a program that ended early has left some
        address, n = ROOTS.popitem()
        for _ in range(n):
            decref(address)
    gc.collect()
    while gc.garbage:
        for obj in list(gc.garbage):
            if isinstance(obj, Base):
                for name in [n for c in type(obj).__mro__ for n in getattr(c, "__slots__", ()) if n[0] in "ft"]:
                    setattr(obj, name, None)
                getattr(obj, "__dict__", {}).clear()
        del obj, gc.garbage[:]
        gc.collect()
    KIND.clear()
    ATOMS[0] = 0
    while USED:
        POOL.append(USED.pop())
        if "__del__" in POOL[-1].__dict__:
            del POOL[-1].__del__
    gc.set_threshold(700, 10, 10)
    gc.collect()
    if FREEZES:
        gc.freeze()
    QUIET[0] = 0
    STATS[:] = stats()


def do_new(kind, fields):
    return keep(new(kind, fields), kind, fields)


def do_set(address, i, target):
    store(at(address), kind_of(address), i, at(target) if target else None)


def do_get(address, i):
    return id_of(fetch(at(address), kind_of(address), i))


def do_push(address, target):
    at(address).append(at(target))
    KIND[address] += 1 << 4


def do_pop(address):
    KIND[address] -= 1 << 4
    at(address).pop()  # not del, which gives the block of an emptied list back where pop does so from 3.12 on only


def do_copy(address):
    return copied(address, copy.copy(at(address)), False)


def do_deepcopy(address):
    return copied(address, copy.deepcopy(at(address)), True)


def copied(address, made, deep):
    """Walk over an object and its copy side by side: what is new is noted, and gets tuples of its own."""
    if id(made) == address:
        do_root(address)
        return address
    pairs, met = [(at(address), made)], {address}
    for a, b in pairs:  # it grows
        kind, fields = kind_of(id(a)), fields_of(id(a))
        note(id(b), kind, fields)
        for i in range(fields if deep else 0):
            x, y = fetch(a, kind, i), fetch(b, kind, i)
            if x is not y and id(x) not in met:
                met.add(id(x))
                pairs.append((x, y))
    for _, b in pairs:
        kind, fields = kind_of(id(b)), fields_of(id(b))
        if kind in (TUPLE, NESTED):
            fill(b, kind, [fetch(b, kind, i) for i in range(fields)])
    do_root(id(made))
    return id(made)


def do_weak(address, callback):
    return keep(Weak(at(address), called if callback else None), WEAK, 0)


def do_final(address):
    obj, kind, fields = at(address), kind_of(address), fields_of(address)
    if INLINE and not slotted(kind, fields):
        type(obj).__del__ = finalize
    else:
        obj.__class__ = classes(kind, fields, True)


def do_enable(on):
    AUTO[0] = on


def do_threshold(generation, n):
    now = list(gc.get_threshold())
    now[generation] = n
    gc.set_threshold(*now)


def known(obj):
    """Tells whether something that is followed has an ID. There may have been another object at its address."""
    kind = KIND.get(id(obj), ATOM) & 15
    if kind in (LIST, PUSHED):
        return type(obj) is list
    if kind == DICT:
        return type(obj) is dict and list(obj) == list(range(fields_of(id(obj))))  # others are of classes, instances
    return kind != ATOM and isinstance(obj, Weak if kind == WEAK else Base)


def do_objects(above):
    """IDs of generation above-1; 0 is all, but without what is frozen."""
    return [id(obj) for obj in (gc.get_objects(above - 1) if above else gc.get_objects()) if known(obj)]


def do_age(address):
    for generation in range(3):
        if gc.is_tracked(at(address)) and any(id(obj) == address for obj in gc.get_objects(generation)):
            return generation
    return -1


def referents(obj):
    """What an object refers to, with what its tuples and its dict do in their place."""
    found, fields = [], set()
    for i in range(fields_of(id(obj))):
        fields.add(id_of(fetch(obj, kind_of(id(obj)), i)))
    todo = gc.get_referents(obj)[::-1]
    while todo:
        x = todo.pop()
        if id(x) in fields:
            found.append(id(x))
        elif type(x) in (tuple, dict):
            todo.extend(reversed(gc.get_referents(x)))
    return found


def do_referrers(address):
    obj = at(address)
    found = [id(x) for x in gc.get_referrers(obj) if known(x)]
    for x in gc.get_objects():
        if known(x) and hides(id(x)) and address in referents(x):
            found.append(id(x))
    return found


def hides(address):
    kind, fields = kind_of(address), fields_of(address)
    if kind == INSTANCE:
        return not INLINE and not slotted(kind, fields)
    return fields > 0 and kind in (TUPLE, NESTED)


def do_size(address):
    obj, kind = at(address), kind_of(address)
    n = sys.getsizeof(obj)
    if hides(address) and kind != INSTANCE:
        pair = obj.t
        while pair is not None:
            n += sys.getsizeof(pair)
            pair = pair[1] if kind == NESTED else None
    return n


def do_saveall(on):
    gc.set_debug(gc.DEBUG_SAVEALL if on else 0)


def purge():
    """Leave in the garbage only what has an ID: tuples that a program replaces would live on there."""
    if gc.garbage:
        gc.garbage[:] = [obj for obj in gc.garbage if known(obj)]


def do_garbage():
    purge()
    return [id(obj) for obj in gc.garbage]


def do_drop():
    del gc.garbage[:]


def stats():
    """The collections that there were, and what they returned."""
    if not hasattr(gc, "get_stats"):
        return [0, 0]
    rows = gc.get_stats()
    return [sum(r["collections"] for r in rows), sum(r["collected"] + r["uncollectable"] for r in rows)]


def do_stats():
    return [now - then for now, then in zip(stats(), STATS)]


FREEZES = hasattr(gc, "freeze")

# The verbs of each part.
PARTS = {
    "": {"reset": do_reset, "new": do_new, "set": do_set, "get": do_get, "root": do_root, "unroot": do_unroot,
         "collect": gc.collect},
    "weak": {"weak": do_weak, "deref": lambda address: id_of(at(address)())},
    "final": {"final": do_final},
    "grow": {"push": do_push, "pop": do_pop},
    "copy": {"copy": do_copy, "deepcopy": do_deepcopy},
    "switch": {"enable": do_enable},
    "threshold": {"threshold": do_threshold},
    "hoard": {"saveall": do_saveall, "garbage": do_garbage, "drop": do_drop},
    "count": {"count": lambda address: sys.getrefcount(at(address)) - BASE},
    "tracked": {"tracked": lambda address: int(gc.is_tracked(at(address)))},
    "relate": {"referents": lambda address: referents(at(address)), "referrers": do_referrers},
    "size": {"size": do_size},
}
if VERSION < (3, 4):
    PARTS["legacy"] = {"legacy": do_final}
    del PARTS["final"]
else:
    PARTS["stats"] = {"stats": do_stats}
    PARTS["watch"] = {}
if FREEZES:
    PARTS["freeze"] = {"freeze": gc.freeze, "unfreeze": gc.unfreeze}
if VERSION >= (3, 8):
    PARTS["age"] = {"age": do_age}
    PARTS["census"] = {"objects": do_objects}
if hasattr(gc, "is_finalized"):
    PARTS["graduate"] = {"finalized": lambda address: int(gc.is_finalized(at(address)))}

MAKING = {"new", "set", "weak", "push", "copy", "deepcopy"}

VERBS = {}
for part in PARTS.values():
    VERBS.update(part)
BASE = sys.getrefcount(at(id(VERBS))) - 1
OUT = os.fdopen(os.dup(1), "w")
IN = os.fdopen(0, "r", 1)


def ask():
    """Read a question: the verb and its numbers. The words are gone when it is worked on, or they would be counted."""
    words = IN.readline().split()
    if not words:
        return "quit", ()
    return words[0], tuple(map(int, words[1:]))


def serve(nested):
    """Answer questions until the end, or, inside an event, until the host says resume."""
    while True:
        verb, numbers = ask()
        if verb == "quit":
            os._exit(0)
        if verb == "resume" and nested:
            return
        automatic(verb)
        try:
            answer = VERBS[verb](*numbers)
            if type(answer) is list:
                text = " ".join(["ok"] + ["%d" % n for n in answer])
            else:
                text = "ok" if answer is None else "ok %d" % answer
        except MemoryError:
            text = "nomem"
        except Exception as e:  # whatever it is, the host is told
            text = "fail %s: %s" % (type(e).__name__, e)
        gc.disable()
        answer = None
        say(text)


def hello():
    words = [
        "heapfuzz 1 graph name=cpython-%d.%d.%d" % sys.version_info[:3],
        "parts=" + ",".join(sorted(part for part in PARTS if part)),
        "immediate=1 within=1 generations=3 weakfirst=1 callbackfirst=1 fieldsmax=255",
        "bare=1,2,4,7 grows=2,7 shares=1 untracks=4", "saves=" + ("whole" if VERSION < (3, 9) else "subgraph"),
        "weaklapse=%d" % (VERSION >= (3, 8)),  # bpo-38006
    ]
    say(" ".join(words))


if __name__ == "__main__":
    # A finalizer that answers questions may make others run: a chain of them nests deeply, and a RecursionError in a
    # finalizer would be ignored, and the host with it.
    sys.setrecursionlimit(1000000)
    threading.stack_size(1 << 29)
    if INLINE:
        POOL.extend([own_class() for _ in range(POOL_MAX)])
    if hasattr(gc, "callbacks"):
        gc.callbacks.append(watch)
    QUIET[0] = 1
    hello()
    side = threading.Thread(target=serve, args=(False,))
    side.start()
    side.join()
