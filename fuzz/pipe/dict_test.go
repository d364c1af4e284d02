package pipe

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/dicttest"
	"heapfuzz/props/prog"
)

// dictSide is dict.Reference behind the protocol, and wrong about one question if it is told which.
type dictSide struct {
	wrong string
	store *dict.ReferenceStore
	dicts []dict.Dict
	iters []dict.Iterator
}

func (s *dictSide) serve(in *bufio.Scanner) {
	for in.Scan() {
		words := strings.Fields(in.Text())
		var ns [3]uint64
		for i, w := range words[1:] {
			ns[i], _ = strconv.ParseUint(w, 10, 64)
		}
		if words[0] == "quit" || words[0] == "resume" {
			return
		}
		fmt.Println(strings.TrimSpace("ok " + s.answer(in, words[0], ns)))
	}
}

// answer returns the numbers behind ok.
func (s *dictSide) answer(in *bufio.Scanner, verb string, ns [3]uint64) string {
	if verb == "reset" {
		*s = dictSide{wrong: s.wrong, store: dict.NewReferenceStore(), dicts: []dict.Dict{nil}}
		return ""
	}
	made := func(d dict.Dict) string {
		s.dicts = append(s.dicts, d)
		return fmt.Sprint(d.Len(), len(s.dicts)-1)
	}
	var d *dict.Reference
	if verb != "new" && verb != "next" && verb != "stop" && verb != "key" {
		d = s.dicts[ns[0]].(*dict.Reference)
	}
	text := ""
	switch verb {
	case "new":
		return made(s.store.New(0))
	case "copy":
		return made(d.Copy())
	case "rebuild":
		return made(d.Rebuild())
	case "fromkeys":
		return made(d.FromKeys(ns[1]))
	case "next":
		key, value, step := s.iters[ns[0]].Next()
		if step == dict.End {
			return ""
		}
		return fmt.Sprint(key, value)
	case "key", "stop":
		return ""
	case "drop":
		d.Free()
		return ""
	case "iter":
		it := d.Iterate()
		if ns[1] != 0 {
			it = d.Reversed()
		}
		s.iters = append(s.iters, it)
		text = fmt.Sprint(len(s.iters) - 1)
	case "compare":
		d.OnCompare(nil)
		if ns[1] != 0 {
			d.OnCompare(func() {
				fmt.Println("event compare", ns[0])
				s.serve(in)
			})
		}
	default:
		text = s.about(verb, d, ns)
	}
	if verb == s.wrong {
		text = ""
	}
	return fmt.Sprint(d.Len(), " ", text)
}

func (s *dictSide) about(verb string, d *dict.Reference, ns [3]uint64) string {
	one := func(value uint64, ok bool) string {
		if !ok {
			return ""
		}
		return fmt.Sprint(value)
	}
	switch verb {
	case "get":
		return one(d.Get(ns[1]))
	case "set":
		d.Set(ns[1], ns[2])
	case "del":
		return fmt.Sprint(digit(d.Delete(ns[1])))
	case "pop":
		return one(d.Pop(ns[1]))
	case "setdefault":
		return one(d.SetDefault(ns[1], ns[2]))
	case "popitem":
		if key, value, ok := d.PopItem(); ok {
			return fmt.Sprint(key, value)
		}
	case "popfirst":
		if key, value, ok := d.PopFirst(); ok {
			return fmt.Sprint(key, value)
		}
	case "move":
		return fmt.Sprint(digit(d.Move(ns[1], ns[2] != 0)))
	case "clear":
		d.Clear()
	case "update":
		d.Update(s.dicts[ns[1]])
	case "equal":
		return fmt.Sprint(digit(d.Equal(s.dicts[ns[1]])))
	case "size":
		return fmt.Sprint(d.Size())
	}
	return ""
}

// serveDicts is the other side of the modes that begin with dict.
func serveDicts(wrong string) {
	fmt.Println("heapfuzz 1 dict name=reference order=insertion during=live reentrant=1 parts=" +
		strings.Join(DictParts, ","))
	s := dictSide{wrong: wrong}
	s.serve(bufio.NewScanner(os.Stdin))
}

// startDicts starts a command as the other side.
func startDicts(t *testing.T, argv ...string) *Dicts {
	t.Helper()
	d, err := StartDict(argv...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Quit() })
	return d
}

// try has random programs of a few hundred operations conform.
func try(s *props.Subject, programs int) error {
	src, r := rand.New(rand.NewPCG(1, 0)), props.Runner{}
	for range programs {
		p := s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), min(prog.Length(src), 300))
		res, err := r.Run(s, p)
		if err != nil {
			return err
		}
		if res.Violation != nil {
			return errors.New(res.Violation.Error())
		}
	}
	return nil
}

func tryDicts(d *Dicts, programs int) error {
	return try(dicttest.Subject(d.Name, d.Contract, func(w dicttest.World) (dicttest.Store, error) {
		if w.Hash == 0 || strings.HasSuffix(d.Name, "/strdict") {
			return d, d.Reset(w.Variant, nil)
		}
		return d, d.Reset(w.Variant, w.Hasher())
	}), programs)
}

// TestDicts drives the reference through two processes: all that happens in it passes the pipe.
func TestDicts(t *testing.T) {
	t.Setenv("HEAPFUZZ_OTHER_SIDE", "dict")
	d := startDicts(t, os.Args[0])
	c := d.Contract
	if d.Name != "reference" || c.Order != dict.Insertion || c.During != dict.Live || !c.Reentrant || c.Retained != -1 {
		t.Errorf("%+v", d)
	}
	if err := tryDicts(d, 40); err != nil {
		t.Error(err)
	}
}

// TestDictsSkew has the other side leave numbers out of an answer: that is no answer.
func TestDictsSkew(t *testing.T) {
	for _, verb := range []string{"del", "setdefault", "equal", "size", "iter", "move"} {
		t.Setenv("HEAPFUZZ_OTHER_SIDE", "dict "+verb)
		d := startDicts(t, os.Args[0])
		if err := tryDicts(d, 200); err == nil || !strings.Contains(err.Error(), `answers "`+verb) {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

// TestPythonDicts runs the suite on the interpreter that is found.
func TestPythonDicts(t *testing.T) {
	python := python(t)
	for _, kind := range []string{"dict", "strdict", "ordereddict"} {
		d := startDicts(t, python, "../shim/python/dict.py", kind)
		if !strings.HasSuffix(d.Name, "/"+kind) || len(d.Contract.Stairs) == 0 && kind != "ordereddict" {
			t.Errorf("%+v", d)
		}
		if err := tryDicts(d, 20); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	d := startDicts(t, python, "../shim/python/dict.py")
	d.Contract.Stairs[3].Bytes-- // which is not so
	if err := tryDicts(d, 200); err == nil || !strings.Contains(err.Error(), "dict/size-stairs") {
		t.Errorf("a promise that it does not keep was not refuted: %v", err)
	}
}

// TestDictGreeting tries first lines that are wrong.
func TestDictGreeting(t *testing.T) {
	for hello, want := range map[string]string{
		"heapfuzz 1 graph":                 "the first line",
		"heapfuzz 1 dict parts=wings":      `no part "wings"`,
		"heapfuzz 1 dict during=lunch":     "during=lunch means nothing",
		"heapfuzz 1 dict stairs=5:1,x:2":   "stairs=5:1,x:2 means nothing",
		"heapfuzz 1 dict reentrant=2":      "reentrant=2 means nothing",
		"heapfuzz 1 dict order=descending": "order=descending means nothing",
	} {
		d := &Dicts{}
		d.talk = talk{subject: "dict", known: DictParts, promise: d.promised}
		if err := d.greet(hello); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", hello, err)
		}
	}
	for text, want := range map[string]bool{"": true, "1 2": true, "-1": true, "1  2": false, "1 ": false, "x": false} {
		if _, ok := numbersOf(nil, text); ok != want {
			t.Errorf("%q is numbers: %v", text, ok)
		}
	}
}
