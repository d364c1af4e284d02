package trace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"heapfuzz/props/prog"
)

// Our own text: a head of notes and numbers, perhaps a world, and the operations as the language prints them.
//
//	# program: sqlite3
//	# threads: 1
//	# ops: 3
//	p0 = alloc size=64
//	realloc p0 size=100
//	free p0
//
// The lines are parsed by prog, a batch at a time so that memory stays bounded, and judged here: an operation that
// means nothing (on a dead slot, say) is fine in a program, and a damage in a recording. Numbers of the head that
// follow from the program must be right, so that a file that lost its end or its middle is noticed; who edits a trace
// by hand removes them.
type text struct {
	*builder
	in       *lines
	sizes    []int64 // by slot: bytes of the block that lives there, -1 for none
	declared map[string]declared
	begun    bool // a world or an operation was seen: later comments are not the head's

	batch   []byte // lines that wait for being parsed
	numbers []int  // of these lines
}

// declared is a number of the head, and the line that it stands in.
type declared struct {
	value uint64
	line  int
}

var errWorld = errors.New("the world stands before all operations, and once")

// batchLines is how many lines are parsed at a time: enough that a call of Parse costs nothing.
const batchLines = 4096

func sniffText(line []byte, spec *prog.Spec) bool {
	if len(line) == 0 {
		return false
	}
	if line[0] == '#' || bytes.HasPrefix(line, []byte("world")) {
		return true
	}
	if _, rest, ok := bytes.Cut(line, []byte(" = ")); ok && line[0] == 'p' {
		line = rest
	}
	name, _, _ := bytes.Cut(line, []byte(" "))
	_, ok := spec.Lookup(string(name))
	return ok
}

func readText(b *builder, l *lines) error {
	t := &text{builder: b, in: l, declared: map[string]declared{}}
	err := l.each(t.line)
	last := l.n
	if early := t.flush(); early != nil {
		return early
	}
	if l.n = last; err != nil || b.lim.Lenient {
		return err
	}
	stats := b.finish()
	for _, c := range counters {
		if d, ok := t.declared[c.key]; ok && c.recount && d.value != c.get(&stats) {
			l.n = d.line
			return fmt.Errorf("the head says %s: %d, there are %d", c.key, d.value, c.get(&stats))
		}
	}
	return nil
}

func (t *text) line(line []byte) error {
	if line[0] == '#' {
		if t.begun {
			return nil
		}
		return t.note(line[1:])
	}
	first := !t.begun
	t.begun = true
	if bytes.HasPrefix(line, []byte("world")) {
		if !first {
			return errWorld
		}
		p, err := t.parse(line)
		t.world = p.World
		return err
	}
	t.batch = append(append(t.batch, line...), '\n')
	if t.numbers = append(t.numbers, t.in.n); len(t.numbers) < batchLines {
		return nil
	}
	return t.flush()
}

// parse is Spec.Parse with the reason alone as its error.
func (t *text) parse(line []byte) (prog.Program, error) {
	p, err := t.spec.Parse("", bytes.NewReader(line))
	if err != nil {
		_, reason, _ := strings.Cut(err.Error(), ": ")
		err = errors.New(reason)
	}
	return p, err
}

// flush parses and judges the lines that wait. When something is wrong, it finds the line by parsing them once more,
// one by one.
func (t *text) flush() error {
	defer func() { t.batch, t.numbers = t.batch[:0], t.numbers[:0] }()
	p, err := t.parse(t.batch)
	if err != nil {
		return t.find(-1)
	}
	if p.World != [prog.ArgsMax]uint64{} {
		return errWorld
	}
	for i, op := range p.Ops {
		err := t.op(op, t.spec.Info(op.Kind))
		if err == nil {
			continue
		}
		if err != errCut {
			t.find(i)
		}
		return err
	}
	return nil
}

// find goes to the waiting line that holds operation i, or to the first that is wrong, and returns what is wrong with
// it.
func (t *text) find(i int) error {
	rest := t.batch
	for _, n := range t.numbers {
		t.in.n = n
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		p, err := t.parse(line)
		if err != nil {
			return err
		}
		if i -= len(p.Ops); i == -1 && len(p.Ops) > 0 {
			return nil
		}
	}
	return errWorld // nothing else is right by itself and wrong among others
}

// note takes "# key: value". Numbers that we know go to the stats, anything else is a note or a comment.
func (t *text) note(line []byte) error {
	key, value, ok := strings.Cut(string(line), ":")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || key == "" || strings.Contains(key, " ") {
		return nil
	}
	if c := counterOf(key); c != nil {
		v, err := decimal([]byte(value))
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if v > 1<<62 {
			return fmt.Errorf("%s: %d is no count", key, v)
		}
		t.declared[key] = declared{v, t.in.n}
		if !c.recount {
			c.set(&t.stats, v)
		}
		return nil
	}
	if len(t.notes) >= notesMax {
		return fmt.Errorf("more than %d notes", notesMax)
	}
	t.notes = append(t.notes, Note{key, value})
	return nil
}

// notesMax bounds the head, as the ops are bounded.
const notesMax = 256

// op judges and counts one operation. Slots are taken as they are.
func (t *text) op(op prog.Op, info *prog.Info) error {
	switch info.Role {
	case prog.Make:
		return t.makes(op, info)
	case prog.Kill, prog.Use:
		if op.Args[0] >= uint64(len(t.sizes)) || t.sizes[op.Args[0]] < 0 {
			if !t.lim.Lenient {
				return fmt.Errorf("%s of p%d, which is not live", info.Name, op.Args[0])
			}
			t.stats.Unmatched++
			return nil
		}
		return t.uses(op, info)
	}
	if err := t.room(); err != nil {
		return err
	}
	if info.Role == prog.KillAll {
		for s := range t.sizes {
			t.sizes[s] = -1
		}
		t.stats.Frees += t.blocks
		t.blocks, t.bytes = 0, 0
	}
	t.emit(op)
	return nil
}

func (t *text) makes(op prog.Op, info *prog.Info) error {
	size, n := uint64(0), uint64(1)
	if i := place(info, "size"); i >= 0 {
		size = op.Args[i]
	}
	if i := place(info, "n"); i >= 0 {
		n = op.Args[i]
	}
	bytes, err := t.total(n, size)
	if err != nil {
		return err
	}
	if uint64(op.Def) >= uint64(t.lim.Live) {
		return fmt.Errorf("slot p%d is above the most live blocks, %d", op.Def, t.lim.Live)
	}
	for int(op.Def) >= len(t.sizes) {
		t.sizes = append(t.sizes, -1)
	}
	if t.sizes[op.Def] >= 0 {
		if !t.lim.Lenient {
			return fmt.Errorf("p%d is defined, and is live", op.Def)
		}
		t.stats.Overlaid++
		free := prog.Op{Kind: t.words.free}
		free.Args[0] = uint64(op.Def)
		if err := t.uses(free, t.spec.Info(free.Kind)); err != nil {
			return err
		}
	}
	if err := t.room(); err != nil {
		return err
	}
	t.sizes[op.Def] = int64(bytes)
	t.blocks++
	t.stats.PeakBlocks = max(t.stats.PeakBlocks, t.blocks)
	t.grow(0, bytes)
	t.stats.Allocs++
	t.emit(op)
	return nil
}

func (t *text) uses(op prog.Op, info *prog.Info) error {
	slot := op.Args[0]
	old := uint64(t.sizes[slot])
	if err := t.room(); err != nil {
		return err
	}
	if info.Role == prog.Kill {
		t.sizes[slot] = -1
		t.blocks--
		t.stats.Frees++
		t.grow(old, 0)
		t.emit(op)
		return nil
	}
	if i := place(info, "size"); i >= 0 {
		size, err := t.total(1, op.Args[i])
		if err != nil {
			return err
		}
		t.sizes[slot] = int64(size)
		t.stats.Reallocs++
		t.grow(old, size)
	}
	t.emit(op)
	return nil
}

// Write writes a trace in our own text.
func Write(w io.Writer, spec *prog.Spec, t *Trace) error {
	bw := bufio.NewWriterSize(w, 64<<10)
	for _, n := range t.Notes {
		fmt.Fprintf(bw, "# %s: %s\n", n.Key, strings.Join(strings.Fields(n.Value), " "))
	}
	for _, c := range counters {
		if v := c.get(&t.Stats); v != 0 || c.recount {
			fmt.Fprintf(bw, "# %s: %d\n", c.key, v)
		}
	}
	bw.Write(spec.Format(prog.Program{World: t.Program.World})) // errors stay until Flush
	var line []byte
	for _, op := range t.Program.Ops {
		line = append(spec.AppendOp(line[:0], op), '\n')
		bw.Write(line)
	}
	return bw.Flush()
}
