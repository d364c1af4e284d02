// Package trace reads what real programs did to their allocator and makes programs of the heap language of it.
//
//	tr, err := trace.Open(spec, "corpus/heap/trace/sqlite3.txt.zst")
//	fmt.Println(tr.Stats.Ops, tr.Stats.PeakBytes)
//	... run tr.Program like any other program
//
// # Addresses become slots
//
// A recording names blocks by address (or by a number of its own), a program by slot. A block keeps its slot while it
// lives, also when realloc moves it, and a new block takes the lowest free slot. So slots are dense and there are
// never more of them than blocks lived at once, which is what a target's table of blocks costs.
//
//	malloc 64 = 0x7f10   ->   p0 = alloc size=64
//	malloc 64 = 0x7f60   ->   p1 = alloc size=64
//	free 0x7f10          ->   free p0
//	malloc 99 = 0x7fb0   ->   p0 = alloc size=99
//
// # Formats
//
//	text     our own language, with a head of "# key: value" lines; what corpus/heap/trace holds
//	rep      malloc lab: a head of 2 or 4 numbers, then "a id size", "r id size", "f id"
//	mtrace   glibc's mtrace(3): "@ caller + 0xaddr 0xsize" and its kin
//	replay   Android's memory_replay: "tid: malloc 0xaddr size" and its kin
//	record   the binary records of scripts/record.c, sorted into one order here
//
// The format is told by the content, and so are zstd and gzip around it.
//
// # What is refused
//
// A recording is input from elsewhere. Each format says what a consistent recording is: a block is released once, by
// somebody who has it, and no address is handed out twice at a time. What breaks that is an error with the place,
// "x.rep:7: free of 3, which is not live", in memory that Limits bounds, whatever the bytes are. Two things are no
// errors since real programs do them: a request that was refused (it returned nil) and free(NULL); both are counted
// and dropped.
//
// A recorder that was started in the middle of a program's life sees releases of blocks that it never saw made.
// Strict is the default all the same, since the same lines come from a file that was cut or mixed up. With
// Limits.Lenient they are counted as Stats.Unmatched: the free is dropped, the realloc becomes an alloc. The one
// format that knows better is record: its head says that a process was forked off with blocks that its parent made,
// and then they are counted without being asked.
package trace

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heapfuzz/props/prog"

	"github.com/klauspost/compress/zstd"
)

// Trace is a recording as a program, and what is known of it.
type Trace struct {
	Name    string // the file's name without its folder
	Format  string // one of Formats
	Program prog.Program
	Notes   []Note // what the head says, besides the numbers that are in Stats
	Stats   Stats
}

// Note is one line of a trace's head: "# program: sqlite3".
type Note struct{ Key, Value string }

// Note returns the value of the note of that key, "" when there is none.
func (t *Trace) Note(key string) string {
	for _, n := range t.Notes {
		if n.Key == key {
			return n.Value
		}
	}
	return ""
}

// Limits says how much a reader takes, and how strict it is. Zero numbers mean those of Defaults.
type Limits struct {
	Ops       int    // operations of a program
	Live      int    // blocks that live at once, and with them slots
	LineBytes int    // bytes of one line
	Bytes     int64  // bytes of the whole after decompression
	SizeMax   uint64 // bytes of one block
	Threads   int    // distinct threads

	Format  string // one of Formats; "" means told by the content
	Lenient bool   // count what contradicts itself instead of refusing it: see the package comment, and Stats for what
	Cut     bool   // stop after Ops operations instead of refusing; what lives then is never freed
}

// Defaults are the limits that hold where none is given. An operation takes 32 bytes, twice while the slice
// grows, and a live block about 50 of the address table: a reader stays below 400 MB. Binary records are sorted before
// they are read, which takes 120 bytes an operation at most, and a window for decompression comes on top (windowMax).
// The longest public trace that is known to us has 2.5 million operations.
var Defaults = Limits{
	Ops:       4 << 20,
	Live:      1 << 20,
	LineBytes: 64 << 10,
	Bytes:     1 << 30,
	SizeMax:   1 << 40,
	Threads:   64 << 10,
}

// windowMax bounds what one zstd frame may ask for before it has given anything. zstd -19 asks for 8 MiB.
const windowMax = 64 << 20

func (l Limits) orDefaults() Limits {
	d := Defaults
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&l.Ops, d.Ops)
	set(&l.Live, d.Live)
	set(&l.LineBytes, d.LineBytes)
	set(&l.Threads, d.Threads)
	if l.Bytes <= 0 {
		l.Bytes = d.Bytes
	}
	if l.SizeMax == 0 || l.SizeMax > 1<<40 {
		l.SizeMax = d.SizeMax // 1<<40 bytes times 1<<22 blocks do not overflow a sum
	}
	return l
}

// format is one row of the table of formats. sniff tells whether the first line that is not blank is of the format.
type format struct {
	name  string
	sniff func(line []byte, spec *prog.Spec) bool
	read  func(*builder, *lines) error
}

// formats are asked in this order.
var formats = []format{
	{"record", sniffRecord, readRecord},
	{"mtrace", sniffMtrace, readMtrace},
	{"replay", sniffReplay, readReplay},
	{"rep", sniffRep, readRep},
	{"text", sniffText, readText},
}

// Formats returns the names of the formats.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return names
}

// Open reads the trace in a file, with Defaults.
func Open(spec *prog.Spec, path string) (*Trace, error) { return OpenLimits(spec, path, Limits{}) }

// OpenLimits reads the trace in a file.
func OpenLimits(spec *prog.Spec, path string, lim Limits) (*Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := Read(spec, path, f, lim)
	if err != nil {
		return nil, err
	}
	t.Name = filepath.Base(path)
	return t, nil
}

// Read reads a trace, packed or not, in any format. The name is for messages.
func Read(spec *prog.Spec, name string, r io.Reader, lim Limits) (*Trace, error) {
	lim = lim.orDefaults()
	b, err := newBuilder(spec, lim)
	if err != nil {
		return nil, err
	}
	r, done, err := Unpack(r)
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	defer done()
	l := newLines(&bounded{r, lim.Bytes, lim.Bytes}, lim.LineBytes)
	l.lenient = lim.Lenient
	f, err := choose(spec, l, lim.Format)
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	if err := f.read(b, l); err != nil && !errors.Is(err, errCut) {
		return nil, fmt.Errorf("%s:%d: %w", name, max(l.n, 1), err)
	}
	if b.cut {
		b.notes = append(b.notes, Note{"cut", fmt.Sprintf("after %d operations", len(b.ops))})
	}
	t := &Trace{Name: name, Format: f.name, Program: b.program(), Notes: b.notes, Stats: b.finish()}
	t.Stats.Torn += l.torn
	return t, nil
}

// Packed tells by its magic number whether data is packed with zstd or gzip.
func Packed(data []byte) bool { return isZstd(data) || isGzip(data) }

func isZstd(data []byte) bool { return bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}) }
func isGzip(data []byte) bool { return bytes.HasPrefix(data, []byte{0x1f, 0x8b}) }

// Unpack undoes zstd and gzip, and gives anything else as it is. How much comes out is not bounded; done gives back
// what it took.
func Unpack(r io.Reader) (unpacked io.Reader, done func(), err error) {
	br := bufio.NewReader(r)
	magic, err := br.Peek(4)
	switch {
	case isZstd(magic):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(windowMax))
		if err != nil {
			return nil, nil, err
		}
		return plainly{z}, z.Close, nil
	case isGzip(magic):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, err
		}
		return plainly{z}, func() {}, nil
	case err != nil && err != io.EOF:
		return nil, nil, err
	}
	return br, func() {}, nil
}

// plainly says what is wrong with packed data in words of ours.
type plainly struct{ io.Reader }

func (p plainly) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the packed data end too early: %w", err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		err = fmt.Errorf("the packed data want a window of more than %s: %w", Bytes(windowMax), err)
	}
	return n, err
}

// choose returns the format of that name, or the one that the first line that is not blank speaks for.
func choose(spec *prog.Spec, l *lines, name string) (*format, error) {
	head, err := l.peek()
	if err != nil {
		return nil, err
	}
	for i := range formats {
		if f := &formats[i]; name == f.name || name == "" && f.sniff(head, spec) {
			return f, nil
		}
	}
	switch {
	case name != "":
		return nil, fmt.Errorf("unknown format %q, there are %s", name, strings.Join(Formats(), ", "))
	case len(head) == 0:
		return nil, errors.New("empty: no format to be seen")
	}
	return nil, fmt.Errorf("cannot tell the format from %s", quote(head))
}
