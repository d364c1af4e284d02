package trace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// bounded refuses to be read beyond its limit. io.LimitReader would end quietly there, and the half would pass for
// the whole.
type bounded struct {
	r         io.Reader
	left, max int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("more than %s after decompression, the most that is read", Bytes(uint64(b.max)))
	}
	return n, err
}

// lines gives out the lines of a stream in one buffer.
type lines struct {
	br      *bufio.Reader
	n       int // of the line that was given last, counted from 1
	max     int
	lenient bool // a torn last line is dropped
	torn    int  // lines dropped for that
}

func newLines(r io.Reader, max int) *lines {
	return &lines{br: bufio.NewReaderSize(r, max), max: max}
}

// next returns the next line without its end, valid until the next call, or io.EOF. A last line without an end was
// torn in writing: what is left of it may be a shorter number than was meant, so that it is never believed.
func (l *lines) next() ([]byte, error) {
	line, err := l.br.ReadSlice('\n')
	if err == io.EOF && len(line) == 0 {
		return nil, io.EOF
	}
	l.n++
	switch {
	case err == nil:
		return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
	case err == io.EOF && l.lenient:
		l.torn++
		return nil, io.EOF
	case err == io.EOF:
		return nil, fmt.Errorf("torn last line %s: no line end", quote(line))
	case err == bufio.ErrBufferFull:
		return nil, fmt.Errorf("line is longer than %d bytes", l.br.Size())
	}
	return nil, err
}

// each calls do for every line that is not blank.
func (l *lines) each(do func(line []byte) error) error {
	for {
		line, err := l.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := do(line); err != nil {
			return err
		}
	}
}

// peek returns the first line that is not blank, or as much of it as fits the buffer, and takes nothing.
func (l *lines) peek() ([]byte, error) {
	head, err := l.br.Peek(min(l.br.Size(), 4096))
	if len(head) == 0 && err != nil && err != io.EOF {
		return nil, err
	}
	head = bytes.TrimLeft(head, "\r\n\t ")
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.TrimSpace(line), nil
}

// fields splits a line at blanks into at most len(dst) fields and returns how many there are, len(dst)+1 for more.
func fields(line []byte, dst [][]byte) int {
	n := 0
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		start := i
		for i < len(line) && line[i] != ' ' && line[i] != '\t' {
			i++
		}
		if n == len(dst) {
			return n + 1
		}
		dst[n] = line[start:i]
		n++
	}
	return n
}

var errNumber = errors.New("not a number")

// decimal reads a number of the field and nothing else.
func decimal(s []byte) (uint64, error) {
	if len(s) == 0 || len(s) > 20 {
		return 0, number(s)
	}
	var v uint64
	for _, c := range s {
		d := uint64(c - '0')
		if c < '0' || c > '9' || v > (1<<64-1-d)/10 {
			return 0, number(s)
		}
		v = v*10 + d
	}
	return v, nil
}

// hex reads a number as C's %p and %#lx print it: 0x1f, (nil), 0.
func hex(s []byte) (uint64, error) {
	switch string(s) {
	case "(nil)", "0":
		return 0, nil
	}
	if len(s) < 3 || len(s) > 18 || s[0] != '0' || s[1] != 'x' {
		return 0, number(s)
	}
	var v uint64
	for _, c := range s[2:] {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		case 'A' <= c && c <= 'F':
			v = v<<4 | uint64(c-'A'+10)
		default:
			return 0, number(s)
		}
	}
	return v, nil
}

func number(s []byte) error { return fmt.Errorf("%w: %s", errNumber, quote(s)) }

// quote shows at most 40 bytes of a line.
func quote(s []byte) string {
	if len(s) > 40 {
		return fmt.Sprintf("%q...", s[:40])
	}
	return fmt.Sprintf("%q", s)
}
