package heaptest

import "math/bits"

// What a driver counts by itself, of any allocator: which sizes were handed out, how many blocks lived at once, whether
// a block moved when it was resized, and that there was no memory.
const (
	sizeZero   = iota
	sizeTiny   // up to 16 bytes
	sizeSmall  // up to 512
	sizePage   // up to 4 KiB
	sizeMedium // up to 64 KiB
	sizeLarge
	liveSome // 4 blocks at once, then 16, 64 and 256
	liveTens
	liveCrowd
	liveHundreds
	movedNot
	movedTo
	noMemory
	transitions
)

var transitionNames = [transitions]string{
	sizeZero: "size/0", sizeTiny: "size/16", sizeSmall: "size/512", sizePage: "size/4096", sizeMedium: "size/65536",
	sizeLarge: "size/larger", liveSome: "live/4", liveTens: "live/16", liveCrowd: "live/64",
	liveHundreds: "live/256", movedNot: "resized/in-place", movedTo: "resized/moved", noMemory: "refused",
}

// sizeStep is the transition of a block of size bytes.
func sizeStep(size uintptr) int {
	switch {
	case size == 0:
		return sizeZero
	case size <= 16:
		return sizeTiny
	case size <= 512:
		return sizeSmall
	case size <= 4096:
		return sizePage
	case size <= 64<<10:
		return sizeMedium
	}
	return sizeLarge
}

// crowded counts that the number of live blocks became 4, 16, 64 or 256.
func (d *driver) crowded() {
	if n := uint(d.blocks); n >= 4 && n <= 256 && n&(n-1) == 0 && bits.TrailingZeros(n)%2 == 0 {
		d.seen[liveSome+bits.TrailingZeros(n)/2-1]++
	}
}

// transitions tells what the driver counted, and what the allocator did.
func (d *driver) transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		if i == sizeZero && d.contract.ZeroNil || (i == movedNot || i == movedTo) && d.realloc == nil ||
			i == noMemory && d.oom == nil {
			continue
		}
		visit(name, d.seen[i])
	}
	if d.witness != nil {
		d.witness.Transitions(visit)
	}
}
