package slab

// blockMin is the least block size and what every other is a multiple of: the strictest alignment of a C type.
const blockMin = 16

// alignMax is the greatest alignment of AlignedAlloc. Every mapping is aligned to a slab, and no slab is smaller.
const alignMax = 4096

// classSizes has all block sizes: multiples of 16 up to 128, then four to a doubling. A slab has at least eight
// blocks, so a configuration uses only those up to an eighth of its slab.
var classSizes = [...]uintptr{
	16, 32, 48, 64, 80, 96, 112, 128,
	160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024,
	1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192,
}

// classMost is the greatest size of a block that lies in a slab with others.
const classMost = 8192

// classTable maps (n+15)/16, for every request n up to classMost, to its class. It does not depend on the
// configuration.
var classTable = func() (t [classMost/blockMin + 1]uint8) {
	class := 0
	for i := range t {
		if uintptr(i)*blockMin > classSizes[class] {
			class++
		}
		t[i] = uint8(class)
	}
	return t
}()

// classOf is the least class that holds n bytes, n <= classMost. A request of 0 bytes gets a block like one of 1.
func classOf(n uintptr) int { return int(classTable[(n+blockMin-1)/blockMin]) }

// reciprocal is the factor that turns the division of an offset in a slab by the block size into a multiplication:
// off/size == off*reciprocal(size)>>32 for every off below 65536.
//
// Let r = ceil(2^32/size) = (2^32+e)/size with e < size. Then off*r/2^32 = off/size + off*e/(size*2^32), and the
// second term must stay below 1/size, that is off*e < 2^32. This holds for size <= 65536, since both factors are
// below 2^16. For a greater size r <= 65536, and off*r < 2^16 * 2^16: the quotient is 0, which is right, since off <
// size.
func reciprocal(size uintptr) uint64 { return (1<<32 + uint64(size) - 1) / uint64(size) }
