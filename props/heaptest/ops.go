package heaptest

import (
	"unsafe"

	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props/prog"
)

// The domains. Edges are the sizes at which allocators change their mind: multiples of 8 and 16 (the classes of small
// blocks), powers of two and their neighbours, the 512 bytes of pymalloc's threshold, pages, and the sizes that no
// machine has. Large sizes are few: a page that is touched for the first time costs more than all else that an
// operation does, and to clear, write and verify 500 KiB takes the time of ten programs. So the factors of calloc,
// whose product counts, are smaller than other sizes.
var (
	slots  = &prog.Domain{Name: "slot", Near: 31, Max: 4095, IsSlot: true}
	sizes  = &prog.Domain{Name: "size", Near: 1024, Max: 1<<14 - 1, Edges: sizeEdges()}
	units  = &prog.Domain{Name: "size", Near: 256, Max: 1<<12 - 1, Edges: sizeEdges()}
	counts = &prog.Domain{Name: "count", Near: 16, Max: 63, Edges: []uint64{
		1 << 32, 1<<32 + 1, 1<<61 + 1, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 1}}
	aligns = &prog.Domain{Name: "align", Edges: []uint64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
		0, 3, 24, 4095, 8192}}
	nths   = &prog.Domain{Name: "nth", Near: 4, Max: 64}
	flags  = &prog.Domain{Name: "flag", Near: 1, Max: 1}
	inside = &prog.Domain{Name: "offset", Near: 64, Max: 4095, Edges: []uint64{8, 16, 32, 48}}
	limits = &prog.Domain{Name: "limit", Near: 40, Max: 4095}
	small  = &prog.Domain{Name: "number", Near: 3, Max: 255}
	fence  = &prog.Domain{Name: "byte", Near: 15, Max: 15}
	kinds  = &prog.Domain{Name: "variant", Near: 9, Max: 255} // no target has more
)

func sizeEdges() (edges []uint64) {
	for class := uint64(16); class <= 512; class += 16 {
		edges = append(edges, class-8, class-7, class-1, class, class+1)
	}
	for p := uint64(1024); p <= 1<<13; p *= 2 {
		edges = append(edges, p-1, p, p+1)
	}
	return append(edges, 0, 0, 1, 1, 384, 385, 1<<14, 1<<15+1, 1<<16, 1<<18+1, 1<<47, 1<<63-1, 1<<63, 1<<64-17, 1<<64-1)
}

func arg(name string, d *prog.Domain) prog.Arg { return prog.Arg{Name: name, Domain: d} }

var (
	slotArg = arg("p", slots)
	sizeArg = arg("size", sizes)
)

// Lang is the language of allocators. A row is one operation, whole: how it prints, how the driver asks it, how the
// model judges the answer. A row on a slot has the slot as its first argument.
var Lang = prog.NewLang("heap", slots, args(arg("limit", limits), arg("skew", small), arg("variant", kinds)), []row{
	makes(prog.Info{Name: "alloc", Weight: 30, Args: args(sizeArg), Doc: "asks for a block of size bytes"}, none,
		func(op prog.Op) request { return request{size: uintptr(op.Args[0])} },
		func(d *driver, op prog.Op) ptr { return d.Alloc(uintptr(op.Args[0])) }),
	makes(prog.Info{Name: "calloc", Weight: 6, Args: args(arg("n", counts), arg("size", units)),
		Doc: "asks for n*size zeroed bytes"}, needCalloc,
		func(op prog.Op) request {
			n, size := uintptr(op.Args[0]), uintptr(op.Args[1])
			if size != 0 && n > ^uintptr(0)/size {
				return request{is: zeroed | overflows}
			}
			return request{size: n * size, is: zeroed}
		},
		func(d *driver, op prog.Op) ptr { return d.calloc.Calloc(uintptr(op.Args[0]), uintptr(op.Args[1])) }),
	makes(prog.Info{Name: "aligned", Weight: 4, Args: args(arg("align", aligns), sizeArg),
		Doc: "asks for a block whose address is a multiple of align; what is no power of two is to be refused"},
		needAligned,
		func(op prog.Op) request {
			r := request{align: uintptr(op.Args[0]), size: uintptr(op.Args[1])}
			if !heap.IsAlign(r.align) {
				r.is = odd
			}
			return r
		},
		func(d *driver, op prog.Op) ptr {
			return d.aligned.AlignedAlloc(uintptr(op.Args[0]), uintptr(op.Args[1]))
		}),
	makes(prog.Info{Name: "realloc-nil", Weight: 2, Args: args(sizeArg),
		Doc: "has realloc resize nil, which is alloc"}, needRealloc,
		func(op prog.Op) request { return request{size: uintptr(op.Args[0])} },
		func(d *driver, op prog.Op) ptr { return d.realloc.Realloc(nil, uintptr(op.Args[0])) }),

	other(prog.Info{Name: "realloc", Role: prog.Use, Weight: 12, Args: args(slotArg, sizeArg),
		Doc: "resizes the block of p"}, needRealloc, (*driver).resize, judgeResize),
	other(prog.Info{Name: "free", Role: prog.Kill, Weight: 26, Args: args(slotArg),
		Doc: "verifies the block of p and frees it"}, none, (*driver).release, judgeRelease),
	other(prog.Info{Name: "free-nil", Weight: 1, Doc: "frees nil, which does nothing"}, none,
		(*driver).freeNil, judgeFreeNil),
	other(prog.Info{Name: "verify", Role: prog.Use, Weight: 3, Args: args(slotArg),
		Doc: "compares the bytes of p with what was written"}, none, (*driver).verify, judgeContent),
	other(prog.Info{Name: "usable", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "asks how many bytes of p may be written"}, needUsable, (*driver).askUsable, judgeUsable),
	other(prog.Info{Name: "check", Weight: 3, Args: args(arg("full", flags)),
		Doc: "has the allocator recount its own invariants: the cheap ones, or with full=1 all"}, needCheck,
		(*driver).check, judgeCheck),
	other(prog.Info{Name: "usage", Weight: 2, Doc: "asks for the statistics"}, needUsage,
		func(d *driver, _ prog.Op) prog.Outcome { return d.count() }, judgeCount),
	other(prog.Info{Name: "drain", Role: prog.KillAll, Weight: 1,
		Doc: "verifies and frees every block in the order of the slots"}, none, (*driver).drain, judgeDrain),
	other(prog.Info{Name: "trim", Role: prog.Set, Weight: 1,
		Doc: "has the allocator give back what it need not keep"}, needTrim,
		func(d *driver, _ prog.Op) prog.Outcome { d.trim.Trim(); return prog.Outcome{} },
		func(m *heap.Model, _ prog.Op, _ prog.Outcome) *model.Violation { m.Trim(); return nil }),
	other(prog.Info{Name: "oom", Role: prog.Set, Fault: true, Weight: 1, Args: args(arg("nth", nths),
		arg("forever", flags)),
		Doc: "makes the nth request to the operating system from here fail, all from it with forever=1; nth=0 ends it",
	}, needOOM,
		func(d *driver, op prog.Op) prog.Outcome {
			d.oom.InjectOOM(int(op.Args[0]), op.Args[1] != 0)
			return prog.Outcome{}
		},
		func(m *heap.Model, op prog.Op, _ prog.Outcome) *model.Violation {
			m.Scarce(op.Args[0], op.Args[1] != 0)
			return nil
		}),

	other(prog.Info{Name: "double-free", Role: prog.Kill, Weight: 1, Args: args(slotArg),
		Doc: "frees the block of p, and then once more"}, needDoubleFree, (*driver).doubleFree,
		judgeSecond(heap.KindDouble, func(c *heap.Contract) heap.Answer { return c.DoubleFree })),
	other(prog.Info{Name: "interior-free", Role: prog.Use, Weight: 1, Args: args(slotArg, arg("at", inside)),
		Doc: "frees an address inside the block of p, which lives on"}, needInteriorFree, (*driver).interiorFree,
		judgeMisuse(heap.KindInterior, func(c *heap.Contract) heap.Answer { return c.InteriorFree })),
	other(prog.Info{Name: "foreign-free", Weight: 1, Args: args(arg("at", inside)),
		Doc: "frees an address in memory that is not the allocator's"}, needForeignFree, (*driver).foreignFree,
		judgeMisuse(heap.KindForeign, func(c *heap.Contract) heap.Answer { return c.ForeignFree })),
	other(prog.Info{Name: "wild-free", Weight: 1, Args: args(arg("at", inside)),
		Doc: "frees an address where there is no memory"}, needWildFree, (*driver).wildFree,
		judgeMisuse(heap.KindForeign, func(c *heap.Contract) heap.Answer { return c.WildFree })),
	other(prog.Info{Name: "cross-free", Weight: 1, Args: args(sizeArg),
		Doc: "frees a block of another allocator of the same kind"}, needCrossFree, (*driver).crossFree,
		judgeMisuse(heap.KindForeign, func(c *heap.Contract) heap.Answer { return c.CrossFree })),

	other(prog.Info{Name: "stray-free", Role: prog.Kill, Weight: 1, Args: args(slotArg, arg("at", inside)),
		Doc: "frees the block of p, and then an address inside it"}, needStrayFree, (*driver).strayFree,
		judgeSecond(heap.KindWild, func(c *heap.Contract) heap.Answer { return c.StrayFree })),
	other(prog.Info{Name: "owns", Role: prog.Use, Weight: 2, Args: args(slotArg, arg("at", inside), sizeArg),
		Doc: "asks whether size bytes from an address near the block of p are the allocator's"}, needOwner,
		(*driver).askOwner, judgeOwner),
	other(prog.Info{Name: "smash", Role: prog.Use, Weight: 1,
		Args: args(slotArg, arg("at", fence), arg("resize", flags)),
		Doc:  "overwrites a byte around the block of p, frees or resizes it, which is to be detected, and mends it",
	}, needDress, (*driver).smash, judgeSmash),
	other(prog.Info{Name: "behind-free", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "frees the address behind the block of p, where no block is"}, needStrayFree, (*driver).behindFree,
		judgeBehind),
}).With(motifs...)

type (
	row   = prog.Row[*heap.Model, *driver]
	ptr   = unsafe.Pointer
	do    = func(*driver, prog.Op) prog.Outcome
	judge = func(*heap.Model, prog.Op, prog.Outcome) *model.Violation
)

func args(a ...prog.Arg) []prog.Arg { return a }

// request is what a row that makes a block asks for. It is small enough to stay in registers.
type request struct {
	size, align uintptr
	is          traits
}

// traits are what is special about a request.
type traits uint8

const (
	zeroed    traits = 1 << iota // it is a calloc
	overflows                    // and the product of its factors does, so that size means nothing
	odd                          // align is none: it is asked for only where it is promised to be refused
)

// clearMax bounds what calloc is asked to clear. Clearing is the allocator's work, and it touches every page: a
// gigabyte takes a second, and a request of 4 GiB is more than some machines have.
const clearMax = 1 << 20

// costly tells whether a request is one to clear so much that it is skipped. One that no machine has is asked, to be
// refused.
func (r request) costly() bool {
	return r.is&(zeroed|overflows) == zeroed && r.size > clearMax && r.size < heap.NoSuchSize
}

// makes is a row that defines its slot. It is skipped when the request is costly, and when the block would take the
// live bytes over heap.LiveBytesMax, which is the harness's own limit.
func makes(info prog.Info, n need, req func(prog.Op) request, ask func(*driver, prog.Op) ptr) row {
	info.Role, info.Needs, info.Lacks = prog.Make, int(n), n != none
	return row{
		Info: info,
		Do: func(d *driver, op prog.Op) (out prog.Outcome) {
			r := req(op)
			if r.is&odd != 0 && !d.contract.AlignStrict || r.costly() || r.is&overflows == 0 && !d.room(r.size) {
				out.Status = prog.Skip
				return
			}
			if r.is&overflows == 0 {
				d.called(r.size)
			}
			d.made(&out, op.Def, ask(d, op), r)
			return
		},
		Step: func(m *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
			r := req(op)
			may := !r.costly() && (r.is&overflows != 0 || m.Room(r.size))
			if out.Status == prog.Skip || !may {
				return judgeSkip(&info, out, may)
			}
			return judgeMake(m, op, out, r)
		},
	}
}

// other is any other row, whose functions are called where the operation is not skipped.
func other(info prog.Info, n need, ask do, step judge) row {
	info.Needs, info.Lacks = int(n), n != none
	return row{Info: info, Do: ask, Step: step}
}

// Do asks one operation. It is skipped where the target lacks what it needs, and where its slot is in the wrong state:
// dead, or live if it is to be defined.
func (d *driver) Do(op prog.Op) prog.Outcome {
	row := Lang.Row(op.Kind)
	may := d.has[row.Needs]
	switch row.Role {
	case prog.Kill, prog.Use:
		may = may && d.live(prog.Slot(op.Args[0]))
	case prog.Make:
		may = may && !d.live(op.Def)
	}
	if !may {
		return prog.Outcome{Status: prog.Skip}
	}
	return row.Do(d, op)
}

// judging is the model with the language's way to ask it.
type judging struct{ m *heap.Model }

// Step judges an answer. Rows judge those of operations that are not skipped; but one that makes a block has reasons of
// its own to skip it.
func (j judging) Step(op prog.Op, out prog.Outcome) *model.Violation {
	row, may := Lang.Row(op.Kind), true
	switch row.Role {
	case prog.Kill, prog.Use:
		may = j.m.Live(uint32(op.Args[0]))
	case prog.Make:
		may = !j.m.Live(uint32(op.Def))
	}
	if !may || out.Status == prog.Skip && row.Role != prog.Make {
		return judgeSkip(&row.Info, out, may)
	}
	return row.Step(j.m, op, out)
}

// judgeSkip judges an answer where either the target skipped or it had to.
func judgeSkip(info *prog.Info, out prog.Outcome, may bool) *model.Violation {
	switch {
	case out.Status != prog.Skip:
		return heap.Answers.Breach("%s answered %v where its slot is in the wrong state", info.Name, out.Status)
	case may && !info.Lacks:
		return heap.Answers.Breach("%s, which every allocator has, was skipped", info.Name)
	}
	return nil
}
