package prog_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"heapfuzz/props/prog"
)

// The language of a subject is a table. This one has three operations on blocks.
var (
	slot  = &prog.Domain{Name: "slot", Near: 7, Max: 255, IsSlot: true}
	bytes = &prog.Domain{Name: "bytes", Near: 64, Max: 4096, Edges: []uint64{15, 16, 17, 4095, 4096, 1 << 40}}

	pages = &prog.Domain{Name: "pages", Near: 8, Max: 1000}

	blocks = &prog.Spec{Name: "blocks", Slots: slot, World: []prog.Arg{{Name: "limit", Domain: pages}},
		Rows: []prog.Info{
			{Name: "alloc", Role: prog.Make, Args: []prog.Arg{{Name: "size", Domain: bytes}}, Weight: 3,
				Doc: "asks for size bytes"},
			{Name: "free", Role: prog.Kill, Args: []prog.Arg{{Name: "p", Domain: slot}}, Weight: 2,
				Doc: "gives p back"},
			{Name: "check", Weight: 1, Doc: "looks for damage"},
		}}
)

// A program is read from text, and its lines are data from then on.
func ExampleSpec_Parse() {
	p, err := blocks.Parse("demo.txt", strings.NewReader(`
		# two blocks, and one of them back
		p0 = alloc size=0x10
		p1 = alloc size=17
		free p0      -> ok
	`))
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Ops[1].Args[0]++
	fmt.Printf("%s", blocks.Format(p))

	_, err = blocks.Parse("demo.txt", strings.NewReader("p0 = alloc size=1\nfre p0\n"))
	fmt.Println(err)
	// Output:
	// p0 = alloc size=16
	// p1 = alloc size=18
	// free p0
	// demo.txt:2: unknown operation "fre"
}

// Any bytes are a program, and a program is bytes again.
func ExampleSpec_Decode() {
	p := blocks.Decode([]byte("any bytes at all, such as the ones of this sentence."))
	fmt.Printf("%s%v\n", blocks.Format(p), p.Equal(blocks.Decode(blocks.Encode(p))))
	// Output:
	// world limit=6
	// p1 = alloc size=4096
	// p0 = alloc size=16
	// p0 = alloc size=16
	// true
}

// A source of random numbers, a mix and a length are a program, and the same one everywhere. The last line is a stray:
// its slot is live, so that it has to mean nothing.
func ExampleSpec_Generate() {
	src := rand.New(rand.NewPCG(1, 2))
	p := blocks.Generate(src, blocks.NewMix(src, nil), 8)
	fmt.Printf("%s", blocks.Format(p))
	// Output:
	// world limit=7
	// p0 = alloc size=1533
	// p1 = alloc size=131
	// p2 = alloc size=85
	// free p1
	// free p0
	// check
	// p0 = alloc size=192
	// p0 = alloc size=16
}

// The table documents itself.
func ExampleSpec_Doc() {
	fmt.Print(blocks.Doc())
	// Output:
	// | operation | what it does |
	// |---|---|
	// | `world limit=pages` | configures the target, in the first line |
	// | `p = alloc size=bytes` | asks for size bytes |
	// | `free p` | gives p back |
	// | `check` | looks for damage |
}
