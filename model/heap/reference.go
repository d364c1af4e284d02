package heap

import "unsafe"

// Reference is the allocator that is believed by eye: every block is a Go slice of its own, found again by its address.
// It keeps every promise of ReferenceContract and shares no memory between blocks.
type Reference struct {
	blocks  map[unsafe.Pointer][]byte
	bytes   uint64
	failIn  int // requests until one fails; 0: none does
	failAll bool
}

// ReferenceContract is what Reference promises.
var ReferenceContract = Contract{
	Align: 16, AlignMax: 1 << 16, SizeMax: 1 << 22, Waste: [3]Waste{{UpTo: 1 << 22, Shift: 64}},
	Resized: Waste{UpTo: 1 << 22, Shift: 64}, AlignStrict: true, Requests: true, Usables: true,
	DoubleFree: Detected, InteriorFree: Detected, StrayFree: Detected,
	ForeignFree: Detected, WildFree: Detected, CrossFree: Detected,
}

// NewReference returns an empty Reference.
func NewReference() *Reference { return &Reference{blocks: map[unsafe.Pointer][]byte{}} }

func (r *Reference) Alloc(size uintptr) unsafe.Pointer { return r.AlignedAlloc(16, size) }

func (r *Reference) AlignedAlloc(align, size uintptr) unsafe.Pointer {
	if !IsAlign(align) {
		return nil
	}
	align = max(align, 16)
	if r.refuses() || size > ReferenceContract.SizeMax || align > ReferenceContract.AlignMax {
		return nil
	}
	room := make([]byte, size+align)
	// The address of a slice's first byte is only looked at: Go's collector does not move it, and room stays in the
	// map.
	skip := -uintptr(unsafe.Pointer(&room[0])) & (align - 1)
	b := room[skip : skip+max(size, 1) : skip+max(size, 1)]
	p := unsafe.Pointer(&b[0])
	r.blocks[p] = b[:size]
	r.bytes += uint64(size)
	return p
}

func (r *Reference) Calloc(count, size uintptr) unsafe.Pointer {
	if size != 0 && count > ^uintptr(0)/size {
		return nil
	}
	return r.Alloc(count * size)
}

func (r *Reference) Realloc(p unsafe.Pointer, size uintptr) unsafe.Pointer {
	q := r.Alloc(size)
	if p == nil || q == nil {
		return q
	}
	copy(r.blocks[q], r.blocks[p])
	r.Free(p)
	return q
}

func (r *Reference) Free(p unsafe.Pointer) {
	if p == nil {
		return
	}
	b, ok := r.blocks[p]
	if !ok {
		panic("heap: free of what is no live block")
	}
	r.bytes -= uint64(len(b))
	delete(r.blocks, p)
}

func (r *Reference) UsableSize(p unsafe.Pointer) uintptr { return uintptr(len(r.blocks[p])) }

func (r *Reference) Usage() (blocks, bytes, footprint uint64) {
	return uint64(len(r.blocks)), r.bytes, r.bytes
}

// InjectOOM counts every block as a request, since each has its own memory.
func (r *Reference) InjectOOM(nth int, persistent bool) { r.failIn, r.failAll = nth, persistent }

func (r *Reference) refuses() bool {
	if r.failIn == 0 {
		return false
	}
	if r.failIn > 1 {
		r.failIn--
		return false
	}
	if !r.failAll {
		r.failIn = 0
	}
	return true
}
