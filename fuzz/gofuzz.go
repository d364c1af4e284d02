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

// shared are the engines of this process, by language. It is restarted every 10,000 executions.
var shared = map[string]*engine{}

// Fuzz tries an allocator. It is for go-fuzz:
//
//	go tool go-fuzz-build -func Fuzz -o heap.zip ./fuzz
//	go tool go-fuzz -bin heap.zip -func Fuzz -workdir w -procs 1
func Fuzz(data []byte) int { return try("heap", data) }

// FuzzGraphBytes tries a heap of objects in the same way. FuzzGraph is the function of Go's own engine.
func FuzzGraphBytes(data []byte) int { return try("graph", data) }

// FuzzDictBytes and FuzzCacheBytes try a dict and a cache.
func FuzzDictBytes(data []byte) int { return try("dict", data) }

func FuzzCacheBytes(data []byte) int { return try("cache", data) }

// FuzzValueBytes tries a store of values.
func FuzzValueBytes(data []byte) int { return try("value", data) }

// try returns 1 when the program that data means did something, and panics when it broke a rule.
func try(language string, data []byte) int {
	e := shared[language]
	if e == nil {
		var err error
		if e, err = newEngine(language); err != nil {
			panic(err)
		}
		shared[language] = e
	}
	f, effective, err := e.execute(data)
	if err != nil {
		panic(err)
	}
	if f != nil {
		println(e.report(f))
		panic(f.Signature())
	}
	if !effective {
		return 0
	}
	return 1
}
