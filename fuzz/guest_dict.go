//go:build !gofuzz

package fuzz

import (
	"fmt"
	"strings"

	"heapfuzz/fuzz/pipe"
	"heapfuzz/fuzz/shim"
	"heapfuzz/props"
	"heapfuzz/props/dicttest"
)

// guestPart starts a guest that is a dict or a cache once, to see what it promises. After the name of the interpreter
// comes the one of the part:
//
//	cpython-3.11/dict          the dict, with numbers for keys, or objects
//	cpython-3.11/strdict       the dict, with strings for keys
//	cpython-3.11/reversible    the dict, from whose end iterations begin, too: some of them crash the process
//	cpython-3.11/ordereddict   OrderedDict
//	cpython-3.11/cache         functools.lru_cache
//	cpython-3.11/orderedcache  a cache that is written with an OrderedDict
func guestPart(name, python, part string) (Target, error) {
	argv := func(text, kind string) []string { return []string{python, "-S", "-E", "-c", text, kind} }
	t := Target{Name: name, Smoke: 1, Doc: "CPython's own, in another process: "}
	var err error
	switch part {
	case "dict", "strdict", "reversible", "ordereddict":
		err = guestDict(&t, argv(shim.PythonDict, part))
	case "cache":
		err = guestCache(&t, argv(shim.PythonCache, "lru"))
	case "orderedcache":
		err = guestCache(&t, argv(shim.PythonCache, "ordereddict"))
	default:
		err = fmt.Errorf("a CPython has /dict, /strdict, /reversible, /ordereddict, /cache and /orderedcache")
	}
	if err != nil {
		err = fmt.Errorf("target %s: %w", name, err)
	}
	return t, err
}

func guestDict(t *Target, argv []string) error {
	d, err := pipe.StartDict(argv...)
	if err != nil {
		return err
	}
	contract, name := d.Contract, t.Name
	t.Subject, t.Contract, t.Doc = "dict", contract, t.Doc+d.Name
	t.New = func() *props.Subject {
		var d *pipe.Dicts
		return dicttest.Subject(name, contract, func(w dicttest.World) (dicttest.Store, error) {
			if d == nil {
				started, err := pipe.StartDict(argv...)
				if err != nil {
					return nil, err
				}
				d = started
			}
			if w.Hash == 0 && w.Variant&1 == 0 || strings.HasSuffix(name, "/strdict") {
				return d, d.Reset(w.Variant, nil)
			}
			return d, d.Reset(w.Variant, w.Hasher())
		})
	}
	return d.Quit()
}

func guestCache(t *Target, argv []string) error {
	c, err := pipe.StartCache(argv...)
	if err != nil {
		return err
	}
	contract, name := c.Contract, t.Name
	t.Subject, t.Contract, t.Doc = "cache", contract, t.Doc+c.Name
	t.New = func() *props.Subject {
		var c *pipe.Cache
		return dicttest.CacheSubject(name, contract, func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			if c == nil {
				started, err := pipe.StartCache(argv...)
				if err != nil {
					return nil, err
				}
				c = started
			}
			if w.Hash == 0 {
				return c, c.Reset(w.Capacity, nil)
			}
			return c, c.Reset(w.Capacity, w.Hasher())
		})
	}
	return c.Quit()
}
