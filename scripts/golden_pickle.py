#!/usr/bin/env python3
"""Makes the interpreter that runs it pickle the objects that a program describes, and read them again.

    python3.X golden_pickle.py < program    one answer a line
    python3 golden_pickle.py list           interpreters found (by golden_dict.py): profile, version, path, by tabs

A line is "memo" or "flat" (Pickler.fast) and an object, whose parts follow it:

    N T F                   None, True, False
    i-0x1f f3ff8000000000000    an int; a float by its bits
    s6162 s61*300 b00 n6162     str, 300 times that, bytes, an interned str: hexadecimal, of UTF-8, where a byte that
                            is none is a surrogate
    l2 t2 d2 S2 z2          a list, tuple, dict, set or frozenset of two
    o2 c2                   an instance with two attributes, or with two slots
    &5 l0, *5               an object that has a number, and that object again
    x9 l0, g0:9             nine new empty lists; the ints from 0 to 8

A list, dict or instance is there before what it holds, a tuple after it.  "memo @5 l2 ..." dumps object 5 of these.

An answer is the stream, and with a memo how many objects have a number and the bytes of the table of the memo; then
what the loaded object is dumped as with a memo, or "=" if that is the same; and sys.getsizeof of each list, tuple,
dict, set and frozenset of it.  Frames are taken out of streams.  What is long is a length and a checksum.  A flat dump
that does not end is answered "cycle".
"""
import _pickle
import io
import pickletools
import struct
import sys
import types
import zlib

MODULE = sys.intern("heapfuzz")
NAMES = [sys.intern("z" * (k // 13) + chr(97 + k % 13 * 2)) for k in range(30)]
# What a flat dump of a cycle raises: that it found it, or that it is too deep, which is another error when the look-up
# of a class is where that happens.
CYCLE = (ValueError, RecursionError, _pickle.PicklingError)
LONG = 40  # bytes of a stream, or sizes, that are told as they are


def class_of(text):
    name = sys.intern(text.upper())
    known = sys.modules[MODULE].__dict__
    if name not in known:
        members = {"__module__": MODULE}
        if text[0] == "c":
            members["__slots__"] = tuple(NAMES[:int(text[1:])])
        known[name] = type(name, (object,), members)
    return known[name]


def characters(text):
    text, _, times = text.partition("*")
    return bytes.fromhex(text * int(times or 1))  # the product of a bytes and 0 is another than the empty one


def atom(token):
    """The object that a token is for itself; a new one each time."""
    kind, rest = token[0], token[1:]
    if kind in "NTF":
        return {"N": None, "T": True, "F": False}[kind]
    if kind == "i":
        return int(rest, 0)
    if kind == "f":
        return struct.unpack(">d", bytes.fromhex(rest))[0]
    if kind == "b":
        return characters(rest)
    if kind == "s":
        return characters(rest).decode("utf-8", "surrogateescape")
    if kind == "n":
        return sys.intern(characters(rest).decode("utf-8"))
    if kind in "lt":
        return [] if kind == "l" else ()
    if kind == "d":
        return {}
    if kind in "Sz":
        return set() if kind == "S" else frozenset()
    return class_of(token)()


class Open:
    """A container that is being filled: its items are put in when they are all there."""

    def __init__(self, token, label):
        self.kind = token[0]
        self.need = int(token[1:]) * (2 if self.kind == "d" else 1)
        self.label = label
        self.items = []
        self.o = None if self.kind in "tz" else atom(token)

    def close(self):
        items = self.items
        if self.kind == "t":
            self.o = tuple(items)
        elif self.kind == "z":
            self.o = frozenset(items)
        elif self.kind == "l":
            for item in items:
                self.o.append(item)
        elif self.kind == "d":
            for i in range(0, len(items), 2):
                self.o[items[i]] = items[i + 1]
        elif self.kind == "S":
            for item in items:
                self.o.add(item)
        else:
            for name, item in zip(NAMES, items):
                setattr(self.o, name, item)
        return self.o


def parse(tokens):
    labels, stack, label, times, root = {}, [], None, 1, None
    top = Open("t1", None)
    stack.append(top)
    for token in tokens:
        if token[0] == "@":
            root = token[1:]
            continue
        if token[0] == "&":
            label = token[1:]
            continue
        if token[0] == "x":
            times = int(token[1:])
            continue
        items = stack[-1].items
        if token[0] == "*":
            items.append(labels[token[1:]])
        elif token[0] == "g":
            first, n = map(int, token[1:].split(":"))
            items.extend(range(first, first + n))
        elif token[0] in "ltdSzoc" and int(token[1:]) > 0:
            stack.append(Open(token, label))
            if stack[-1].o is not None and label is not None:
                labels[label] = stack[-1].o
        else:
            for _ in range(times):
                items.append(atom(token))
            if label is not None:
                labels[label] = items[-1]
        label, times = None, 1
        while len(stack) > 1 and len(stack[-1].items) == stack[-1].need:
            done = stack.pop()
            stack[-1].items.append(done.close())
            if done.label is not None:
                labels[done.label] = done.o
    return top.items[0] if root is None else labels[root]


def without_frames(stream):
    out, last = [], 0
    for opcode, _, at in pickletools.genops(stream):
        if opcode.name == "FRAME":
            out.append(stream[last:at])
            last = at + 9
    out.append(stream[last:])
    return b"".join(out)


def dump(o, fast):
    f = io.BytesIO()
    p = _pickle.Pickler(f, 4)
    p.fast = fast
    p.dump(o)
    return f.getvalue(), p


def fixed_bytes():
    """What sys.getsizeof says of a pickler besides the table of its memo, which has eight entries at first."""
    return sys.getsizeof(dump(None, False)[1]) - 8 * 16


def stream_text(stream):
    if len(stream) <= LONG:
        return stream.hex()
    return "%d:%08x" % (len(stream), zlib.crc32(stream) & 0xffffffff)


def sizes(o):
    """The sizes of all containers that an object leads to, each once, in the order in which they are met first."""
    found, seen, todo = [], set(), [o]
    while todo:
        o = todo.pop()
        if type(o) in (list, tuple, dict, set, frozenset):
            children = list(o)
            if type(o) is dict:
                children = [x for pair in o.items() for x in pair]
        elif type(o).__module__ == MODULE:
            children = [getattr(o, name) for name in NAMES[:int(type(o).__name__[1:])]]
        else:
            continue
        if id(o) not in seen:
            seen.add(id(o))
            if type(o).__module__ != MODULE:
                found.append(sys.getsizeof(o))
            todo.extend(reversed(children))
    return found


def sizes_text(found):
    text = ",".join(map(str, found)) or "-"
    if len(text) <= LONG:
        return text
    return "%d:%08x" % (len(found), zlib.crc32(text.encode()) & 0xffffffff)


def answer(line, fixed):
    mode, *tokens = line.split()
    o = parse(tokens)
    try:
        stream, p = dump(o, mode == "flat")
    except CYCLE:
        if mode == "flat":
            return "cycle"
        raise
    short = without_frames(stream)
    told = [stream_text(short)]
    if mode == "memo":
        told += [str(len(p.memo.copy())), str(sys.getsizeof(p) - fixed)]
    loaded = _pickle.loads(stream)
    again = without_frames(dump(loaded, False)[0])
    told.append("=" if again == short else stream_text(again))
    told.append(sizes_text(sizes(loaded)))
    return " ".join(told)


def run():
    sys.modules[MODULE] = types.ModuleType(MODULE)
    fixed = fixed_bytes()
    for line in sys.stdin:
        print(answer(line, fixed))


if __name__ == "__main__":
    if sys.argv[1:] == ["list"]:
        sys.dont_write_bytecode = True
        import golden_dict
        golden_dict.PROFILES = [p for p in golden_dict.PROFILES if p != "2.7"]  # which has no protocol 4
        golden_dict.list_interpreters()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        run()
