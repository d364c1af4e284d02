package trace

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"heapfuzz/props/prog"
)

// The binary records of scripts/record.c, little-endian, one file a process:
//
//	0     "HFRECORD"          64    name of the executable, 64 bytes, 0 at its end
//	8     version, 4 bytes    128   calls that could not be written, 8 bytes
//	12    1 when forked       4096  records of 40 bytes in chunks of one thread each, in no order; empty ones are 0
//
// A record is number<<8|call, thread, address, first, second. The number orders the calls of a process. A call that
// releases takes its number before it is made, one that acquires after, so that no block is seen handed out twice. A
// realloc is both, and two records: between them the block is nobody's, and another thread may already have its old
// address. It is emitted where it acquires.
type recordHead struct {
	Magic    [8]byte
	Version  uint32
	Forked   uint32
	Pid      uint32
	Parent   uint32
	Reserved [40]byte
	Exe      [64]byte
	Lost     uint64
}

const (
	recordMagic   = "HFRECORD"
	recordVersion = 1
	recordStart   = 4096
	recordBytes   = 40
)

// The calls, as scripts/record.c numbers them.
const (
	recMalloc     = 1 + iota // address, 0, size
	recCalloc                // address, n, size
	recMemalign              // address, align, size
	recReallocNil            // address, 0, size
	recReallocOut            // old address
	recReallocIn             // address, 0, size
	recFree                  // address
)

type record struct{ number, thread, addr, first, second uint64 }

func sniffRecord(line []byte, _ *prog.Spec) bool { return bytes.HasPrefix(line, []byte(recordMagic)) }

func readRecord(b *builder, l *lines) error {
	var head recordHead
	if err := binary.Read(l.br, binary.LittleEndian, &head); err != nil {
		return fmt.Errorf("head: %w", err)
	}
	if string(head.Magic[:]) != recordMagic || head.Version != recordVersion {
		return fmt.Errorf("records of version %d, want %d", head.Version, recordVersion)
	}
	if _, err := l.br.Discard(recordStart - binary.Size(head)); err != nil {
		return fmt.Errorf("head: %w", err)
	}
	exe, _, _ := bytes.Cut(head.Exe[:], []byte{0})
	if bytes.ContainsAny(exe, "\r\n") {
		return fmt.Errorf("executable %s", quote(exe))
	}
	b.notes = append(b.notes, Note{"program", string(exe)},
		Note{"recorder", fmt.Sprintf("scripts/record %d", recordVersion)})
	if head.Lost > 1<<40 {
		return fmt.Errorf("lost %d calls", head.Lost)
	}
	b.stats.Lost = int(head.Lost)
	if head.Forked != 0 || head.Lost > 0 {
		b.lim.Lenient = true // what is freed here was made by the parent, or in a call that was lost
	}
	recs, err := sortedRecords(b, l)
	if err != nil {
		return err
	}
	moving := map[uint64]move{}
	for i, r := range recs {
		l.n = i + 1 // the place in a message is the number of the record in order
		if err := r.replay(b, moving); err != nil {
			return err
		}
	}
	return nil
}

// sortedRecords reads the records that are not empty. Records can be more than operations: a realloc is two, a
// free(NULL) none.
func sortedRecords(b *builder, l *lines) ([]record, error) {
	most := 3*b.lim.Ops + 1024
	var recs []record
	var raw [recordBytes]byte
	for {
		if _, err := io.ReadFull(l.br, raw[:]); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("record %d: %w", len(recs)+1, err)
		}
		n := binary.LittleEndian.Uint64(raw[0:])
		if n == 0 {
			continue
		}
		if b.lim.Cut && n>>8 > uint64(most) {
			b.cut = true // numbers are dense: what is wanted lies before
			continue
		}
		if len(recs) == most {
			return nil, fmt.Errorf("more than %d records", most)
		}
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(raw[8*i:]) }
		recs = append(recs, record{n, word(1), word(2), word(3), word(4)})
	}
	slices.SortFunc(recs, func(x, y record) int { return cmp.Compare(x.number, y.number) })
	for i := 1; i < len(recs); i++ {
		if recs[i].number>>8 == recs[i-1].number>>8 {
			return nil, fmt.Errorf("two records have the number %d", recs[i].number>>8)
		}
	}
	return recs, nil
}

// move is a realloc that a thread is in.
type move struct {
	old   block
	known bool
	addr  uint64
}

func (r record) replay(b *builder, moving map[uint64]move) error {
	if err := b.thread(r.thread); err != nil {
		return err
	}
	m, busy := moving[r.thread]
	call := r.number & 0xff
	if busy != (call == recReallocIn) {
		return errors.New("a thread's realloc is not two records in a row")
	}
	switch call {
	case recMalloc:
		return b.acquire(b.words.alloc, r.addr, 0, r.second)
	case recCalloc:
		return b.acquire(b.words.calloc, r.addr, r.first, r.second)
	case recMemalign:
		return b.acquire(b.words.aligned, r.addr, r.first, r.second)
	case recReallocNil:
		return b.acquire(b.words.reallocNil, r.addr, 0, r.second)
	case recReallocOut:
		old, known, err := b.detach("realloc", r.addr)
		moving[r.thread] = move{old, known, r.addr}
		return err
	case recReallocIn:
		delete(moving, r.thread)
		return b.attach(m.old, m.known, m.addr, r.addr, r.second)
	case recFree:
		return b.release(r.addr)
	}
	return fmt.Errorf("unknown call %d", call)
}
