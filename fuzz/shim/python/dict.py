"""CPython's own dict, for fuzz/pipe: dicts in another process.

    python3 dict.py [dict | strdict | reversible | ordereddict]

The protocol is described in fuzz/pipe/doc.go. Keys are made anew for every question, so that they are compared, and not
only found to be the same object. Those that the host gives a hash are instances of Key, whose comparisons it may be
told of; others are numbers, above 2^63 negative ones, or in a strdict strings. In every second pair of variants an update is
written d |= e where there is that operator.
"""
import os
import sys
import threading
from collections import OrderedDict

VERSION = sys.version_info[:2]
KIND = sys.argv[1] if len(sys.argv) > 1 else "dict"
TYPE = {"dict": dict, "strdict": dict, "reversible": dict, "ordereddict": OrderedDict}[KIND]

DICTS = {}
ITERS = {}
HASHES = {}  # of keys that are objects
HOOKED = set()  # dicts whose comparisons are told
ASKED = [0]  # the dict that the question is about
SERIAL = [0]
VARIANT = [0]


class Key(object):
    """A key whose hash the host has said."""
    __slots__ = ("n", "h")

    def __init__(self, n):
        self.n = n
        self.h = HASHES[n]

    def __hash__(self):
        return self.h

    def __eq__(self, other):
        if ASKED[0] in HOOKED:
            happen("compare", ASKED[0])
        return isinstance(other, Key) and self.n == other.n

    def __ne__(self, other):
        return not self == other


def key(n):
    if n in HASHES:
        return Key(n)
    if KIND == "strdict":
        return str(n)
    return n - 2 ** 64 if n >= 2 ** 63 else n


def number(k):
    if isinstance(k, Key):
        return k.n
    return int(k) & 2 ** 64 - 1


def say(text):
    OUT.write(text + "\n")
    OUT.flush()


def happen(what, n):
    """Tell the host of an event and answer its questions until it lets us go on."""
    asked = ASKED[0]
    say("event %s %d" % (what, n))
    serve(True)
    ASKED[0] = asked


def do_reset(variant):
    ITERS.clear()
    DICTS.clear()
    HASHES.clear()
    HOOKED.clear()
    SERIAL[0] = 0
    VARIANT[0] = variant


def do_key(n, h):
    HASHES[n] = h - 2 ** 64 if h >= 2 ** 63 else h


def made(d):
    SERIAL[0] += 1
    DICTS[SERIAL[0]] = d
    return SERIAL[0],


def items(d):
    return d.iteritems() if VERSION < (3, 0) else iter(d.items())


def fetch(i, k):
    d, missing = DICTS[i], ASKED
    found = d.get(key(k), missing)
    return () if found is missing else (found,)


def do_set(i, k, value):
    DICTS[i][key(k)] = value
    return ()


def do_del(i, k):
    try:
        del DICTS[i][key(k)]
    except KeyError:
        return 0,
    return 1,


def do_pop(i, k):
    found = DICTS[i].pop(key(k), ASKED)
    return () if found is ASKED else (found,)


def do_popitem(i):
    try:
        k, value = DICTS[i].popitem()
    except KeyError:
        return ()
    return number(k), value


def do_popfirst(i):
    try:
        k, value = DICTS[i].popitem(last=False)
    except KeyError:
        return ()
    return number(k), value


def do_clear(i):
    DICTS[i].clear()
    return ()


def do_update(i, other):
    if VARIANT[0] & 2 and VERSION >= (3, 9):
        DICTS[i] |= DICTS[other]
    else:
        DICTS[i].update(DICTS[other])
    return ()


def do_move(i, k, front):
    try:
        DICTS[i].move_to_end(key(k), last=not front)
    except KeyError:
        return 0,
    return 1,


def do_iter(i, backward):
    d = DICTS[i]
    SERIAL[0] += 1
    ITERS[SERIAL[0]] = reversed(d.items()) if backward else items(d)
    return SERIAL[0],


def do_next(it):
    try:
        k, value = next(ITERS[it])
    except StopIteration:
        return ()
    except RuntimeError:  # the dict has changed
        return 0,
    return number(k), value


def do_drop(i):
    del DICTS[i]
    HOOKED.discard(i)


def do_compare(i, on):
    (HOOKED.add if on else HOOKED.discard)(i)
    return ()


# Questions about a dict, which begin with its number and are answered with its length; and those that make one.
ABOUT = {
    "get": fetch, "set": do_set, "del": do_del, "pop": do_pop, "popitem": do_popitem, "clear": do_clear,
    "update": do_update, "iter": do_iter, "compare": do_compare,
    "setdefault": lambda i, k, value: (DICTS[i].setdefault(key(k), value),),
    "equal": lambda i, other: (int(DICTS[i] == DICTS[other]),),
    "len": lambda i: (), "size": lambda i: (sys.getsizeof(DICTS[i]),),
}
MAKES = {
    "new": lambda: made(TYPE() if TYPE is OrderedDict else {}),
    "copy": lambda i: made(DICTS[i].copy()),
    "rebuild": lambda i: made(TYPE(DICTS[i])),
    "fromkeys": lambda i, value: made(TYPE.fromkeys(DICTS[i], value)),
}
VERBS = {"reset": do_reset, "key": do_key, "next": do_next, "stop": ITERS.pop, "drop": do_drop}
PARTS = ["clear", "pop", "popitem", "setdefault", "update", "copy", "rebuild", "fromkeys", "iter", "walk", "size",
         "drop", "compare"]
if TYPE is dict:  # OrderedDicts that are equal are so in the same order
    PARTS.append("equal")
# An iterator that goes backward over a dict reads behind the entries of a table that became shorter: it may take the
# process with it, and so only those have one who ask for it.
if VERSION >= (3, 8) and KIND == "reversible" or TYPE is OrderedDict and VERSION > (3, 0):
    PARTS.append("reversed")
if TYPE is OrderedDict and VERSION > (3, 0):
    PARTS += ["move", "popfirst"]
    ABOUT.update(move=do_move, popfirst=do_popfirst)
OUT = os.fdopen(os.dup(1), "w")
IN = os.fdopen(0, "r", 1)


def answer(verb, args):
    if verb in ABOUT:
        ASKED[0] = args[0]
        numbers = ABOUT[verb](*args)
        ASKED[0] = 0
        return (len(DICTS[args[0]]),) + numbers
    if verb in MAKES:
        new = MAKES[verb](*args)
        return (len(DICTS[new[0]]),) + new
    numbers = VERBS[verb](*args)
    return numbers if isinstance(numbers, tuple) else ()


def serve(nested):
    """Answer questions until the end, or, inside an event, until the host says resume."""
    while True:
        words = IN.readline().split()
        if not words or words[0] == "quit":
            os._exit(0)
        if words[0] == "resume" and nested:
            return
        try:
            text = " ".join(["ok"] + ["%d" % n for n in answer(words[0], [int(w) for w in words[1:]])])
        except MemoryError:
            text = "nomem"
        except Exception as e:  # whatever it is, the host is told
            text = "fail %s: %s" % (type(e).__name__, e)
        say(text)


def stairs():
    """The sizes of a dict that grows, by the layout of Objects/dictobject.c, above the header of the collector."""
    base = sys.getsizeof({}) - {}.__sizeof__() + 48
    if VERSION < (3, 0):
        return [(5, base + 200)] + [((2 * n - 1) // 3, base + 200 + 24 * n) for n in (32, 128, 512, 2048, 8192, 32768)]
    head, entry = (40, 24) if VERSION < (3, 11) else (32, 16 if KIND == "strdict" else 24)
    steps = [(0, base)] if VERSION >= (3, 8) else []
    for log2 in range(3, 17):
        slots = 1 << log2
        width = 1 if slots < 256 else 2 if slots < 65536 else 4
        steps.append((slots * 2 // 3, base + head + width * slots + entry * (slots * 2 // 3)))
    return steps


# From 3.11 on what is set may be lost when the comparison of its key clears the dict (gh-140551), and an OrderedDict
# takes the process with it when the comparison of a key that is deleted does.
REENTRANT = TYPE is dict and VERSION < (3, 11)


# In 2.7 a copy has twice the slots at some lengths, in 3.7 that of a cleared dict has slots, and from 3.10 on that of a
# dict of few entries has 16 where 8 are enough.
COPIES_FIT = ((3, 6), (3, 8), (3, 9))


def hello():
    words = ["heapfuzz 1 dict name=cpython-%d.%d.%d/" % sys.version_info[:3] + KIND, "parts=" + ",".join(PARTS),
             "order=" + ("any" if VERSION < (3, 6) and TYPE is dict else "insertion"), "reentrant=%d" % REENTRANT]
    if TYPE is dict:
        words += ["during=detected keepssize=1 clearfrees=1 copyfits=%d" % (VERSION in COPIES_FIT),
                  "stairs=" + ",".join("%d:%d" % step for step in stairs()),
                  "twin=%d.%d/" % VERSION + KIND.replace("reversible", "dict")]
    say(" ".join(words))


if __name__ == "__main__":
    threading.stack_size(1 << 28)
    hello()
    side = threading.Thread(target=serve, args=(False,))
    side.start()
    side.join()
