package trace

import (
	"bytes"
	"errors"
	"fmt"

	"heapfuzz/props/prog"
)

// Android's memory_replay, a thread and a call a line:
//
//	186: malloc 0xb6038060 20
//	186: calloc 0xb609f080 32 4
//	187: realloc 0xb609f080 0xb603e9a0 12        the new address first; the old is 0x0 for realloc(NULL)
//	187: memalign 0xb6038060 16 104
//	186: free 0xb6038060
//	187: thread_done 0x0
//
// Newer ones end in when the call began and ended, in nanoseconds; thread_done in the end alone. The order is that of
// the lines.
type replay struct{ *builder }

// replayArgs is how many numbers follow the address, and how many a time adds.
var replayArgs = map[string]struct{ args, times int }{
	"malloc": {1, 2}, "calloc": {2, 2}, "realloc": {2, 2}, "memalign": {2, 2}, "free": {0, 2}, "thread_done": {0, 1},
}

func sniffReplay(line []byte, _ *prog.Spec) bool {
	tid, rest, ok := bytes.Cut(line, []byte(": "))
	if !ok {
		return false
	}
	var f [7][]byte
	_, err := decimal(tid)
	return err == nil && fields(rest, f[:]) >= 2
}

func readReplay(b *builder, l *lines) error { return l.each((&replay{b}).line) }

func (r *replay) line(line []byte) error {
	var f [7][]byte
	n := fields(line, f[:])
	if n < 3 || n > len(f) || !bytes.HasSuffix(f[0], []byte(":")) {
		return fmt.Errorf("want \"thread: call 0xaddress ...\", not %s", quote(line))
	}
	tid, err := decimal(f[0][:len(f[0])-1])
	if err != nil {
		return err
	}
	if err := r.thread(tid); err != nil {
		return err
	}
	call, ok := replayArgs[string(f[1])]
	if !ok {
		return fmt.Errorf("unknown call %s", quote(f[1]))
	}
	if given := n - 3; given != call.args && given != call.args+call.times {
		return fmt.Errorf("%s has %d numbers after its address, not %d", f[1], call.args, given)
	}
	addr, err := hex(f[2])
	if err != nil {
		return err
	}
	var v [4]uint64
	for i := range n - 3 {
		read := decimal
		if i == 0 && call.args > 0 && f[1][0] == 'r' {
			read = hex
		}
		if v[i], err = read(f[3+i]); err != nil {
			return err
		}
	}
	return r.op(f[1], addr, v[0], v[1])
}

func (r *replay) op(call []byte, addr, first, second uint64) error {
	switch string(call) {
	case "malloc":
		return r.acquire(r.words.alloc, addr, 0, first)
	case "calloc":
		return r.acquire(r.words.calloc, addr, first, second)
	case "memalign":
		return r.acquire(r.words.aligned, addr, first, second)
	case "realloc":
		return r.resize(first, addr, second)
	case "free":
		return r.release(addr)
	case "thread_done":
		if addr != 0 {
			return errors.New("thread_done has the address 0x0")
		}
		return nil
	}
	panic("trace: call " + string(call) + " is in the table and not here")
}
