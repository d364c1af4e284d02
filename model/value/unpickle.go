package value

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// A shape is what is known of an object that a stream makes.
type shape struct {
	kind  Kind
	class bool     // it is none, but a class
	text  string   // of a string, of a class and of an instance of it
	items []*shape // of a tuple, and the keys of a dict
}

// A machine runs a stream to see whether it is one: what Modules/_pickle.c reads of the opcodes that a writer has, in
// protocols up to 4. Unlike there, a class is good for nothing but instances, and entries go to dicts alone.
type machine struct {
	data  []byte
	stack []*shape
	marks []int
	memo  []*shape
}

// isStream tells whether bytes can be read.
func isStream(data []byte) bool {
	m := machine{data: data}
	for {
		op, ok := m.take(1)
		switch {
		case !ok:
			return false
		case op[0] != '.':
			if !m.step(op[0]) {
				return false
			}
			continue
		}
		x := m.pop(1)
		return x != nil && !x[0].class
	}
}

func (m *machine) take(n int) ([]byte, bool) {
	if n > len(m.data) {
		return nil, false
	}
	b := m.data[:n]
	m.data = m.data[n:]
	return b, true
}

// sized takes bytes behind their number of so many bytes.
func (m *machine) sized(n int) ([]byte, bool) {
	b, ok := m.take(n)
	if !ok {
		return nil, false
	}
	return m.take(int(binary.LittleEndian.Uint64(append(slices.Clone(b), make([]byte, 8-n)...))))
}

// fence is how many objects are below the last mark.
func (m *machine) fence() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

// pop takes n objects off that are above the last mark; nil if there are none such.
func (m *machine) pop(n int) []*shape {
	at := len(m.stack) - n
	if at < m.fence() {
		return nil
	}
	all := slices.Clone(m.stack[at:])
	m.stack = m.stack[:at]
	return all
}

// marked takes off what is above the last mark, and the mark.
func (m *machine) marked() ([]*shape, bool) {
	if len(m.marks) == 0 {
		return nil, false
	}
	all := m.pop(len(m.stack) - m.fence())
	m.marks = m.marks[:len(m.marks)-1]
	return all, true
}

func (m *machine) push(s *shape) bool {
	m.stack = append(m.stack, s)
	return true
}

// noClass tells whether there is no class among these, and hashable whether all can be keys.
func noClass(all []*shape) bool {
	return !slices.ContainsFunc(all, func(s *shape) bool { return s.class })
}

func hashable(all []*shape) bool {
	return !slices.ContainsFunc(all, func(s *shape) bool {
		return s.kind == List || s.kind == Set || s.kind == Dict || s.kind == Tuple && !hashable(s.items)
	})
}

func (m *machine) step(op byte) bool {
	var b []byte
	ok := true
	switch op {
	case '\x80':
		b, ok = m.take(1)
		return ok && b[0] <= 4
	case 'N':
		return m.push(&shape{kind: None})
	case '\x88', '\x89':
		return m.push(&shape{kind: Bool})
	case 'K', 'M', 'J', 'G':
		_, ok = m.take(map[byte]int{'K': 1, 'M': 2, 'J': 4, 'G': 8}[op])
		return ok && m.push(&shape{kind: Int})
	case '\x8a', 'C':
		_, ok = m.sized(1)
		return ok && m.push(&shape{kind: Bytes})
	case '\x8b', 'B':
		_, ok = m.sized(4)
		return ok && m.push(&shape{kind: Bytes})
	case '\x8c', 'X':
		b, ok = m.sized(map[byte]int{'\x8c': 1, 'X': 4}[op])
		return ok && isText(b) && m.push(&shape{kind: Str, text: string(b)})
	case ']':
		return m.push(&shape{kind: List})
	case '\x8f':
		return m.push(&shape{kind: Set})
	case '}':
		return m.push(&shape{kind: Dict})
	case '(':
		m.marks = append(m.marks, len(m.stack))
		return true
	case '\x94':
		if len(m.stack) <= m.fence() {
			return false
		}
		m.memo = append(m.memo, m.stack[len(m.stack)-1])
		return true
	case 'h', 'j':
		b, ok = m.take(map[byte]int{'h': 1, 'j': 4}[op])
		n := uint64(0)
		for i := range b {
			n |= uint64(b[i]) << (8 * i)
		}
		return ok && n < uint64(len(m.memo)) && m.push(m.memo[n])
	}
	return m.make(op)
}

// make is step of what takes objects.
func (m *machine) make(op byte) bool {
	switch op {
	case ')', '\x85', '\x86', '\x87':
		n := map[byte]int{')': 0, '\x85': 1, '\x86': 2, '\x87': 3}[op]
		items := m.pop(n)
		return len(items) == n && noClass(items) && m.push(&shape{kind: Tuple, items: items})
	case 't', '\x91':
		items, ok := m.marked()
		if !ok || !noClass(items) || op == '\x91' && !hashable(items) {
			return false
		}
		return m.push(&shape{kind: map[byte]Kind{'t': Tuple, '\x91': Frozenset}[op], items: items})
	case '0':
		if len(m.marks) > 0 && m.fence() == len(m.stack) {
			m.marks = m.marks[:len(m.marks)-1]
			return true
		}
		return m.pop(1) != nil
	case '1':
		_, ok := m.marked()
		return ok
	case 'a', 's':
		return m.fill(op, m.pop(map[byte]int{'a': 1, 's': 2}[op]))
	case 'e', 'u', '\x90':
		items, ok := m.marked()
		return ok && m.fill(op, items)
	case '\x93':
		names := m.pop(2)
		if len(names) < 2 || names[0].kind != Str || names[1].kind != Str || names[0].text != Module {
			return false
		}
		_, ok := ClassSlots(names[1].text)
		return ok && m.push(&shape{class: true, text: names[1].text})
	case '\x81':
		both := m.pop(2)
		return len(both) == 2 && both[0].class && both[1].kind == Tuple && len(both[1].items) == 0 &&
			m.push(&shape{kind: Slots, text: both[0].text})
	case 'b':
		state := m.pop(1)
		return state != nil && len(m.stack) > m.fence() && m.build(m.stack[len(m.stack)-1], state[0])
	}
	return false
}

// fill puts items into what is below them. No items are right for all.
func (m *machine) fill(op byte, items []*shape) bool {
	if len(m.stack) <= m.fence() || items == nil && (op == 'a' || op == 's') {
		return false
	}
	to := m.stack[len(m.stack)-1]
	switch {
	case len(items) == 0:
		return true
	case !noClass(items):
		return false
	case op == 'a' || op == 'e':
		return to.kind == List
	case op == '\x90':
		return to.kind == Set && hashable(items)
	case to.kind != Dict || len(items)%2 != 0:
		return false
	}
	for i := 0; i < len(items); i += 2 {
		to.items = append(to.items, items[i])
	}
	return hashable(to.items)
}

// build gives an instance its state: None, or that and a dict of what its slots hold.
func (m *machine) build(to, state *shape) bool {
	switch {
	case to.class || state.class:
		return false
	case state.kind != Tuple || len(state.items) != 2:
		return state.kind == None
	case state.items[0].kind != None || state.items[1].kind != Dict:
		return false
	}
	n := 0
	if to.kind == Slots {
		n, _ = ClassSlots(to.text)
	}
	return !slices.ContainsFunc(state.items[1].items, func(k *shape) bool {
		return k.kind != Str || !isSlot(k.text, n)
	})
}

// isText tells whether bytes are what surrogates writes.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			if n = 3; len(b) < n || b[0] != 0xed || b[1] < 0xb2 || b[1] > 0xb3 || b[2]&0xc0 != 0x80 {
				return false
			}
		}
		b = b[n:]
	}
	return true
}
