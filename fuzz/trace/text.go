package trace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
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
// It is parsed here and not by prog, a line at a time in bounded memory, and more strictly: an operation that means
// nothing (on a dead slot, say) is fine in a program, and a damage in a recording. Numbers of the head that follow
// from the program must be right, so that a file that lost its end or its middle is noticed; who edits a trace by
// hand removes them.
type text struct {
	*builder
	kinds    map[string]prog.Kind
	sizes    []int64 // by slot: bytes of the block that lives there, -1 for none
	declared map[string]uint64
	begun    bool // a world or an operation was seen: later comments are not the head's
}

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
	t := &text{builder: b, kinds: map[string]prog.Kind{}, declared: map[string]uint64{}}
	for i := range b.spec.Rows {
		t.kinds[b.spec.Rows[i].Name] = prog.Kind(i)
	}
	if err := l.each(t.line); err != nil {
		return err
	}
	if b.lim.Lenient {
		return nil
	}
	stats := b.finish()
	for _, c := range counters {
		if v, ok := t.declared[c.key]; ok && c.recount && v != c.get(&stats) {
			return fmt.Errorf("the head says %s: %d, there are %d", c.key, v, c.get(&stats))
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
	var f [prog.ArgsMax + 4][]byte
	n := fields(line, f[:])
	if n > len(f) {
		return fmt.Errorf("too many words in %s", quote(line))
	}
	if string(f[0]) == "world" {
		if !first {
			return errors.New("the world is the first line")
		}
		return t.numbers("world", t.spec.World, f[1:n], &t.world)
	}
	words := f[:n]
	var op prog.Op
	def := n >= 3 && len(f[1]) == 1 && f[1][0] == '='
	if def {
		slot, err := slotOf(f[0])
		if err != nil {
			return err
		}
		op.Def, words = prog.Slot(slot), f[2:n]
	}
	kind, ok := t.kinds[string(words[0])]
	if !ok {
		return fmt.Errorf("unknown operation %s", quote(words[0]))
	}
	op.Kind = kind
	info := t.spec.Info(kind)
	if def != (info.Role == prog.Make) {
		return fmt.Errorf("whether %s defines a slot is another matter than in %s", info.Name, quote(line))
	}
	if err := t.numbers(info.Name, info.Args, words[1:], &op.Args); err != nil {
		return err
	}
	return t.op(op, info)
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
		t.declared[key] = v
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

func slotOf(word []byte) (uint64, error) {
	if len(word) < 2 || word[0] != 'p' {
		return 0, fmt.Errorf("want a slot, not %s", quote(word))
	}
	return decimal(word[1:])
}

// numbers reads the words as the arguments, each once and in their order.
func (t *text) numbers(what string, args []prog.Arg, words [][]byte, dst *[prog.ArgsMax]uint64) (err error) {
	if len(words) != len(args) {
		return fmt.Errorf("%s has %d arguments, not %d", what, len(args), len(words))
	}
	for i, a := range args {
		if a.Domain.IsSlot {
			dst[i], err = slotOf(words[i])
		} else {
			rest, ok := bytes.CutPrefix(words[i], []byte(a.Name))
			if !ok || len(rest) == 0 || rest[0] != '=' {
				return fmt.Errorf("%s: want %s=number, not %s", what, a.Name, quote(words[i]))
			}
			dst[i], err = decimal(rest[1:])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

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
	case prog.KillAll:
		for s := range t.sizes {
			t.sizes[s] = -1
		}
		t.blocks, t.bytes = 0, 0
	}
	return t.emit(op)
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
	t.sizes[op.Def] = int64(bytes)
	t.blocks++
	t.stats.PeakBlocks = max(t.stats.PeakBlocks, t.blocks)
	t.grow(0, bytes)
	t.stats.Allocs++
	return t.emit(op)
}

func (t *text) uses(op prog.Op, info *prog.Info) error {
	slot := op.Args[0]
	old := uint64(t.sizes[slot])
	if info.Role == prog.Kill {
		t.sizes[slot] = -1
		t.blocks--
		t.stats.Frees++
		t.grow(old, 0)
		return t.emit(op)
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
	return t.emit(op)
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
	var line []byte
	if t.Program.World != [prog.ArgsMax]uint64{} {
		line = appendArgs(append(line, "world"...), spec.World, t.Program.World)
		line = append(line, '\n')
	}
	for _, op := range t.Program.Ops {
		info := spec.Info(op.Kind)
		if info.Role == prog.Make {
			line = append(line, 'p')
			line = strconv.AppendUint(line, uint64(op.Def), 10)
			line = append(line, " = "...)
		}
		line = append(appendArgs(append(line, info.Name...), info.Args, op.Args), '\n')
		bw.Write(line) // the error stays until Flush
		line = line[:0]
	}
	bw.Write(line)
	return bw.Flush()
}

func appendArgs(line []byte, args []prog.Arg, v [prog.ArgsMax]uint64) []byte {
	for i, a := range args {
		line = append(line, ' ')
		if a.Domain.IsSlot {
			line = append(line, 'p')
		} else {
			line = append(append(line, a.Name...), '=')
		}
		line = strconv.AppendUint(line, v[i], 10)
	}
	return line
}
