package heaptest

import (
	"os"
	"strings"
	"testing"

	"heapfuzz/model/heap"
)

func TestReference(t *testing.T) {
	Run(t, func() Allocator { return heap.NewReference() }, Promise(heap.ReferenceContract))
}

// tight has a byte too few for a request of 32.
type tight struct{ *heap.Reference }

func (a tight) UsableSize(p ptr) uintptr {
	n := a.Reference.UsableSize(p)
	if n == 32 {
		n--
	}
	return n
}

func TestTestReports(t *testing.T) {
	open := func() Allocator { return tight{heap.NewReference()} }
	err := Test(open, Promise(heap.ReferenceContract))
	if err == nil {
		t.Fatal("an allocator that gives too little passed")
	}
	for _, want := range []string{"conforms: heap/size", "p0 = alloc size=32", "shrunk", "HEAPFUZZ_SEED=1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the report lacks %q:\n%v", want, err)
		}
	}
	if again := Test(open, Promise(heap.ReferenceContract)); again == nil || again.Error() != err.Error() {
		t.Errorf("the same seed gave another report:\n%v\n%v", err, again)
	}
}

func FuzzReference(f *testing.F) {
	Fuzz(f, func() Allocator { return heap.NewReference() }, Promise(heap.ReferenceContract))
}

func BenchmarkReference(b *testing.B) {
	Bench(b, func() Allocator { return heap.NewReference() }, Promise(heap.ReferenceContract))
}

// refuser gives nothing to anybody, as it may.
type refuser struct{ *heap.Reference }

func (refuser) Alloc(uintptr) ptr        { return nil }
func (refuser) Calloc(_, _ uintptr) ptr  { return nil }
func (refuser) Realloc(ptr, uintptr) ptr { return nil }

// An allocator that refuses everything breaks no rule, and is told that this proves nothing.
func TestRefuserIsVacuous(t *testing.T) {
	open := func() Allocator { return refuser{heap.NewReference()} }
	contract := heap.ReferenceContract
	contract.MayRefuse = true
	if os.Getenv("HEAPTEST_CHILD") == "refuse" {
		Run(t, open, Promise(contract))
		return
	}
	err := Test(open, Promise(contract))
	if err == nil || !strings.Contains(err.Error(), "allocator: run/vacuous: ") {
		t.Errorf("an allocator that refuses everything: %v", err)
	}
	out, _ := inChild(t, "TestRefuserIsVacuous", "refuse")
	if !strings.Contains(out, "allocator: run/vacuous: ") {
		t.Errorf("the child's output:\n%s", out)
	}
	if err := Test(open, Promise(contract), Programs(5)); err != nil {
		t.Errorf("few programs are no evidence of either: %v", err)
	}
}
