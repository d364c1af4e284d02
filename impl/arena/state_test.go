package arena

import (
	"testing"
	"unsafe"

	"heapfuzz/impl/profile"
)

// A pool of the class of 512 bytes has seven blocks with small pools: it is filled and emptied, and a block outside
// looked at.
func TestState(t *testing.T) {
	prof, _ := profile.ByName("3.9")
	a, err := New(Config{Profile: prof})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var blocks [7]unsafe.Pointer
	want := [7]uint8{stateFirst, stateSome, stateSome, stateSome, stateSome, stateWorn, stateFull}
	for i := range blocks {
		blocks[i] = a.Alloc(512)
		if got := a.State(blocks[i]); got != want[i] {
			t.Errorf("with %d blocks: state %d, want %d", i+1, got, want[i])
		}
	}
	a.Free(blocks[6])
	if got := a.State(blocks[0]); got != stateWorn {
		t.Errorf("with one free again: state %d, want %d", got, stateWorn)
	}
	for _, b := range blocks[1:6] {
		a.Free(b)
	}
	if got := a.State(blocks[0]); got != stateAlone {
		t.Errorf("alone: state %d, want %d", got, stateAlone)
	}
	if got := a.State(a.Alloc(513)); got != stateLarge {
		t.Errorf("a large block: state %d, want %d", got, stateLarge)
	}
}
