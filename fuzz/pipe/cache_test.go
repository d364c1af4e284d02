package pipe

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
)

// serveCache is dict.CacheReference behind the protocol, and wrong about one question if it is told which.
func serveCache(wrong string) {
	fmt.Println("heapfuzz 1 cache name=reference policy=lru zero=empty negative=empty clearresets=1 parts=" +
		strings.Join(CacheParts, ","))
	s := cacheSide{in: bufio.NewScanner(os.Stdin), wrong: wrong}
	s.serve()
}

type cacheSide struct {
	in    *bufio.Scanner
	cache *dict.CacheReference
	wrong string
}

// serve answers until the host says resume, and returns what follows.
func (s *cacheSide) serve() []string {
	for s.in.Scan() {
		words := strings.Fields(s.in.Text())
		var ns [2]uint64
		for i, w := range words[1:] {
			ns[i], _ = strconv.ParseUint(w, 10, 64)
		}
		switch words[0] {
		case "quit", "resume":
			return words[1:]
		case "reset":
			s.reset(int(ns[0]), ns[1] != 0)
			fmt.Println("ok")
		case "key":
			fmt.Println("ok")
		default:
			text := s.answer(words[0], ns[0], ns[1])
			if words[0] == s.wrong {
				text = ""
			}
			fmt.Println(strings.TrimSpace(fmt.Sprint("ok ", s.cache.Len(), " ", text)))
		}
	}
	return nil
}

func (s *cacheSide) reset(capacity int, negative bool) {
	if negative {
		capacity = -capacity
	}
	s.cache = dict.NewCacheReference(capacity)
	s.cache.OnEvict(func(key, value uint64) {
		fmt.Println("event evicted", key, value)
		s.serve()
	})
	s.cache.OnMiss(func(key uint64) (uint64, bool) {
		fmt.Println("event miss", key)
		words := s.serve()
		if len(words) == 0 {
			return 0, false
		}
		value, err := strconv.ParseUint(words[0], 10, 64)
		return value, err == nil
	})
}

func (s *cacheSide) answer(verb string, key, value uint64) string {
	c := s.cache
	one := func(value uint64, ok bool) string {
		if !ok {
			return ""
		}
		return fmt.Sprint(value)
	}
	switch verb {
	case "call":
		return one(c.Call(key))
	case "get":
		return one(c.Get(key))
	case "peek":
		return one(c.Peek(key))
	case "put":
		return fmt.Sprint(digit(c.Put(key, value)))
	case "contains":
		return fmt.Sprint(digit(c.Contains(key)))
	case "remove":
		return fmt.Sprint(digit(c.Remove(key)))
	case "removeoldest":
		if key, value, ok := c.RemoveOldest(); ok {
			return fmt.Sprint(key, value)
		}
	case "clear":
		c.Clear()
	case "resize":
		c.Resize(int(key))
	case "keys":
		text := ""
		c.Keys(func(key uint64) { text += fmt.Sprint(key, " ") })
		return text
	case "info":
		return fmt.Sprint(c.Info())
	}
	return ""
}

func startCache(t *testing.T, argv ...string) *Cache {
	t.Helper()
	c, err := StartCache(argv...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Quit() })
	return c
}

func tryCache(c *Cache, programs int) error {
	return try(dicttest.CacheSubject(c.Name, c.Contract, func(w dicttest.CacheWorld) (dicttest.Cache, error) {
		return c, c.Reset(w.Capacity, w.Hasher())
	}), programs)
}

// TestCache drives the reference through two processes.
func TestCache(t *testing.T) {
	t.Setenv("HEAPFUZZ_OTHER_SIDE", "cache")
	c := startCache(t, os.Args[0])
	if p := c.Contract; c.Name != "reference" || p.Policy != dict.LRU || p.Zero != dict.Empty || !p.ClearResets {
		t.Errorf("%+v", c)
	}
	if err := tryCache(c, 40); err != nil {
		t.Error(err)
	}
}

// TestCacheSkew has the other side leave numbers out of an answer: that is no answer.
func TestCacheSkew(t *testing.T) {
	for _, verb := range []string{"put", "contains", "remove", "info"} {
		t.Setenv("HEAPFUZZ_OTHER_SIDE", "cache "+verb)
		c := startCache(t, os.Args[0])
		if err := tryCache(c, 200); err == nil || !strings.Contains(err.Error(), `answers "`+verb) {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

// TestPythonCache runs the suite on the interpreter that is found.
func TestPythonCache(t *testing.T) {
	python := python(t)
	if exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 7))").Run() != nil {
		t.Skip("lru_cache of 3.6 evicts too much (bpo-35780)")
	}
	for _, kind := range []string{"lru", "ordereddict"} {
		c := startCache(t, python, "../shim/python/cache.py", kind)
		if err := tryCache(c, 20); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		c.Contract.Policy = dict.FIFO // which is not so
		if err := tryCache(c, 200); err == nil || !strings.Contains(err.Error(), "cache/") {
			t.Errorf("%s: a promise that it does not keep was not refuted: %v", kind, err)
		}
	}
}

// TestCacheGreeting tries first lines and events that are wrong.
func TestCacheGreeting(t *testing.T) {
	for hello, want := range map[string]string{
		"heapfuzz 1 dict":                 "the first line",
		"heapfuzz 1 cache policy=whim":    "policy=whim means nothing",
		"heapfuzz 1 cache zero=something": "zero=something means nothing",
		"heapfuzz 1 cache parts=iter":     `no part "iter"`,
	} {
		c := &Cache{}
		c.talk = talk{subject: "cache", known: CacheParts, promise: c.promised}
		if err := c.greet(hello); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", hello, err)
		}
	}
	c := &Cache{evicted: func(uint64, uint64) {}}
	for event, want := range map[string]bool{
		"evicted 1 2": true, "evicted 1": false, "evicted x y": false, "miss 1": false, "lost 1 2": false,
	} {
		if _, ok := c.told(event); ok != want {
			t.Errorf("%q is an event: %v", event, ok)
		}
	}
}
