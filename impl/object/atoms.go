package object

import (
	"math"
	"math/big"
	"math/bits"

	"heapfuzz/impl/page"
)

// Offsets in the bodies of atoms.
const (
	intSize   = offBody     // number of digits, negative of a negative number
	intDigits = offBody + 8 // digits of 30 bits, 4 bytes each
	intPlain  = offBody     // the C long of 2.7

	floatBits = offBody

	bytesSize = offBody // and the hash behind it
	bytesData = offBody + 16

	arraySize = offBody
	arrayData = offBody + 16 // address of the bytes, one more than the size, or 0

	capsuleScript = offBody
)

const digitBits = 30

// NewInt returns a number, or 0 if there is no memory. From -5 to 256 it is always the same object.
func (h *Heap) NewInt(v int64) Ref {
	if v < intCachedMin || v > intCachedMax {
		h.seen[intMade]++
		return h.makeInt(typeInt, v)
	}
	slot := &h.cached.ints[v-intCachedMin]
	if *slot == 0 {
		h.cacheAs(slot, h.makeInt(typeInt, v), h.prof.CacheCount)
	} else {
		h.seen[intMet]++
	}
	h.Incref(*slot)
	return *slot
}

// makeInt makes a number, or a bool, that fits 64 bits.
func (h *Heap) makeInt(id TypeID, v int64) Ref {
	if h.prof.ByteStr {
		o := h.alloc(id, 0)
		if o != 0 {
			o.store(intPlain, uintptr(v))
		}
		return o
	}
	n := uint64(v)
	if v < 0 {
		n = -n
	}
	digits := (bits.Len64(n) + digitBits - 1) / digitBits
	o := h.allocDigits(id, digits, v < 0)
	if o == 0 {
		return 0
	}
	for i := range digits {
		page.Store32(uintptr(o)+intDigits+uintptr(i)*4, uint32(n)&(1<<digitBits-1))
		n >>= digitBits
	}
	return o
}

// allocDigits makes a number whose digits are 0.
func (h *Heap) allocDigits(id TypeID, digits int, negative bool) Ref {
	o := h.alloc(id, uintptr(h.digitBytes(digits)))
	if o == 0 {
		return 0
	}
	if negative {
		digits = -digits
	}
	o.store(intSize, uintptr(digits))
	return o
}

// digitBytes is what the digits of a number take. 0 has none up to 3.10.
func (h *Heap) digitBytes(digits int) int {
	if digits == 0 && h.prof.ZeroDigit {
		digits = 1
	}
	return 4 * digits
}

// NewBigInt returns a number of any size, or 0 if there is no memory. In 2.7 one that does not fit 64 bits is a long.
func (h *Heap) NewBigInt(v *big.Int) Ref {
	if v.IsInt64() {
		return h.NewInt(v.Int64())
	}
	h.seen[intLong]++
	id := typeInt
	if h.prof.ByteStr {
		id = typeLong
	}
	digits := (v.BitLen() + digitBits - 1) / digitBits
	o := h.allocDigits(id, digits, v.Sign() < 0)
	if o == 0 {
		return 0
	}
	rest, digit, mask := new(big.Int).Abs(v), new(big.Int), big.NewInt(1<<digitBits-1)
	for i := range digits {
		page.Store32(uintptr(o)+intDigits+uintptr(i)*4, uint32(digit.And(rest, mask).Uint64()))
		rest.Rsh(rest, digitBits)
	}
	return o
}

// isPlain tells whether an int or bool is a C long.
func (h *Heap) isPlain(o Ref) bool { return h.prof.ByteStr && TypeID(o.word()) != typeLong }

// digits is how many digits an int or bool has.
func (h *Heap) digits(o Ref) int {
	n := int(o.load(intSize))
	return max(n, -n)
}

// IntValue returns the value of an int or bool.
func (h *Heap) IntValue(o Ref) *big.Int {
	if h.isPlain(o) {
		return big.NewInt(int64(o.load(intPlain)))
	}
	v := new(big.Int)
	for i := h.digits(o) - 1; i >= 0; i-- {
		v.Lsh(v, digitBits)
		v.Or(v, big.NewInt(int64(page.Load32(uintptr(o)+intDigits+uintptr(i)*4))))
	}
	if int(o.load(intSize)) < 0 {
		v.Neg(v)
	}
	return v
}

// smallInt is the value of an int or bool, if it has two digits at most.
func (h *Heap) smallInt(o Ref) (int64, bool) {
	if h.isPlain(o) {
		return int64(o.load(intPlain)), true
	}
	n, v := h.digits(o), int64(0)
	if n > 2 {
		return 0, false
	}
	for i := n - 1; i >= 0; i-- {
		v = v<<digitBits | int64(page.Load32(uintptr(o)+intDigits+uintptr(i)*4))
	}
	if int(o.load(intSize)) < 0 {
		v = -v
	}
	return v, true
}

// sameInt tells whether two numbers, or bools, are equal.
func (h *Heap) sameInt(a, b Ref) bool {
	if h.isPlain(a) != h.isPlain(b) || a.load(intSize) != b.load(intSize) {
		return false // with ByteStr, a long is never a number that fits a C long
	}
	if h.isPlain(a) {
		return true
	}
	n := uintptr(h.digits(a)) * 4
	return string(page.View(uintptr(a)+intDigits, n)) == string(page.View(uintptr(b)+intDigits, n))
}

// NewFloat returns a new float, or 0 if there is no memory.
func (h *Heap) NewFloat(v float64) Ref {
	o := h.alloc(typeFloat, 0)
	if o != 0 {
		o.store(floatBits, uintptr(math.Float64bits(v)))
	}
	return o
}

// FloatValue returns the value of a float.
func (h *Heap) FloatValue(o Ref) float64 { return math.Float64frombits(uint64(o.load(floatBits))) }

// NewComplex returns a new complex number, or 0 if there is no memory.
func (h *Heap) NewComplex(v complex128) Ref {
	o := h.alloc(typeComplex, 0)
	if o != 0 {
		o.store(floatBits, uintptr(math.Float64bits(real(v))))
		o.store(floatBits+8, uintptr(math.Float64bits(imag(v))))
	}
	return o
}

// ComplexValue returns the value of a complex number.
func (h *Heap) ComplexValue(o Ref) complex128 {
	return complex(h.FloatValue(o), math.Float64frombits(uint64(o.load(floatBits+8))))
}

// NewBytes returns a bytes object, or 0 if there is no memory. Empty, or of one byte, it is always the same object. In
// 2.7 it is a string.
func (h *Heap) NewBytes(b []byte) Ref {
	if h.prof.ByteStr {
		return h.newByteStr(b)
	}
	if len(b) > 1 {
		return h.makeBytes(b)
	}
	slot := &h.cached.noBytes
	if len(b) == 1 {
		slot = &h.cached.bytes[b[0]]
	}
	if *slot == 0 {
		h.cacheAs(slot, h.makeBytes(b), h.prof.CacheCount)
	}
	h.Incref(*slot)
	return *slot
}

// ReadBytes returns what an unpickler makes of bytes, or 0 if there is no memory: from 3.8 on a new object, if there is
// any byte to read into it.
func (h *Heap) ReadBytes(b []byte) Ref {
	if h.prof.BytesInto && len(b) > 0 {
		return h.makeBytes(b)
	}
	return h.NewBytes(b)
}

func (h *Heap) makeBytes(b []byte) Ref {
	o := h.alloc(typeBytes, uintptr(len(b))+1)
	if o != 0 {
		o.store(bytesSize, uintptr(len(b)))
		copy(page.View(uintptr(o)+bytesData, uintptr(len(b))), b)
	}
	return o
}

// NewByteArray returns a bytearray of these bytes, or 0 if there is no memory.
func (h *Heap) NewByteArray(b []byte) Ref {
	o := h.alloc(typeByteArray, 0)
	if o == 0 || len(b) == 0 {
		return o
	}
	n := uintptr(len(b))
	data := h.allocBlock(n + 1)
	if data == 0 {
		h.release(o)
		return 0
	}
	copy(page.View(data, n), b)
	o.store(arraySize, n)
	o.store(arrayData, data)
	return o
}

// NewRange returns range(start, stop, step), which refers to its bounds and to its length, or 0 if there is no memory.
// step is not 0. In 2.7 it is an xrange, which has C longs instead.
func (h *Heap) NewRange(start, stop, step int64) Ref {
	o := h.alloc(typeRange, 0)
	if o == 0 {
		return 0
	}
	if h.prof.ByteStr {
		return o
	}
	for i, v := range [4]int64{start, stop, step, rangeLen(start, stop, step)} {
		n := h.NewInt(v)
		if n == 0 {
			h.Decref(o)
			return 0
		}
		o.store(offBody+uintptr(i)*8, uintptr(n))
	}
	return o
}

// rangeLen is how many numbers a range has.
func rangeLen(start, stop, step int64) int64 {
	switch {
	case step > 0 && start < stop:
		return (stop-start-1)/step + 1
	case step < 0 && start > stop:
		return (start-stop-1)/-step + 1
	}
	return 0
}

// NewCapsule returns an object whose only matter is what happens when it dies: an entry in the log and its script. It
// is an atom that nobody can bring back, so Resurrect and DropRef are no scripts for it. It is 0 if there is no memory.
func (h *Heap) NewCapsule(s Script) Ref {
	if s == Resurrect || s == DropRef || s > Collect {
		panic("object: a capsule cannot do that")
	}
	o := h.alloc(typeCapsule, 0)
	if o != 0 {
		o.store(capsuleScript, uintptr(s))
	}
	return o
}
