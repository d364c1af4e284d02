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
    garbage, ungarbage    names of what is in gc.garbage; it is emptied
    debug 38              gc.set_debug
    threshold 5 2 2       gc.set_threshold; from here on collections begin by themselves

Events follow the answer behind " | ": F12 the finalizer of object 12, C13 the callback of weak reference 13, G0 what a
collection inside a finalizer returned.  After threshold also S1 and E1:4:0, the beginning and the end of a collection of
generation 1 with what it found, and behind " @ " the three counts.  After debug, behind " ! ", the lines that were
written to stderr, with names instead of addresses, 0 seconds, and N for how many objects are ours.

The program must be alone in the generations, or our own containers would decide the order of lists.  So they are frozen
where gc.freeze exists (3.7).  Before, they are older than all objects of the program, and those that hold any have a
reference that no container holds (Py_IncRef), so that they are found at once and stay in front.

Count 0 must be the program's alone.  So each operation runs between begin and end, which set the word in which the
interpreter counts and read it back; they allocate nothing, nor does anything between them but the operation.  What we
do outside is undone by the next begin, but for the free lists of types: outside, we use no dicts and of tuples only
those of one item, and one list where a row above asks for names.  In an interpreter a weak reference costs a tuple of
two arguments, which is the program's.
"""
import ctypes
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
import weakref

PROFILES = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
ATTRS = ("a", "c", "e", "g")  # in alphabetical order, which is that of slots, and in that of hashes in 2.7
LOG = []
REVIVED = []

CONTAINERS, SIZED = (list, dict, tuple), (list, tuple)  # not to be made at each question
ROOTS = [None] * 32
NONES = [None] * 4
OUT = []
COUNT = []  # the words of the three counts, once they are found
VIRTUAL = [0, False, False]  # count 0 of the program; whether collections begin by themselves; whether stderr is read
append, keep, copy_nones = LOG.append, REVIVED.append, lambda: NONES[:]
if hasattr(NONES, "copy"):
    copy_nones = NONES.copy
gc_collect, gc_enable, gc_disable = gc.collect, gc.enable, gc.disable


def find_counts():
    """Finds the counts by thresholds that nobody else has: each generation is a list head, a threshold, a count."""
    api = ctypes.pythonapi
    if sys.version_info < (3, 7):
        start, size = ctypes.c_void_p.in_dll(api, "_PyGC_generation0").value, 256
    elif sys.version_info < (3, 9):
        start, size = ctypes.addressof(ctypes.c_char.in_dll(api, "_PyRuntime")), 4096
    else:
        api.PyInterpreterState_Get.restype = ctypes.c_void_p
        start, size = api.PyInterpreterState_Get(), 16384
    was, marks = gc.get_threshold(), (12345, 23456, 34567)
    gc.set_threshold(*marks)
    word = ctypes.c_int.from_address
    for at in range(start, start + size, 4):
        for step in (24, 40, 48):
            if word(at).value == marks[0] and [word(at + i * step).value for i in (1, 2)] == list(marks[1:]):
                gc.set_threshold(*was)
                COUNT.extend([word(at + i * step + 4) for i in range(3)])
                return
    raise SystemExit("golden_gc: the counts of generations are not where they are looked for")


def begin():
    COUNT[0].value = VIRTUAL[0]
    if VIRTUAL[1]:
        gc_enable()


def nothing():
    """A function begins: from 3.12 on a collection that is due is run there."""


def end():
    nothing()
    gc_disable()
    VIRTUAL[0] = COUNT[0].value


def watch(phase, info):
    if phase == "start":
        append("S%d" % info["generation"])
    else:
        append("E%d" % info["generation"] + ":%d" % info["collected"] + ":%d" % info["uncollectable"])


class Inst(object):
    pass


class Slots(object):
    __slots__ = ("a", "c", "e", "g", "n", "__weakref__")


class Old:
    pass


def log(self):
    append("F%d" % self.n)


def revive(self):
    append("F%d" % self.n)
    keep(self)


def drop(self):
    append("F%d" % self.n)
    self.a = None


def alloc(self):
    append("F%d" % self.n)
    copy_nones()


def collect(self):
    append("F%d" % self.n)
    append("G%d" % gc_collect(0))


CLASSES = {"inst": Inst, "slots": Slots}
for base, script in [("inst", log), ("inst", revive), ("inst", drop), ("slots", log), ("slots", revive),
                     ("slots", alloc), ("slots", collect)]:
    slots = {"__slots__": ()} if base == "slots" else {}
    CLASSES[base + "-" + script.__name__] = type(
        base + "-" + script.__name__, (CLASSES[base],), dict(slots, __del__=script))
try:
    from _testcapi import with_tp_del  # gives a class of Python 3 a finalizer of the old kind
    for base, script in [("inst", log), ("slots", revive)]:
        slots = {"__slots__": ()} if base == "slots" else {}
        k = base + "-old-" + script.__name__
        CLASSES[k] = with_tp_del(type(k, (CLASSES[base],), dict(slots, __tp_del__=script)))
except ImportError:
    pass
if sys.version_info < (3,):
    CLASSES["classic"] = Old
    for script in log, revive:
        class Older(Old):
            __del__ = script
        Older.__name__ = "classic-" + script.__name__
        CLASSES[Older.__name__] = Older
Inst.__name__, Slots.__name__, Old.__name__ = "inst", "slots", "classic"
OWN = tuple(CLASSES.values())


class Weak(weakref.ref):
    __slots__ = ("n",)


Weak.__name__ = "weakref"


def called_back(w):
    append("C%d" % w.n)


def owned(o):
    t = type(o)
    return t in OWN or sys.version_info < (3,) and getattr(t, "__name__", "") == "instance" and o.__class__ in OWN


def name(o):
    """Names an object of the program: by its tag, or by the lowest root that it is; else None."""
    if type(o) is Weak or owned(o):
        return "n%d" % o.n
    if type(o) in CONTAINERS and o is not ROOTS:
        for r in range(len(ROOTS)):
            if ROOTS[r] is o:
                return "r%d" % r
    return None


def names(objects):
    for o in objects:
        n = name(o)
        if n is not None:
            OUT.append(n)
    s = ",".join(OUT)
    del OUT[:]
    return s


def order():
    if sys.version_info < (3, 8):
        return names(gc.get_objects())
    s = names(gc.get_objects(generation=0))
    s += "/" + names(gc.get_objects(generation=1))
    return s + "/" + names(gc.get_objects(generation=2))


def put(o, k, v):
    t = type(o)
    if t is list and k < len(o):
        begin()
        o[k] = v
    elif t is dict and v is None:
        if k not in o:
            return "skip"
        begin()
        del o[k]
    elif t is dict:
        begin()
        o[k] = v
    elif owned(o):
        k = ATTRS[k]
        begin()
        setattr(o, k, v)
    else:
        return "skip"
    end()
    return "ok"


def fetch(o, k):
    t = type(o)
    if t is list or t is tuple:
        return o[k] if k < len(o) else None
    if t is dict:
        return o[k] if k in o else None
    return getattr(o, ATTRS[k]) if owned(o) else None


def new(n, r, kind):
    """Makes an object of a kind.  The first attribute is what makes its dict, up to 3.10."""
    c = CLASSES.get(kind)
    if kind == "list":
        begin()
        ROOTS[r] = copy_nones()
    elif kind == "dict":
        begin()
        ROOTS[r] = {}
    elif c is None:
        return "skip"
    else:
        begin()
        o = c()
        o.a = None
        o.c = None
        o.e = None
        o.g = None
        o.n = n
        ROOTS[r] = o
    end()
    return "ok"


def define(n, t):
    """Runs an operation that makes a root."""
    r = int(t[1])
    if ROOTS[r] is not None:
        return "skip"
    if t[0] == "new":
        return new(n, r, t[2])
    for i in (2, 3, 4) if t[0] == "tuple" else (2,):
        if t[i] != "-" and ROOTS[int(t[i])] is None:
            return "skip"
    if t[0] == "tuple":
        a = None if t[2] == "-" else ROOTS[int(t[2])]
        b = None if t[3] == "-" else ROOTS[int(t[3])]
        c = None if t[4] == "-" else ROOTS[int(t[4])]
        begin()
        ROOTS[r] = (a, b, c)
        end()
        return "ok"
    o = ROOTS[int(t[2])]
    if t[0] == "get":
        ROOTS[r] = fetch(o, int(t[3]))
        return "none" if ROOTS[r] is None else "ok"
    if not owned(o):
        return "skip"
    f = called_back if t[3] == "1" else None
    begin()
    w = Weak(o, f)
    w.n = n
    ROOTS[r] = w
    w = None
    end()
    return "ok"


def ask(op, o):
    """Answers a question about one object."""
    if op == "tracked":
        return str(int(gc.is_tracked(o)))
    if op == "finalized":
        return str(int(gc.is_finalized(o))) if sys.version_info >= (3, 9) else "-"
    if op == "alive":
        return str(int(o() is not None)) if type(o) is Weak else "skip"
    if op == "size":
        return str(sys.getsizeof(o)) if owned(o) or type(o) in SIZED else "skip"
    if op == "referents":
        return names(gc.get_referents(o))
    if op == "referrers":
        return names(gc.get_referrers(o))
    if op != "pop" or type(o) is not list or not o:
        return "skip"
    begin()
    o.pop()
    end()
    return "ok"


def say(t):
    """Answers an operation that is about no root."""
    op = t[0]
    if op == "collect":
        g = int(t[1])
        begin()
        found = gc_collect(g)
        end()
        return "%d " % found + str(COUNT[1].value) + " " + str(COUNT[2].value)
    if op == "order":
        return order()
    if op == "garbage":
        return names(gc.garbage)
    if op == "ungarbage":
        begin()
        del gc.garbage[:]
        end()
    elif op == "debug":
        VIRTUAL[2] = True
        gc.set_debug(int(t[1]))
    elif op == "threshold":
        gc.set_threshold(*t[4])
        gc.callbacks.append(watch)
        VIRTUAL[1] = True
    elif not REVIVED:
        return "skip"
    else:
        begin()
        REVIVED.pop()
        end()
    return "ok"


def step(n, t):
    op = t[0]
    if op in ("new", "tuple", "weak", "get"):
        return define(n, t)
    if op in ("collect", "order", "garbage", "ungarbage", "debug", "threshold", "unrevive"):
        return say(t)
    r = int(t[1])
    if ROOTS[r] is None:
        return "skip"
    if op == "drop":
        begin()
        ROOTS[r] = None
        end()
        return "ok"
    if op == "count":
        return str(sys.getrefcount(ROOTS[r]) - 1)
    if op == "set":
        if t[3] != "-" and ROOTS[int(t[3])] is None:
            return "skip"
        return put(ROOTS[r], int(t[2]), None if t[3] == "-" else ROOTS[int(t[3])])
    if op == "push":
        o, v = ROOTS[r], ROOTS[int(t[2])]
        if type(o) is not list or v is None:
            return "skip"
        begin()
        o.append(v)
        end()
        return "ok"
    return ask(op, ROOTS[r])


ADDRESSES = {0: [""]}  # of what may be written to stderr; it holds something, or it would not stay frozen
STDERR = []  # a file in place of stderr


def redirect():
    if not STDERR:
        to, name = tempfile.mkstemp()
        STDERR.append(os.open(name, os.O_RDONLY))
        os.unlink(name)
        os.dup2(to, 2)
        sys.stderr = None  # so that the interpreter writes to the descriptor


def remember():
    ADDRESSES.clear()
    for o in gc.get_objects():
        n = name(o)
        if n is not None:
            ADDRESSES[id(o)] = n


def written():
    """Returns what was written to stderr since the last time, on one line."""
    text = os.read(STDERR[0], 1 << 20).decode()
    found = []
    for line in text.splitlines():
        line = re.sub("[0-9.]+s elapsed", "0.0000s elapsed", line)
        line = re.sub("(permanent generation:) [0-9]+", r"\1 N", line)
        if sys.version_info < (3, 7):
            line = re.sub("(each generation:) .*", r"\1 N", line)
        found.append(re.sub("0x[0-9a-f]+", lambda m: str(ADDRESSES.get(int(m.group(), 16), "?")), line))
    return found


WARM = """new 0 list|new 1 dict|tuple 2 0 - 1|new 3 inst|weak 4 3 1|set 3 0 4|get 5 3 0|set 0 1 3|push 0 3|pop 0|alive 4
tracked 0|finalized 3|count 0|size 0|size 3|order|referents 0|referrers 3|set 3 0 -|set 1 0 0|set 1 0 -|drop 0|drop 1
drop 2|drop 3|drop 4|drop 5|new 0 slots|set 0 0 0|drop 0|collect 0|collect 1|unrevive|collect 2"""


def run():
    gc.disable()
    find_counts()
    lines = [line.split() for line in sys.stdin]
    for t in lines:
        if t[0] == "threshold":
            t.append(tuple([int(x) for x in t[1:4]]))  # a call with these arguments would free a tuple of three
    for _ in range(3):  # classes learn the keys of their instances, and code warms its caches
        for t in WARM.replace("\n", "|").split("|"):
            step(0, t.split())
        for kind in sorted(CLASSES):
            step(0, ["new", "0", kind])
            step(0, ["drop", "0"])
        while REVIVED:
            o = REVIVED.pop()
            o.__class__ = Slots if type(o).__base__ is Slots else Inst if isinstance(o, Inst) else Old
            o = None
        if ["debug"] in [t[:1] for t in lines]:
            redirect()
            os.write(2, b"gc: objects in each generation: 1 2 3\n0x1 0.1s elapsed\npermanent generation: 1\n")
            remember()
            written()
        watch("start", {"generation": 0})
        watch("stop", {"generation": 0, "collected": 0, "uncollectable": 0})
    del LOG[:]
    out = []
    numbered = iter(list(enumerate(lines)))
    hold = ctypes.pythonapi.Py_IncRef
    hold.argtypes, hold.restype = [ctypes.py_object], None
    for o in (ROOTS, REVIVED, gc.garbage):
        hold(o)
    o = None
    gc.collect()
    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()
    gc.collect()
    VIRTUAL[0] = COUNT[1].value = COUNT[2].value = 0
    for n, t in numbered:
        if VIRTUAL[2]:
            remember()
        answer = step(n, t)
        if LOG:
            answer += " | " + " ".join(LOG)
            del LOG[:]
        if VIRTUAL[1]:
            answer += " @ " + str(VIRTUAL[0]) + "," + str(COUNT[1].value) + "," + str(COUNT[2].value)
        if VIRTUAL[2]:
            for line in written():
                answer += " ! " + line
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
    question = "import sys; print('%d.%d %d.%d.%d' % (sys.version_info[:2] + sys.version_info[:3]))"
    seen = set()
    for path in candidates():
        try:
            answer = subprocess.run([path, "-E", "-s", "-c", question], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
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
