#!/usr/bin/env python3
"""Makes a real CPython answer an allocation program, block for block.

    golden_oracle.py list                     the libraries found: profile, version, path, separated by tabs
    golden_oracle.py run LIBRARY < program    the answers, one line for each question

The trick is to load libpythonX.Y.so and never to start it.  PyObject_Malloc works in a library without an interpreter,
and its pymalloc has served nobody yet: no interned strings, no modules, nothing that differs between two runs.  The
library is copied to a fresh file before it is loaded.  Without the copy a host of the same version would be given the
library that it runs on itself, whose heap is full of the host's objects.

Arenas are placed here, through PyObject_SetArenaAllocator: the lowest free slot of a reserved range, filled with 0xA5.
The range begins on a multiple of 1 GiB, so that even the number of nodes in the arena map is the same everywhere.
Package page of heapfuzz has the same rule (page.Slots).

Program lines are heapfuzz's own language:

    world skew=2048          arena bases lie so many bytes above a multiple of the arena size
    p0 = alloc size=64       -> A3+1f40 (slot of the arena, offset in hexadecimal), raw, or nil
    p1 = calloc n=2 size=8   -> the same
    realloc p0 size=100      -> the same, with " same" or " moved" for a block in an arena
    free p0                  -> nothing
    usage                    -> blocks N
    stats                    -> the statistics, each line behind "| "

Between them stand the arena events as they happen, "arena+ 3" and "arena- 3".

Libraries are those of interpreters built with --enable-shared, from 3.6 to 3.11: later ones keep the heap in the
interpreter's state and cannot do without one.  They are looked for on PATH, in `pyenv root`, and in the interpreters
that HEAPFUZZ_PYTHONS names (separated like PATH).
"""
import ctypes
import glob
import mmap
import os
import shutil
import subprocess
import sys
import tempfile

PROFILES = ["3.6", "3.8", "3.9", "3.10", "3.11"]
SLOTS = 512
RANGE_ALIGN = 1 << 30
POISON = 0xA5


def candidates():
    """Yields paths of interpreters that might be of a version we can ask."""
    for path in os.environ.get("HEAPFUZZ_PYTHONS", "").split(os.pathsep):
        if path:
            yield path
    root = ""
    try:
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True).stdout.strip()
    except OSError:
        pass
    for version in PROFILES:
        if root:
            yield from sorted(glob.glob(os.path.join(root, "versions", version + ".*", "bin", "python" + version)))
        found = shutil.which("python" + version)
        if found:
            yield found


def libraries():
    """Returns {profile: (full version, path of the shared library)}."""
    ask = ("import sys, sysconfig as c; print('%d.%d' % sys.version_info[:2], '%d.%d.%d' % sys.version_info[:3],"
           "c.get_config_var('LIBDIR'), c.get_config_var('INSTSONAME'), sep='\\t')")
    found = {}
    for path in candidates():
        try:
            answer = subprocess.run([path, "-I", "-c", ask], capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            continue
        fields = answer.stdout.rstrip("\n").split("\t")
        if answer.returncode != 0 or len(fields) != 4:
            continue
        library = os.path.join(fields[2], fields[3])
        if fields[0] in PROFILES and ".so" in fields[3] and os.path.exists(library):
            found.setdefault(fields[0], (fields[1], library))
    return found


class Heap:
    """The pymalloc of one library."""

    def __init__(self, library, skew, out):
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "subject.so")
            shutil.copyfile(library, copy)
            self.lib = ctypes.CDLL(copy, mode=os.RTLD_LOCAL | os.RTLD_NOW | os.RTLD_DEEPBIND)
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.malloc = self.function("PyObject_Malloc", pointer, size)
        self.calloc = self.function("PyObject_Calloc", pointer, size, size)
        self.realloc = self.function("PyObject_Realloc", pointer, pointer, size)
        self.free = self.function("PyObject_Free", None, pointer)
        self.blocks = self.function("_Py_GetAllocatedBlocks", ctypes.c_ssize_t)
        self.print_stats = self.function("_PyObject_DebugMallocStats", ctypes.c_int, pointer)
        self.skew, self.out = skew, out
        self.bytes = 0              # of an arena, known at the first request
        self.base = 0               # of slot 0
        self.taken = [False] * SLOTS
        self.install()

    def function(self, name, result, *arguments):
        f = getattr(self.lib, name)
        f.restype, f.argtypes = result, list(arguments)
        return f

    def install(self):
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        give_type = ctypes.CFUNCTYPE(pointer, pointer, size)
        take_type = ctypes.CFUNCTYPE(None, pointer, pointer, size)

        class ArenaAllocator(ctypes.Structure):
            _fields_ = [("ctx", pointer), ("alloc", give_type), ("free", take_type)]

        self.hook = ArenaAllocator(None, give_type(self.give), take_type(self.take))
        self.function("PyObject_SetArenaAllocator", None, ctypes.POINTER(ArenaAllocator))(ctypes.byref(self.hook))

    def give(self, _ctx, n):
        if not self.base:
            length = n * (SLOTS + 1) + RANGE_ALIGN
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000      # MAP_NORESERVE
            self.range = mmap.mmap(-1, length, flags=flags)
            start = ctypes.addressof(ctypes.c_char.from_buffer(self.range))
            self.base = (start + RANGE_ALIGN - 1) // RANGE_ALIGN * RANGE_ALIGN + self.skew
            self.bytes = n
        if False not in self.taken:
            return None
        slot = self.taken.index(False)
        self.taken[slot] = True
        address = self.base + slot * n
        ctypes.memset(address, POISON, n)
        self.out.append("arena+ %d" % slot)
        return address

    def take(self, _ctx, address, _n):
        slot = (address - self.base) // self.bytes
        self.taken[slot] = False
        self.out.append("arena- %d" % slot)

    def place(self, address):
        if not address:
            return "nil"
        offset = address - self.base
        if self.base and 0 <= offset < self.bytes * SLOTS:
            return "A%d+%x" % divmod(offset, self.bytes)
        return "raw"

    def stats(self):
        libc = ctypes.CDLL(None)
        libc.fdopen.restype = ctypes.c_void_p
        libc.fdopen.argtypes = [ctypes.c_int, ctypes.c_char_p]
        libc.fclose.argtypes = [ctypes.c_void_p]
        with tempfile.TemporaryFile() as f:
            stream = libc.fdopen(os.dup(f.fileno()), b"w")
            self.print_stats(stream)
            libc.fclose(stream)
            f.seek(0)
            return f.read().decode().splitlines()


def run(library, lines, stream):
    out, live, heap, skew = [], {}, None, 0
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        args = dict(w.split("=") for w in words if "=" in w and w != "=")
        if words[0] == "world":
            skew = int(args.get("skew", 0))
            continue
        heap = heap or Heap(library, skew, out)
        if words[1:2] == ["="]:
            slot = words[0]
            if words[2] == "alloc":
                live[slot] = heap.malloc(int(args["size"]))
            elif words[2] == "calloc":
                live[slot] = heap.calloc(int(args["n"]), int(args["size"]))
            else:
                raise SystemExit("line %d: unknown operation %r" % (number, words[2]))
            out.append(heap.place(live[slot]))
        elif words[0] == "realloc":
            old = live[words[1]]
            live[words[1]] = new = heap.realloc(old, int(args["size"]))
            where = heap.place(new)
            if where.startswith("A"):
                where += " same" if new == old else " moved"
            out.append(where)
        elif words[0] == "free":
            heap.free(live.pop(words[1]))
        elif words[0] == "usage":
            out.append("blocks %d" % heap.blocks())
        elif words[0] == "stats":
            out.extend("| " + l for l in heap.stats())
        else:
            raise SystemExit("line %d: unknown operation %r" % (number, words[0]))
    stream.write("\n".join(out) + "\n")
    stream.flush()
    os._exit(0)         # the half-alive library must not run its destructors


def main(argv):
    if argv[1:] == ["list"]:
        for profile, (version, library) in libraries().items():
            print(profile, version, library, sep="\t")
    elif len(argv) == 3 and argv[1] == "run":
        run(argv[2], sys.stdin, sys.stdout)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
