package dict

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"testing"
)

// A world runs programs in the language of scripts/golden_dict.py on our dict and answers as that script does. It is
// the Hooks and the Tracker of its space, and counts who holds what, so that at the end nothing may be left.
type world struct {
	t       testing.TB
	s       *Space
	things  []thing // objects; a word is (index+1) << 4
	same    map[string]Word
	strs    map[string]Word
	list    Word
	tracked map[Dict]bool
	holds   map[Dict]int // how many slots and iterators have a dict

	dicts   [4]Dict
	classOf [4]*Class // whose
	iters   [4]*Iter
	classes [4]*Class
	shown   [4][2]int

	allClasses []*Class

	compared int
	strHeld  int // references to strings
}

// A thing is an object of the program.
type thing struct {
	kind byte // 'o', 'L' or 'z'
	n    int
	act  string
	refs int
}

var errEvil = errors.New("evil")

func newWorld(t testing.TB, profile string) *world {
	prof, ok := ProfileByName(profile)
	if !ok {
		t.Fatalf("no profile %s", profile)
	}
	w := &world{
		t: t, same: map[string]Word{}, strs: map[string]Word{}, tracked: map[Dict]bool{}, holds: map[Dict]int{},
	}
	s, err := NewSpace(Config{Profile: prof, Hooks: w, Tracker: w})
	if err != nil {
		t.Fatal(err)
	}
	w.s = s
	w.list = w.newThing('L', 0, "")
	return w
}

func (w *world) newThing(kind byte, n int, act string) Word {
	w.things = append(w.things, thing{kind, n, act, 1})
	return Word(len(w.things) << 4)
}

func (w *world) thing(word Word) *thing { return &w.things[word>>4-1] }

// Hash is that of class Key.
func (w *world) Hash(word Word) (int64, error) { return int64(w.thing(word).n & 7), nil }

// Equal is that of class Key, and false for the other classes, which have none.
func (w *world) Equal(stored, key Word) (bool, error) {
	isKey := func(x Word) bool { return x&tags == 0 && w.thing(x).kind == 'o' }
	self, other := stored, key
	if !isKey(self) {
		self, other = key, stored
	}
	if !isKey(self) {
		return false, nil
	}
	w.compared++
	act := w.thing(self).act
	w.thing(self).act = ""
	if act == "" && isKey(other) {
		act = w.thing(other).act
		w.thing(other).act = ""
	}
	switch {
	case act == "r":
		return false, errEvil
	case act == "t":
		return true, nil
	case act != "":
		w.do(act[0], w.dicts[act[1]-'0'])
	}
	return isKey(other) && w.thing(self).n == w.thing(other).n, nil
}

func (w *world) do(act byte, d Dict) {
	switch {
	case d == 0:
	case act == 'c':
		w.s.Clear(d)
	case act == 'd':
		if k, v, err := w.s.PopItem(d); err == nil {
			w.s.drop(k)
			w.s.drop(v)
		}
	default:
		for i := range 8 {
			w.must(w.s.Set(d, Int(int64(5000+i)), Int(1)))
		}
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Own and Drop count. A thing of kind z acts when it dies.
func (w *world) Own(word Word) {
	if word.IsStr() {
		w.strHeld++
		return
	}
	w.thing(word).refs++
}

func (w *world) Drop(word Word) {
	if word.IsStr() {
		w.strHeld--
		return
	}
	x := w.thing(word)
	if x.refs--; x.refs < 0 {
		w.t.Fatalf("object %c%d is let go of by somebody who does not hold it", x.kind, x.n)
	}
	if d := w.dicts[0]; x.refs == 0 && x.kind == 'z' && d != 0 {
		w.must(w.s.Set(d, Int(int64(7000000+x.n)), Int(1)))
	}
}

// MayBeTracked, Tracked and Track are the collector's view: every object but numbers and strings has a GC head.
func (w *world) MayBeTracked(word Word) bool {
	return word&tags == 0
}
func (w *world) Tracked(d Dict) bool { return w.tracked[d] }
func (w *world) Track(d Dict)        { w.tracked[d] = true }

// key and value make words out of texts; the caller holds them and lets them go with release.
func (w *world) key(text string) Word {
	rest := text[1:]
	switch text[0] {
	case 'i':
		n, err := strconv.ParseInt(rest, 10, 64)
		w.must(err)
		return Int(n)
	case 's':
		if w.strs[text] == 0 {
			w.strs[text] = w.s.NewStr(text)
		}
		w.strHeld++
		return w.strs[text]
	}
	number, act, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(number)
	w.must(err)
	if text[0] != 'o' {
		return w.newThing('o', n, act)
	}
	if w.same[text] == 0 {
		w.same[text] = w.newThing('o', n, "")
	}
	w.thing(w.same[text]).refs++
	return w.same[text]
}

func (w *world) value(text string) Word {
	switch text[0] {
	case 'L':
		w.thing(w.list).refs++
		return w.list
	case 'z':
		n, err := strconv.Atoi(text[1:])
		w.must(err)
		return w.newThing('z', n, "")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	w.must(err)
	return Int(n)
}

func (w *world) keyText(k Word) string {
	switch {
	case k.IsInt():
		return fmt.Sprintf("i%d", k.Int())
	case k.IsStr():
		return string(k.Str())
	}
	return fmt.Sprintf("o%d", w.thing(k).n)
}

func (w *world) valueText(v Word) string {
	switch {
	case v.IsInt():
		return strconv.FormatInt(v.Int(), 10)
	case w.thing(v).kind == 'L':
		return "L"
	}
	return fmt.Sprintf("z%d", w.thing(v).n)
}

// hold and release count slots and iterators; a dict that nobody has any more is freed.
func (w *world) hold(d Dict) { w.holds[d]++ }

func (w *world) release(d Dict) {
	if d == 0 {
		return
	}
	if w.holds[d]--; w.holds[d] == 0 {
		delete(w.holds, d)
		delete(w.tracked, d)
		w.s.Free(d)
	}
}

// put fills a slot with a new dict and lets the old one go afterwards.
func (w *world) put(slot int, d Dict, c *Class) string {
	if d == 0 {
		w.t.Fatal("no memory")
	}
	old := w.dicts[slot]
	w.dicts[slot], w.classOf[slot] = d, c
	w.hold(d)
	w.release(old)
	return "ok"
}

func slotOfText(text string) int { return int(text[0] - '0') }

// ask runs one line.
func (w *world) ask(line string) string {
	t := strings.Fields(line)
	w.compared = 0
	a := slotOfText(t[1])
	about := !strings.Contains(" iter rev next left class ", " "+t[0]+" ")
	before := uint64(0)
	if about && w.dicts[a] != 0 {
		before = w.dicts[a].Version()
	}
	had := w.dicts[a] != 0
	answer, err := w.step(t, a)
	switch err {
	case nil:
	case errEvil:
		answer = "!evil"
	case ErrSize:
		answer = "!size"
	case ErrKeys:
		answer = "!keys"
	case ErrMutated:
		answer = "!mutated"
	case ErrEmpty:
		answer = "-"
	default:
		w.t.Fatal(err)
	}
	if w.compared > 0 {
		answer += fmt.Sprintf(" e%d", w.compared)
	}
	d := w.dicts[a]
	if !about || d == 0 || answer == "skip" {
		return answer
	}
	puts := strings.Contains(" new call inst copy dict fromkeys ", " "+t[0]+" ")
	length, size := d.Len(), w.s.Size(d)
	change := length - w.shown[a][0]
	switch change {
	case 0:
	case 1:
		answer += " +"
	case -1:
		answer += " -"
	default:
		answer += fmt.Sprintf(" =%d", length)
	}
	if changed := !w.s.old && d.Version() != before; !puts && had && changed != (change != 0) {
		answer += map[bool]string{true: " v", false: " ~"}[changed]
	}
	if size != w.shown[a][1] {
		answer += fmt.Sprintf(" #%d", size)
	}
	w.shown[a] = [2]int{length, size}
	return answer
}

func (w *world) step(t []string, a int) (string, error) {
	switch t[0] {
	case "new":
		return w.put(a, w.s.New(), nil), nil
	case "call":
		return w.put(a, w.s.Call(), nil), nil
	case "class":
		c := w.s.NewClass() // the one before lives on: a class is a cycle, and nobody collects
		w.classes[a] = &c
		w.allClasses = append(w.allClasses, &c)
		return "ok", nil
	case "inst":
		c := w.classes[slotOfText(t[2])]
		if c == nil {
			return "skip", nil
		}
		return w.put(a, w.s.NewInstance(c), c), nil
	case "iter", "rev":
		return w.start(a, t[0] == "rev", w.dicts[slotOfText(t[2])])
	case "next", "left":
		return w.next(a, t[0])
	case "copy", "dict", "fromkeys", "update", "eq":
		return w.two(t, a, w.dicts[slotOfText(t[2])])
	case "attr", "delattr":
		return w.attribute(t, a)
	}
	if w.dicts[a] == 0 {
		return "skip", nil
	}
	return w.one(t, w.dicts[a])
}

func (w *world) start(a int, reverse bool, d Dict) (string, error) {
	if d == 0 {
		return "skip", nil
	}
	if it := w.iters[a]; it != nil {
		w.iters[a] = nil
		w.release(it.d)
	}
	it := w.s.Iter(d)
	if reverse && w.s.prof.LenCheck { // dicts are reversible from 3.8 on; the oracle walks forward before
		it = w.s.Reversed(d)
	}
	w.hold(d)
	w.iters[a] = &it
	return "ok", nil
}

func (w *world) next(a int, op string) (string, error) {
	it := w.iters[a]
	if it == nil {
		return "skip", nil
	}
	if op == "left" {
		return strconv.FormatUint(it.Left(), 10), nil
	}
	d := it.d
	k, _, ok, err := w.s.Next(it)
	if d != 0 && it.d == 0 {
		w.release(d)
	}
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "end", nil
	}
	return w.keyText(k), nil
}

func (w *world) two(t []string, a int, d Dict) (string, error) {
	if d == 0 || (t[0] == "update" || t[0] == "eq") && w.dicts[a] == 0 {
		return "skip", nil
	}
	var made Dict
	var err error
	switch t[0] {
	case "update":
		return "ok", w.s.Update(w.dicts[a], d)
	case "eq":
		same, err := w.s.Equal(w.dicts[a], d)
		return bit(same), err
	case "copy":
		made, err = w.s.Copy(d)
	case "dict":
		made, err = w.s.CallWith(d)
	case "fromkeys":
		v := w.value(t[3])
		made, err = w.s.FromKeys(d, v)
		w.s.drop(v) // the argument is gone before the slot is another dict's
	}
	if err != nil {
		return "", err
	}
	return w.put(a, made, nil), nil
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func (w *world) attribute(t []string, a int) (string, error) {
	c := w.classOf[a]
	if c == nil {
		return "skip", nil
	}
	k := w.key(t[2])
	defer w.s.drop(k)
	if t[0] == "delattr" {
		ok, err := w.s.DelAttr(c, w.dicts[a], k)
		if !ok {
			return "-", err
		}
		return "ok", err
	}
	v := w.value(t[3])
	defer w.s.drop(v)
	return "ok", w.s.SetAttr(c, w.dicts[a], k, v)
}

// one are the operations on one dict.
func (w *world) one(t []string, d Dict) (answer string, err error) {
	s := w.s
	var k, v Word
	if len(t) > 2 {
		k = w.key(t[2])
		defer s.drop(k)
	}
	if len(t) > 3 {
		v = w.value(t[3])
		defer s.drop(v)
	}
	ok := true
	switch t[0] {
	case "set":
		return "ok", s.Set(d, k, v)
	case "get", "in":
		v, ok, err = s.Get(d, k)
		if t[0] == "in" {
			return bit(ok), err
		}
	case "del":
		if ok, err = s.Delete(d, k); ok {
			return "ok", err
		}
	case "pop":
		if v, ok, err = s.Pop(d, k); ok {
			defer s.drop(v)
		}
	case "setdefault":
		v, err = s.SetDefault(d, k, v)
	case "popitem":
		k, v, err = s.PopItem(d)
		if err != nil {
			return "", err
		}
		text := w.keyText(k) + "=" + w.valueText(v)
		s.drop(k)
		s.drop(v)
		return text, nil
	case "clear":
		s.Clear(d)
		return "ok", nil
	case "tracked":
		return bit(w.Tracked(d)), nil
	case "order":
		var texts []string
		s.All(d, func(k, v Word) bool {
			texts = append(texts, w.keyText(k)+"="+w.valueText(v))
			return true
		})
		return fmt.Sprintf("%04x", crc32.ChecksumIEEE([]byte(strings.Join(texts, ",")))&0xffff), nil
	default:
		w.t.Fatalf("unknown operation %q", t[0])
	}
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "-", nil
	}
	return w.valueText(v), nil
}

// close gives all up and finds what is left.
func (w *world) close() {
	w.t.Helper()
	for i := range w.dicts {
		if it := w.iters[i]; it != nil {
			w.release(it.d)
		}
		d := w.dicts[i]
		w.dicts[i] = 0
		w.release(d)
	}
	for _, c := range w.allClasses {
		w.s.FreeClass(c)
	}
	for _, x := range w.same {
		w.Drop(x)
	}
	w.Drop(w.list)
	for _, x := range w.things {
		if x.refs != 0 {
			w.t.Errorf("object %c%d is held %d times by nobody", x.kind, x.n, x.refs)
		}
	}
	for _, str := range w.strs {
		w.s.FreeStr(str)
	}
	if w.strHeld != 0 {
		w.t.Errorf("strings are held %d times by nobody", w.strHeld)
	}
	w.s.Trim()
	if blocks, _, _ := w.s.Memory().Usage(); blocks != 0 {
		w.t.Errorf("%d blocks are left", blocks)
	}
	w.must(w.s.Memory().CheckInvariants())
	w.must(w.s.Close())
}
