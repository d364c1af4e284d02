// Package sizeclass is layer 1: which size class serves a request, and how large its blocks are. It is arithmetic only;
// there is no state and no memory.
//
// Two ladders stand here. The small one is pymalloc's (CPython 3.11 Objects/obmalloc.c): classes at equal distance up
// to 512 bytes, 8 or 16 bytes apart.
//
//	request   1..16  17..32  33..48 ... 497..512     shift 4
//	class        0       1       2           31
//	block       16      32      48          512
//
// The large one serves the raw allocator: four steps in each doubling, up to 32 KiB.
//
//	16 32 48 64 | 80 96 112 128 | 160 192 224 256 | 320 384 448 512 | 640 ... 32768
//
// Equal distances would need 2048 classes there; powers of two would waste up to a half of a block. With four steps the
// waste is below a fifth of the block: the worst request of the step from 4u to 5u is 4u+1 in a block of 5u.
//
// What always holds, for every request n in range (the test tries all of them):
//
//  1. Size(Class(n)) >= n, and the class below would be too small.
//  2. Sizes ascend strictly, and each is a multiple of the alignment.
package sizeclass

import "math/bits"

// SmallMax is the largest request of the small ladder, in bytes.
const SmallMax = 512

// SmallClassesMax is the number of classes of the finer of the two small ladders.
const SmallClassesMax = SmallMax / 8

// Small returns the class of a request of n bytes, 1 <= n <= SmallMax. The mask tells the compiler that the shift is
// below 64, which saves it a comparison.
func Small(n uintptr, shift uint8) uintptr { return (n - 1) >> (shift & 63) }

// SmallSize returns the block size of a class of the small ladder, in bytes.
func SmallSize(class uintptr, shift uint8) uintptr { return (class + 1) << (shift & 63) }

// Capacity returns the number of blocks of size bytes in a pool. What is left over is lost ("quantization").
func Capacity(poolBytes, headerBytes, size uintptr) uintptr { return (poolBytes - headerBytes) / size }

// RawMax is the largest request of the large ladder, in bytes.
const RawMax = 32 << 10

// RawClasses is the number of classes of the large ladder: four up to 64 bytes, and four for each of the nine doublings
// from 64 to 32768.
const RawClasses = 4 + 9*4

// Raw returns the class of a request of n bytes, 1 <= n <= RawMax. Above 64 bytes the position of the highest bit of
// n-1 names the doubling, and the two bits below it name the step.
func Raw(n uintptr) uintptr {
	if n <= 64 {
		return (n - 1) >> 4
	}
	top := uintptr(bits.Len64(uint64(n - 1)))
	return (top-7)*4 + 4 + (n-1)>>((top-3)&63)&3
}

// RawSize returns the block size of a class of the large ladder, in bytes.
func RawSize(class uintptr) uintptr {
	if class < 4 {
		return (class + 1) << 4
	}
	return (5 + class&3) << ((class>>2 + 3) & 63)
}
