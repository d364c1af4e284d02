package prog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The text of a program is lines, and a line is words between blanks:
//
//	file    = { line "\n" }
//	line    = [ "✗" ] [ index ] [ world | op ] [ "->" anything ] [ "#" anything ]
//	world   = "world" { name "=" number }                          before every op
//	op      = [ slot " = " ] name { slot } { name "=" number }     slots in the order of the row, numbers in any
//	slot    = "p" digits
//	number  = digits | "0x" hex digits
//
// A number that is left out is 0. Mark, index and answer are read over, so that the lines of a report are a program
// again. Format writes every number of a row, in decimal and in the order of the row.

// LineMax bounds the bytes of a line, SlotsMax the slots that text may name: a trace of a real program names millions.
const (
	LineMax  = 4096
	SlotsMax = 1 << 24
)

// Format returns the text of p. The world is left out when it is all 0.
func (s *Spec) Format(p Program) []byte {
	dst := make([]byte, 0, 64+24*len(p.Ops))
	if p.World != [ArgsMax]uint64{} {
		dst = append(dst, "world"...)
		for i, a := range s.World {
			dst = appendNumber(dst, a.Name, p.World[i])
		}
		dst = append(dst, '\n')
	}
	for _, op := range p.Ops {
		dst = append(s.AppendOp(dst, op), '\n')
	}
	return dst
}

// FormatOp returns the line of op, without its end.
func (s *Spec) FormatOp(op Op) string { return string(s.AppendOp(nil, op)) }

// AppendOp appends the line of op to dst, without its end.
func (s *Spec) AppendOp(dst []byte, op Op) []byte {
	row := &s.Rows[op.Kind]
	if row.Role == Make {
		dst = append(dst, 'p')
		dst = strconv.AppendUint(dst, uint64(op.Def), 10)
		dst = append(dst, " = "...)
	}
	dst = append(dst, row.Name...)
	for i := range row.Args {
		if row.Args[i].Domain.IsSlot {
			dst = append(dst, " p"...)
			dst = strconv.AppendUint(dst, op.Args[i], 10)
		}
	}
	for i := range row.Args {
		if !row.Args[i].Domain.IsSlot {
			dst = appendNumber(dst, row.Args[i].Name, op.Args[i])
		}
	}
	return dst
}

func appendNumber(dst []byte, name string, n uint64) []byte {
	dst = append(dst, ' ')
	dst = append(dst, name...)
	dst = append(dst, '=')
	return strconv.AppendUint(dst, n, 10)
}

// MustParse is Parse of a text that is written in our own tests and tables: it panics where Parse returns an error.
func (s *Spec) MustParse(text string) Program {
	p, err := s.Parse(s.Name, strings.NewReader(text))
	if err != nil {
		panic("prog: " + err.Error())
	}
	return p
}

// Parse reads a program. The name is that of the file, for errors: "x.txt:3: unknown operation "fre"".
func (s *Spec) Parse(name string, r io.Reader) (Program, error) {
	s.tables()
	lines := bufio.NewReaderSize(r, 64<<10)
	ps := parser{spec: s}
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
			return Program{}, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if n == 1 {
			line = trimPrefix(line, "\uFEFF") // some editors put a byte order mark in front
		}
		if reason := ps.parse(line); reason != "" {
			return Program{}, fmt.Errorf("%s:%d: %s", name, n, reason)
		}
		if err == io.EOF {
			return ps.program, nil
		}
	}
}

// parser reads one line after the other into program.
type parser struct {
	spec    *Spec
	program Program
	begun   bool   // a world or an operation has been read
	rest    []byte // of the line
}

// parse reads a line and returns what is wrong with it, or "". Reasons are made into text only when there is one: a
// line that is right costs no allocation.
func (ps *parser) parse(line []byte) string {
	if len(line) > LineMax {
		return noise(line[:LineMax], "line is longer than "+strconv.Itoa(LineMax)+" bytes")
	}
	ps.rest = line
	word := ps.word()
	if string(word) == "✗" {
		word = ps.word()
	}
	if isDigits(word) {
		word = ps.word()
	}
	if len(word) == 0 {
		return ""
	}
	reason := ""
	if string(word) == "world" {
		reason = ps.world()
	} else {
		reason = ps.op(word)
	}
	if reason != "" {
		return noise(line, reason)
	}
	ps.begun = true
	return ""
}

// world reads the numbers of the world, the word before them having been read.
func (ps *parser) world() string {
	if ps.begun {
		return "the world stands before all operations, and once"
	}
	return ps.args("world", ps.spec.World, &ps.program.World)
}

// op reads an operation whose first word has been read.
func (ps *parser) op(word []byte) string {
	op, defines := Op{}, false
	if word[0] == 'p' && isSlot(word) {
		n, reason := slotNumber(word)
		if reason != "" {
			return reason
		}
		if string(ps.word()) != "=" {
			return `expected "=" and an operation after ` + quote(word)
		}
		op.Def, defines = Slot(n), true
		if word = ps.word(); len(word) == 0 {
			return `expected an operation after "="`
		}
	}
	k, ok := ps.lookup(word)
	if !ok {
		return "unknown operation " + quote(word)
	}
	row := &ps.spec.Rows[k]
	if makes := row.Role == Make; makes != defines {
		if makes {
			return row.Name + ` defines a slot: "p0 = ` + row.Name + `"`
		}
		return row.Name + " defines no slot"
	}
	op.Kind = k
	if reason := ps.args(row.Name, row.Args, &op.Args); reason != "" {
		return reason
	}
	if len(ps.program.Ops) == OpsMax {
		return "more than " + strconv.Itoa(OpsMax) + " operations"
	}
	ps.program.Ops = append(ps.program.Ops, op)
	return ""
}

// args reads the rest of the line into values.
func (ps *parser) args(name string, args []Arg, values *[ArgsMax]uint64) string {
	slot, seen := nextSlot(args, 0), 0
	for {
		word := ps.word()
		if len(word) == 0 {
			break
		}
		if word[0] == 'p' && isSlot(word) {
			if slot == len(args) {
				return name + " takes no more slots: " + quote(word)
			}
			n, reason := slotNumber(word)
			if reason != "" {
				return reason
			}
			values[slot] = n
			slot = nextSlot(args, slot+1)
			continue
		}
		i, n, reason := argument(name, args, word)
		if reason != "" {
			return reason
		}
		if seen&(1<<i) != 0 {
			return "argument " + args[i].Name + " is given twice"
		}
		seen |= 1 << i
		values[i] = n
	}
	if slot < len(args) {
		return name + " lacks a slot: " + args[slot].Name
	}
	return ""
}

// argument reads "name=number" and returns the place of the name in args.
func argument(name string, args []Arg, word []byte) (i int, n uint64, reason string) {
	eq := 0
	for eq < len(word) && word[eq] != '=' {
		eq++
	}
	if eq == len(word) {
		return 0, 0, "expected name=number instead of " + quote(word)
	}
	for i = range args {
		if args[i].Name == string(word[:eq]) && !args[i].Domain.IsSlot {
			n, ok := number(word[eq+1:])
			if !ok {
				return 0, 0, "no number of 64 bits: " + quote(word)
			}
			return i, n, ""
		}
	}
	return 0, 0, name + " has no argument " + quote(word[:eq])
}

// nextSlot returns the place of the next slot in args from i on, len(args) if there is none.
func nextSlot(args []Arg, i int) int {
	for i < len(args) && !args[i].Domain.IsSlot {
		i++
	}
	return i
}

// lookup is Spec.Lookup for bytes.
func (ps *parser) lookup(word []byte) (Kind, bool) {
	rows := ps.spec.Rows
	for i := range rows {
		if rows[i].Name == string(word) {
			return Kind(i), true
		}
	}
	return 0, false
}

// word returns the next word of the line. It is empty at the end, which a comment or an answer is, too.
func (ps *parser) word() []byte {
	s, i := ps.rest, 0
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n') {
		i++
	}
	from := i
	for i < len(s) && s[i] > ' ' && s[i] != '#' {
		i++
	}
	if i == from && i < len(s) && s[i] != '#' {
		i++ // a control character is a word, which nothing expects
	}
	word := s[from:i]
	if len(word) == 2 && word[0] == '-' && word[1] == '>' {
		word, i = nil, len(s)
	}
	ps.rest = s[i:]
	if len(word) == 0 {
		ps.rest = nil
	}
	return word
}

// number reads a decimal or hexadecimal number of 64 bits.
func number(s []byte) (n uint64, ok bool) {
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		n, err := strconv.ParseUint(string(s[2:]), 16, 64)
		return n, err == nil && s[2] != '+' && s[2] != '-'
	}
	for _, c := range s {
		d := uint64(c - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(s) > 0
}

// slotNumber reads the number of a word that isSlot.
func slotNumber(word []byte) (n uint64, reason string) {
	n, ok := number(word[1:])
	if !ok || n >= SlotsMax {
		return 0, "slot " + quote(word) + " is beyond p" + strconv.Itoa(SlotsMax-1)
	}
	return n, ""
}

// isSlot tells whether a word is "p" and digits.
func isSlot(word []byte) bool { return len(word) > 1 && word[0] == 'p' && isDigits(word[1:]) }

func isDigits(word []byte) bool {
	for _, c := range word {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(word) > 0
}

// noise returns the reason, or a clearer one when the line is no text at all.
func noise(line []byte, reason string) string {
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRune(line[i:])
		cut := len(line)-i < utf8.UTFMax && len(line) == LineMax // a rune may be cut in two at the end
		if r == utf8.RuneError && n == 1 && !cut || r < ' ' && r != '\t' && r != '\r' && r != '\n' {
			return fmt.Sprintf("not text: byte 0x%02x in column %d", line[i], i+1)
		}
		i += n
	}
	return reason
}

// quote quotes a word for a reason, and no more of it than fits.
func quote(word []byte) string {
	const most = 40
	if len(word) > most {
		return strconv.Quote(string(word[:most])) + "..."
	}
	return strconv.Quote(string(word))
}

func trimPrefix(line []byte, prefix string) []byte {
	if len(line) >= len(prefix) && string(line[:len(prefix)]) == prefix {
		return line[len(prefix):]
	}
	return line
}
