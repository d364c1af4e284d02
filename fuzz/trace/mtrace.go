package trace

import (
	"bytes"
	"errors"
	"fmt"

	"heapfuzz/props/prog"
)

// glibc's mtrace(3):
//
//	= Start
//	@ prog:(main+0x1b)[0x401136] + 0x1c2a6a0 0x40      a block was made, by malloc, calloc or any other
//	@ prog:[0x401140] - 0x1c2a6a0                      freed
//	@ prog:[0x401150] < 0x1c2a6a0                      realloc of a block,
//	@ prog:[0x401150] > 0x1c2a7b0 0x80                 to the next line's
//	@ prog:[0x401150] ! 0x1c2a6a0 0x80                 realloc that was refused
//	= End
//
// The caller may hold blanks (a path does), so that a line is read from its end. "= End" is there only where the
// program asked for it.
type mtrace struct {
	*builder
	moving  uint64 // the address of a '<' that waits for its '>'
	pending bool
}

func sniffMtrace(line []byte, _ *prog.Spec) bool {
	return bytes.Equal(line, []byte("= Start")) || bytes.HasPrefix(line, []byte("@ "))
}

func readMtrace(b *builder, l *lines) error {
	m := &mtrace{builder: b}
	if err := l.each(m.line); err != nil {
		return err
	}
	if m.pending && !m.lim.Lenient {
		return fmt.Errorf("realloc of %#x ends nowhere", m.moving)
	}
	return nil
}

// lastField cuts the last field off a line.
func lastField(line []byte) (rest, field []byte) {
	line = bytes.TrimRight(line, " \t")
	i := bytes.LastIndexAny(line, " \t")
	return bytes.TrimRight(line[:max(i, 0)], " \t"), line[i+1:]
}

func (m *mtrace) line(line []byte) error {
	if line[0] == '=' {
		return nil
	}
	rest, last := lastField(line)
	rest, before := lastField(rest)
	var what byte
	var size uint64
	var err error
	if len(before) == 1 && (before[0] == '-' || before[0] == '<') {
		what = before[0]
	} else {
		if size, err = hex(last); err != nil {
			return err
		}
		last = before
		if rest, before = lastField(rest); len(before) != 1 {
			return fmt.Errorf("want + - < > or ! before the address, not %s", quote(before))
		}
		what = before[0]
	}
	if len(rest) > 0 && !bytes.HasPrefix(rest, []byte("@ ")) {
		return fmt.Errorf("want \"@ caller\", not %s", quote(rest))
	}
	addr, err := hex(last)
	if err != nil {
		return err
	}
	return m.op(what, addr, size)
}

func (m *mtrace) op(what byte, addr, size uint64) error {
	if m.pending != (what == '>') {
		if m.pending {
			return fmt.Errorf("realloc of %#x is followed by %q, not by '>'", m.moving, what)
		}
		return errors.New("'>' follows no '<'")
	}
	switch what {
	case '+':
		return m.acquire(m.words.alloc, addr, 0, size)
	case '-':
		return m.release(addr)
	case '<':
		m.moving, m.pending = addr, true
		return nil
	case '>':
		m.pending = false
		return m.resize(m.moving, addr, size)
	case '!':
		m.stats.Refused++
		return nil
	}
	return fmt.Errorf("unknown operation %q", what)
}
