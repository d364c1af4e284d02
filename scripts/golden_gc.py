#!/usr/bin/env python3
"""Makes the interpreter that runs it answer a program about objects, references and collections.

    python3.X golden_gc.py < program     one answer a line
    python3 golden_gc.py list            interpreters found: profile, version, path, separated by tabs

A program keeps objects in numbered roots.  An operation on a root in the wrong state is answered "skip".

    new 3 list            list (of four None), dict, inst..., slots...; the object's tag is the number of the line
    tuple 4 3 - 5         a tuple of three roots, "-" is None
    weak 5 3 1            a weak reference to root 3, with a callback (1) or without
    get 6 3 2             root 6 becomes item, attribute or value 2 of root 3; "none" if there is none
    set 3 2 4             item, attribute or value 2 of root 3 becomes root 4; "-" is None, or no such key in a dict
    push 3 4, pop 3       at the end of a list
    drop 3                the root is given up
    unrevive              the reference that a finalizer kept last is given up
    collect 1             -> what gc.collect returns, and the counts of generations 1 and 2
    tracked 3, finalized 3, alive 5, count 3, size 3
    referents 3, referrers 3, order   names of objects; order is that of the generations

Events follow the answer behind " | ": F12 the finalizer of object 12, C13 the callback of weak reference 13, G0 what a
collection inside a finalizer returned.

The program must be alone in the generations, and nothing of ours may refer to its objects, or our own containers would
decide the order of lists.  So roots are addresses, each with a reference that no container holds (Py_IncRef), and our
containers are frozen where gc.freeze exists (3.7); in 3.6 they are merely old.  Automatic collection is off.
"""
import ctypes
import gc
import os
import shutil
import subprocess
import sys
import weakref

PROFILES = ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
ATTRS = ("a", "b", "c", "d")
LOG = []
REVIVED = []

hold = ctypes.pythonapi.Py_IncRef
hold.argtypes, hold.restype = [ctypes.py_object], None
release = ctypes.pythonapi.Py_DecRef
release.argtypes, release.restype = [ctypes.c_void_p], None


def at(address):
    return ctypes.cast(address, ctypes.py_object).value


class Inst(object):
    def __init__(self, n):
        self.a = self.b = self.c = self.d = None
        self.n = n


class Slots(object):
    __slots__ = ("a", "b", "c", "d", "n", "__weakref__")

    def __init__(self, n):
        self.a = self.b = self.c = self.d = None
        self.n = n


def log(self):
    LOG.append("F%d" % self.n)


def revive(self):
    LOG.append("F%d" % self.n)
    hold(self)
    REVIVED.append(id(self))


def drop(self):
    LOG.append("F%d" % self.n)
    self.a = None


def alloc(self):
    LOG.append("F%d" % self.n)
    [None] * 4


def collect(self):
    LOG.append("F%d" % self.n)
    LOG.append("G%d" % gc.collect(0))


CLASSES = {"inst": Inst, "slots": Slots}
for base, script in [("inst", log), ("inst", revive), ("inst", drop), ("slots", log), ("slots", revive),
                     ("slots", alloc), ("slots", collect)]:
    slots = {"__slots__": ()} if base == "slots" else {}
    CLASSES[base + "-" + script.__name__] = type(
        base + script.__name__, (CLASSES[base],), dict(slots, __del__=script))
OWN = tuple(CLASSES.values())


class Weak(weakref.ref):
    __slots__ = ("n",)


def called_back(w):
    LOG.append("C%d" % w.n)


roots = {}


def name(o):
    """Names an object of the program: by its tag, or by the lowest root that it is; else None."""
    if type(o) in OWN or type(o) is Weak:
        return "n%d" % o.n
    if type(o) in (list, dict, tuple):
        a = id(o)
        found = [r for r in roots if roots[r] == a]
        if found:
            return "r%d" % min(found)
    return None


def names(objects):
    return ",".join([n for n in map(name, objects) if n is not None])


def order():
    if sys.version_info < (3, 8):
        return names(gc.get_objects())
    return "/".join([names(gc.get_objects(generation=g)) for g in (0, 1, 2)])


def put(o, k, v):
    t = type(o)
    if t is list and k < len(o):
        o[k] = v
    elif t is dict and v is None:
        if k not in o:
            return "skip"
        del o[k]
    elif t is dict:
        o[k] = v
    elif t in OWN:
        setattr(o, ATTRS[k], v)
    else:
        return "skip"
    return "ok"


def fetch(o, k):
    t = type(o)
    if t is list or t is tuple:
        return o[k] if k < len(o) else None
    if t is dict:
        return o.get(k)
    return getattr(o, ATTRS[k]) if t in OWN else None


def root(r, o):
    hold(o)
    roots[r] = id(o)
    return "ok"


def define(n, t):
    """Runs an operation that makes a root."""
    r = int(t[1])
    if r in roots:
        return "skip"
    for x in t[2:] if t[0] == "tuple" else t[2:3] if t[0] != "new" else ():
        if x != "-" and int(x) not in roots:
            return "skip"
    if t[0] == "new":
        if t[2] == "list":
            return root(r, [None] * 4)
        return root(r, {} if t[2] == "dict" else CLASSES[t[2]](n))
    if t[0] == "tuple":
        a, b, c = [None if x == "-" else at(roots[int(x)]) for x in t[2:]]
        return root(r, (a, b, c))
    o = at(roots[int(t[2])])
    if t[0] == "get":
        v = fetch(o, int(t[3]))
        return "none" if v is None else root(r, v)
    if type(o) not in OWN:
        return "skip"
    w = Weak(o, called_back) if t[3] == "1" else Weak(o)
    w.n = n
    return root(r, w)


def ask(op, o):
    """Answers a question about one object."""
    if op == "tracked":
        return str(int(gc.is_tracked(o)))
    if op == "finalized":
        return str(int(gc.is_finalized(o))) if sys.version_info >= (3, 9) else "-"
    if op == "alive":
        return str(int(o() is not None)) if type(o) is Weak else "skip"
    if op == "size":
        return str(sys.getsizeof(o)) if type(o) in OWN or type(o) in (list, tuple) else "skip"
    if op == "referents":
        return names(gc.get_referents(o))
    if op == "referrers":
        return names(gc.get_referrers(o))
    if type(o) is not list or op == "pop" and not o:
        return "skip"
    o.pop()
    return "ok"


def count(address):
    """Reads the reference count, which no argument passing disturbs, out of the object."""
    return str(ctypes.c_uint32.from_address(address).value)


def step(n, t):
    op = t[0]
    if op in ("new", "tuple", "weak", "get"):
        return define(n, t)
    if op == "collect":
        found = gc.collect(int(t[1]))
        counts = gc.get_count()
        return "%d %d %d" % (found, counts[1], counts[2])
    if op == "order":
        return order()
    if op == "unrevive":
        if not REVIVED:
            return "skip"
        release(REVIVED.pop())
        return "ok"
    r = int(t[1])
    if r not in roots or op == "set" and t[3] != "-" and int(t[3]) not in roots:
        return "skip"
    if op == "drop":
        release(roots.pop(r))
        return "ok"
    if op == "count":
        return count(roots[r])
    if op == "set":
        return put(at(roots[r]), int(t[2]), None if t[3] == "-" else at(roots[int(t[3])]))
    if op == "push":
        o = at(roots[r])
        if type(o) is not list or int(t[2]) not in roots:
            return "skip"
        o.append(at(roots[int(t[2])]))
        return "ok"
    return ask(op, at(roots[r]))


WARM = """new 0 list|new 1 dict|tuple 2 0 - 1|new 3 inst|weak 4 3 1|set 3 0 4|get 5 3 0|set 0 1 3|push 0 3|pop 0|alive 4
tracked 0|finalized 3|count 0|size 0|size 3|order|referents 0|referrers 3|set 3 0 -|set 1 0 0|set 1 0 -|drop 0|drop 1
drop 2|drop 3|drop 4|drop 5|new 0 slots|set 0 0 0|drop 0|collect 0|collect 1|unrevive|collect 2"""


def run():
    gc.disable()
    lines = [line.split() for line in sys.stdin]
    for _ in range(3):  # classes learn the keys of their instances, and code warms its caches
        for t in WARM.replace("\n", "|").split("|"):
            step(0, t.split())
        for kind in sorted(CLASSES):
            step(0, ["new", "0", kind])
            step(0, ["drop", "0"])
        while REVIVED:
            step(0, ["unrevive"])
    del LOG[:]
    gc.collect()
    out = []
    numbered = iter(list(enumerate(lines)))
    gc.collect()
    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()
    for n, t in numbered:
        answer = step(n, t)
        if LOG:
            answer += " | " + " ".join(LOG)
            del LOG[:]
        out.append(answer)
    sys.stdout.write("\n".join(out) + "\n")
    sys.stdout.flush()
    os._exit(0)  # no finalizers at exit


def candidates():
    """Yields paths of interpreters that might be of a version we can ask."""
    for path in os.environ.get("HEAPFUZZ_PYTHONS", "").split(os.pathsep):
        if path:
            yield path
    versions = ""
    try:
        found = subprocess.run(["pyenv", "root"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        versions = os.path.join(found.stdout.decode().strip(), "versions")
    except OSError:
        pass
    for profile in PROFILES:
        if os.path.isdir(versions):
            for folder in sorted(os.listdir(versions)):
                path = os.path.join(versions, folder, "bin", "python" + profile)
                if os.path.exists(path):
                    yield path
        found = shutil.which("python" + profile)
        if found:
            yield found


def list_interpreters():
    question = "import sys; print('%d.%d' % sys.version_info[:2], '%d.%d.%d' % sys.version_info[:3])"
    seen = set()
    for path in candidates():
        try:
            answer = subprocess.run([path, "-I", "-c", question], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                    timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            continue
        fields = answer.stdout.decode().split()
        if answer.returncode == 0 and len(fields) == 2 and fields[0] in PROFILES and fields[0] not in seen:
            seen.add(fields[0])
            print("\t".join(fields + [path]))


if __name__ == "__main__":
    if sys.argv[1:] == ["list"]:
        list_interpreters()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        run()
