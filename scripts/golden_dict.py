#!/usr/bin/env python3
"""Makes the interpreter that runs it answer a program about dicts.

    PYTHONHASHSEED=0 python3.X golden_dict.py < program     one answer a line
    python3 golden_dict.py list                             interpreters found: profile, version, path, by tabs

A program keeps dicts, iterators and classes in numbered slots.  An operation on an empty slot is answered "skip".

    new 0, call 0                     {} and dict()
    class 1, inst 0 1                 a new class; slot 0 becomes the __dict__ of a new instance of it
    attr 0 s5 3, delattr 0 s5         setattr and delattr of the instance whose __dict__ slot 0 is
    set 0 i5 3, get 0 i5, in 0 i5, del 0 i5, pop 0 i5, setdefault 0 i5 3, popitem 0, clear 0
    copy 0 1, dict 0 1, fromkeys 0 1 3, update 0 1, eq 0 1
    iter 2 0, rev 2 0, next 2, left 2 (rev is iter up to 3.7)
    order 0                           a checksum of all entries in order
    tracked 0

Keys: i5 a number, s5 a string, o5 an object that is always the same, p5 a new object that equals it, both with hash
5 & 7; x5:ACT a new object with that hash whose first comparison acts: r raises, c0 clears dict 0, d0 pops an entry of
it, a0 adds eight to it, t says that they are equal.  Values: digits, L a list, z5 a new object that, when it dies,
stores i7000005 in dict 0.

Behind the answer stand "e3" if objects were compared three times; "+", "-" or "=9" if the length of the slot's dict is
one more, one less or another than it was; "v" if it has another version tag with the same length, "~" if it has the
same one with another length; and "#232" if its size is another.
"""
import gc
import os
import shutil
import subprocess
import sys
import zlib

PROFILES = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
ERRORS = {
    "dictionary changed size during iteration": "!size",
    "dictionary keys changed during iteration": "!keys",
    "dict mutated during update": "!mutated",
}
DICTS = [None] * 4
OWNERS = [None] * 4
ITERS = [None] * 4
CLASSES = [None] * 4
SHOWN = [(0, 0)] * 4
SAME = {}
LIST = [[]]
COMPARED = [0]
try:
    from _testcapi import dict_get_version as version
except ImportError:
    def version(d):
        return 0


class Evil(Exception):
    pass


class Key(object):
    __slots__ = ("n", "act")

    def __init__(self, n, act):
        self.n = n
        self.act = act

    def __hash__(self):
        return self.n & 7

    def __eq__(self, other):
        COMPARED[0] += 1
        act, self.act = self.act, ""
        if not act and isinstance(other, Key):
            act, other.act = other.act, ""
        if act == "r":
            raise Evil()
        if act == "t":
            return True
        d = DICTS[int(act[1])] if act else None
        if d is None:
            pass
        elif act[0] == "c":
            d.clear()
        elif act[0] == "d":
            if d:
                d.popitem()
        else:
            for i in range(8):
                d[5000 + i] = 1
        return isinstance(other, Key) and self.n == other.n

    def __ne__(self, other):
        return not self == other


class Final(object):
    __slots__ = ("n",)

    def __init__(self, n):
        self.n = n

    def __del__(self):
        if DICTS[0] is not None:
            DICTS[0][7000000 + self.n] = 1


def key(text):
    kind, n = text[0], text[1:]
    if kind == "i":
        return int(n)
    if kind == "s":
        return text
    if kind == "o":
        if text not in SAME:
            SAME[text] = Key(int(n), "")
        return SAME[text]
    n, _, act = n.partition(":")
    return Key(int(n), act)


def value(text):
    if text == "L":
        return LIST[0]
    if text[0] == "z":
        return Final(int(text[1:]))
    return int(text)


def key_text(k):
    if isinstance(k, Key):
        return "o%d" % k.n
    return k if isinstance(k, str) else "i%d" % k


def value_text(v):
    if isinstance(v, Final):
        return "z%d" % v.n
    return "L" if v is LIST[0] else "%d" % v


def pair_text(pair):
    return key_text(pair[0]) + "=" + value_text(pair[1])


def put(slot, d, owner):
    old = DICTS[slot], OWNERS[slot]
    DICTS[slot], OWNERS[slot] = d, owner
    del old
    return "ok"


def attribute(o, t):
    setattr(o, t[2], value(t[3]))
    return "ok"


def remove_attribute(o, t):
    delattr(o, t[2])
    return "ok"


def store(d, t):
    d[key(t[2])] = value(t[3])
    return "ok"


def remove(d, t):
    del d[key(t[2])]
    return "ok"


def clear(d, t):
    d.clear()
    return "ok"


def order(d, t):
    text = ",".join([pair_text(p) for p in list(d.items())])
    return "%04x" % (zlib.crc32(text.encode()) & 0xffff)


ROWS = {
    "set": store,
    "get": lambda d, t: value_text(d[key(t[2])]),
    "in": lambda d, t: "1" if key(t[2]) in d else "0",
    "del": remove,
    "pop": lambda d, t: value_text(d.pop(key(t[2]))),
    "setdefault": lambda d, t: value_text(d.setdefault(key(t[2]), value(t[3]))),
    "popitem": lambda d, t: pair_text(d.popitem()),
    "clear": clear,
    "order": order,
    "tracked": lambda d, t: "1" if gc.is_tracked(d) else "0",
}
ROWS2 = {
    "copy": lambda a, d, t: put(a, d.copy(), None),
    "dict": lambda a, d, t: put(a, dict(d), None),
    "fromkeys": lambda a, d, t: put(a, dict.fromkeys(d, value(t[3])), None),
    "update": lambda a, d, t: DICTS[a].update(d) or "ok",
    "eq": lambda a, d, t: "1" if DICTS[a] == d else "0",
}


def start(slot, make, d):
    ITERS[slot] = None
    ITERS[slot] = make(d)
    return "ok"


def step(t):
    op, a = t[0], int(t[1])
    if op == "new":
        return put(a, {}, None)
    if op == "call":
        return put(a, dict(), None)
    if op == "class":
        CLASSES[a] = None
        CLASSES[a] = type("C", (object,), {})
        return "ok"
    if op == "inst":
        if CLASSES[int(t[2])] is None:
            return "skip"
        o = CLASSES[int(t[2])]()
        return put(a, o.__dict__, o)
    if op in ("iter", "rev"):
        d = DICTS[int(t[2])]
        if d is None:
            return "skip"
        return start(a, reversed if op == "rev" and sys.version_info >= (3, 8) else iter, d)
    if op in ("next", "left"):
        if ITERS[a] is None:
            return "skip"
        if op == "left":
            return str(ITERS[a].__length_hint__())
        try:
            return key_text(next(ITERS[a]))
        except StopIteration:
            return "end"
    if op in ROWS2:
        d = DICTS[int(t[2])]
        if d is None or op in ("update", "eq") and DICTS[a] is None:
            return "skip"
        return ROWS2[op](a, d, t)
    if op in ("attr", "delattr"):
        if OWNERS[a] is None:
            return "skip"
        return (attribute if op == "attr" else remove_attribute)(OWNERS[a], t)
    if DICTS[a] is None:
        return "skip"
    return ROWS[op](DICTS[a], t)


def ask(t):
    COMPARED[0] = 0
    a = int(t[1])
    about = t[0] not in ("iter", "rev", "next", "left", "class")
    before = version(DICTS[a]) if about and DICTS[a] is not None else None
    try:
        answer = step(t)
    except (KeyError, AttributeError):
        answer = "-"
    except Evil:
        answer = "!evil"
    except RuntimeError as e:
        answer = ERRORS[str(e)]
    if COMPARED[0]:
        answer += " e%d" % COMPARED[0]
    d = DICTS[a]
    if not about or d is None or answer == "skip":
        return answer
    length, size = SHOWN[a]
    change = len(d) - length
    if change:
        answer += {1: " +", -1: " -"}.get(change, " =%d" % len(d))
    if t[0] not in PUTS and before is not None and (version(d) != before) != (change != 0):
        answer += " ~" if change else " v"
    if sys.getsizeof(d) != size:
        answer += " #%d" % sys.getsizeof(d)
    SHOWN[a] = len(d), sys.getsizeof(d)
    return answer


PUTS = ("new", "call", "inst", "copy", "dict", "fromkeys")


def run():
    gc.disable()
    out = [ask(line.split()) for line in sys.stdin]
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
            answer = subprocess.run([path, "-E", "-s", "-c", question], stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, timeout=30)
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
