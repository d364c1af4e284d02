//go:build gofuzz

package fuzz

// What go-fuzz-build makes difficult, and how this package lives with it:
//
//   - It rewrites the sources of everything but the standard library. A //go: directive directly after the closing
//     brace of another function is then misplaced and does not compile: a doc comment above the directive cures it.
//   - The package of the fuzz function must not be all cgo, and there must be no vendor folder. There is no cgo here.
//   - Crashers are told apart by the line "panic: ..." and the functions on the stack, so a text with an address in it
//     makes each a new one: what varies is printed before, and the panic says the signature.
//   - The tool has no go.mod, so it is run as `go tool go-fuzz-build`, which gives it this module's language version.
//   - Input is memory shared with the coordinator: nothing of it is kept.

// shared is the engine of this process, which is restarted every 10,000 executions.
var shared *engine

// Fuzz is for go-fuzz:
//
//	go tool go-fuzz-build -o heap.zip ./fuzz
//	go tool go-fuzz -bin heap.zip -func Fuzz -workdir w -procs 1
func Fuzz(data []byte) int {
	if shared == nil {
		e, err := newEngine()
		if err != nil {
			panic(err)
		}
		shared = e
	}
	f, effective, err := shared.try(data)
	if err != nil {
		panic(err)
	}
	if f != nil {
		println(shared.report(f))
		panic(f.Signature())
	}
	if !effective {
		return 0
	}
	return 1
}
