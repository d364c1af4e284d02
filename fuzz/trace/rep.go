package trace

import (
	"bytes"
	"errors"
	"fmt"

	"heapfuzz/props/prog"
)

// The malloc lab's .rep: numbers, one a line, then the operations.
//
//	20000   heap to suggest | weight | -     three heads were seen: heap, ids, ops, weight (the book's);
//	3       ids                              weight, ids, ops, most bytes live (since 2016);
//	4       ops                              ids, ops (stripped forks)
//	1       weight | bytes | -               In all, ids and ops are neighbours: the count of numbers decides.
//	a 0 512
//	r 0 640
//	f 0
//
// An id that was never made is nil: "r 6 10" is then realloc(NULL, 10). "f -1" is free(NULL), and "r 6 0" frees 6,
// which is nil again. A free of an id that is nil is refused all the same, since no lab writes it so.
//
// The numbers of the head must be right: ids is the greatest id and one more, ops how many lines follow.
type rep struct {
	*builder
	in       *lines
	head     []uint64
	places   []int // the lines that the numbers of the head stand in
	ids, ops uint64
	seen     []uint64 // a bit an id that is not nil: it was made, and perhaps freed
	used     uint64   // the greatest id and one more
	lines    uint64
}

func sniffRep(line []byte, _ *prog.Spec) bool {
	_, err := decimal(line)
	return err == nil
}

func readRep(b *builder, l *lines) error {
	r := &rep{builder: b, in: l}
	if err := l.each(r.line); err != nil {
		return err
	}
	switch {
	case r.seen == nil:
		return errors.New("no operation after the head")
	case l.torn > 0:
	case r.lines != r.ops:
		l.n = r.places[len(r.places)/2]
		return fmt.Errorf("the head says %d operations, there are %d", r.ops, r.lines)
	case r.used != r.ids:
		l.n = r.places[len(r.places)/2-1]
		return fmt.Errorf("the head says %d ids, there are %d", r.ids, r.used)
	}
	return nil
}

func (r *rep) line(line []byte) error {
	if r.seen == nil {
		if c := line[0] | 0x20; c < 'a' || c > 'z' {
			v, err := decimal(line)
			r.places = append(r.places, r.in.n)
			if r.head = append(r.head, v); err == nil && len(r.head) > 4 {
				err = errors.New("a head has 2 or 4 numbers, not more")
			}
			return err
		}
		if err := r.begin(); err != nil {
			return err
		}
	}
	var f [3][]byte
	n := fields(line, f[:])
	want := 3
	if f[0][0] == 'f' {
		want = 2
	}
	if n == want && len(f[0]) == 1 && bytes.IndexByte([]byte("arf"), f[0][0]) < 0 {
		return fmt.Errorf("unknown operation %q", f[0])
	}
	if n != want || len(f[0]) != 1 {
		return fmt.Errorf("want \"a id size\", \"r id size\" or \"f id\", not %s", quote(line))
	}
	if string(f[0]) == "f" && string(f[1]) == "-1" {
		r.lines++
		return r.release(0)
	}
	id, err := decimal(f[1])
	if err != nil {
		return err
	}
	var size uint64
	if want == 3 {
		if size, err = decimal(f[2]); err != nil {
			return err
		}
	}
	return r.op(f[0][0], id, size)
}

// begin takes the head for what it is.
func (r *rep) begin() error {
	switch len(r.head) {
	case 2:
		r.ids, r.ops = r.head[0], r.head[1]
	case 4:
		r.ids, r.ops = r.head[1], r.head[2]
	default:
		if len(r.places) > 0 {
			r.in.n = r.places[len(r.places)-1]
		}
		return fmt.Errorf("a head has 2 or 4 numbers, not %d", len(r.head))
	}
	most := uint64(r.lim.Ops)
	if r.ids > most {
		r.in.n = r.places[len(r.places)/2-1]
		return fmt.Errorf("the head says %d ids, the most is %d", r.ids, most)
	}
	if r.ops > most && !r.lim.Cut {
		r.in.n = r.places[len(r.places)/2]
		return fmt.Errorf("the head says %d operations, the most is %d", r.ops, most)
	}
	r.seen = make([]uint64, r.ids/64+1)
	return nil
}

// op does one line. The address that the builder sees is the id and 1, since 0 is nil to it.
func (r *rep) op(what byte, id, size uint64) error {
	if id >= r.ids {
		return fmt.Errorf("id %d is not below the head's %d", id, r.ids)
	}
	r.lines++
	r.used = max(r.used, id+1)
	bit := uint64(1) << (id % 64)
	seen := r.seen[id/64]&bit != 0
	r.seen[id/64] |= bit
	old, live := r.live[id+1]
	switch {
	case what == 'r' && !seen:
		return r.resize(0, id+1, size)
	case what == 'r' && size == 0:
		r.seen[id/64] &^= bit
		what = 'f'
	}
	switch {
	case what == 'a' && live && !r.lim.Lenient:
		return fmt.Errorf("alloc of %d, which is live as p%d", id, old.slot)
	case what == 'a':
		return r.acquire(r.words.alloc, id+1, 0, size)
	case !live && !r.lim.Lenient:
		return fmt.Errorf("%s of %d, which is not live", map[byte]string{'f': "free", 'r': "realloc"}[what], id)
	case what == 'r':
		return r.resize(id+1, id+1, size)
	}
	return r.release(id + 1)
}
