package props

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// Alive is the rule that a target keeps answering.
var Alive = &model.Invariant{
	Name: "run/alive",
	Doc:  "an operation neither panics nor faults nor fails to return",
}

// patience is how long no operation may be answered before the target counts as one that fails to return, unless the
// Runner says otherwise. It is long, as a loaded machine may answer late.
const patience = 60 * time.Second

// Result is what one run gave. The run ends with the first violation: a corrupt heap is never driven on.
type Result struct {
	Trace     prog.Trace       // the answers as far as the run went; valid until the Runner's next run
	Ops       []prog.Op        // what was asked: the program's operations and the subject's epilogue
	Violation *model.Violation // nil: the target conforms
	At        int              // index into Ops of the operation whose answer broke the rule
	Effective int              // operations answered neither skip nor nomem
	Picture   string           // the state around the fault, for people
}

// Runner runs programs and keeps its buffers between them. It is not for concurrent use; its zero value works.
type Runner struct {
	// After, when set, is called after each accepted answer, and its violation ends the run: Blame and tests look
	// deeper there.
	After func(t Target, at int, op prog.Op) *model.Violation
	// OnHang, when set, is called from another goroutine once a run has given no answer for Patience, or for up to
	// twice as long. A target in this process cannot be stopped, so all that is left to do is to save the program and
	// to end the process.
	OnHang   func(*Subject, prog.Program)
	Patience time.Duration // 0 means a minute
	// Look draws the picture of a violation; switched off while shrinking.
	Look bool
	// Meter, when set, counts what each run did.
	Meter *Meter

	trace    prog.Trace
	ops      []prog.Op
	answered atomic.Int64 // operations, while there is OnHang
}

// Run opens a fresh target, asks it every operation of the program and of the epilogue, and has every answer judged.
// The error is that of opening: the user's or the machine's, never the target's fault.
func (r *Runner) Run(s *Subject, p prog.Program) (Result, error) {
	t, j, err := s.Open(p.World)
	if err != nil {
		return Result{}, fmt.Errorf("open %s: %w", s.Target, err)
	}
	if r.OnHang != nil {
		defer r.watch(s, p)()
	}
	r.ops = append(append(r.ops[:0], p.Ops...), s.Epilogue...)
	r.trace = slices.Grow(r.trace[:0], len(r.ops))
	res := Result{Ops: r.ops}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	res.Violation = r.drive(t, j, &res)
	res.Trace, res.At = r.trace, max(0, len(r.trace)-1)
	if res.Violation != nil && r.Look && s.Picture != nil {
		res.Picture = guard(func() string { return s.Picture(t, r.ops[res.At]) })
	}
	if r.Meter != nil {
		r.Meter.add(s, t, p.Ops, r.trace)
	}
	if err := shut(t); err != nil && res.Violation == nil {
		res.Violation = &model.Violation{Rule: Alive, Cause: "close", Detail: "close: " + err.Error()}
		res.At = len(r.ops) // behind them all
	}
	return res, nil
}

// watch calls OnHang once there is no answer any more. What it returns ends that.
func (r *Runner) watch(s *Subject, p prog.Program) (stop func()) {
	const never = 1 << 62
	limit, before := cmp.Or(r.Patience, patience), r.answered.Load()
	var over atomic.Bool
	var timer *time.Timer
	timer = time.AfterFunc(never, func() {
		switch n := r.answered.Load(); {
		case over.Load():
		case n != before:
			before = n
			timer.Reset(limit)
		default:
			r.OnHang(s, p)
		}
	})
	timer.Reset(limit)
	return func() {
		over.Store(true)
		timer.Stop()
	}
}

// drive is the loop. A panic of the target is an answer like any other: the operation at which it happened failed.
func (r *Runner) drive(t Target, j Judge, res *Result) (v *model.Violation) {
	defer func() {
		if e := recover(); e != nil {
			text := fmt.Sprint(e)
			r.trace = append(r.trace[:res.At], prog.Outcome{Status: prog.Fail, Msg: "panic: " + text})
			v = &model.Violation{Rule: Alive, Cause: "panic " + scrub(text), Detail: "panic: " + text}
		}
	}()
	for i := range r.ops {
		op := r.ops[i]
		res.At, r.trace = i, r.trace[:i+1]
		out := &r.trace[i] // written once: a copy of what was just written has the processor wait
		*out = t.Do(op)
		if r.OnHang != nil {
			r.answered.Add(1)
		}
		if v := j.Step(op, *out); v != nil {
			return v
		}
		if out.Status == prog.OK {
			res.Effective++
		}
		if r.After != nil {
			if v := r.After(t, i, op); v != nil {
				return v
			}
		}
	}
	return nil
}

// shut closes a target that may be too corrupt to be closed.
func shut(t Target) (err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("panic: %v", e)
		}
	}()
	return t.Close()
}

// guard runs a function for people on a target that may be corrupt.
func guard(f func() string) (text string) {
	defer func() {
		if e := recover(); e != nil {
			text = fmt.Sprintf("(no picture: %v)", e)
		}
	}()
	return f()
}

// scrub takes the numbers out of a message, so that two runs of one defect give one signature.
func scrub(text string) string {
	out := make([]byte, 0, min(len(text), 80))
	for i := 0; i < len(text) && len(out) < 80; i++ {
		c := text[i]
		if c == '0' && i+1 < len(text) && text[i+1] == 'x' {
			for i += 2; i < len(text) && isHex(text[i]); i++ {
			}
			i--
			c = '#'
		} else if '0' <= c && c <= '9' {
			c = '#'
		}
		if c == '#' && len(out) > 0 && out[len(out)-1] == '#' {
			continue
		}
		if c == '\n' {
			break
		}
		out = append(out, c)
	}
	return string(out)
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }
