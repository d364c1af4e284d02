package recorded

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"heapfuzz/impl/dict"
)

// A dictWorld runs programs in the language of scripts/golden_dict.py on our dict and answers as that script does. It
// is the Hooks and the Tracker of its space, and counts who holds what, so that at the end nothing may be left.
type dictWorld struct {
	s       *dict.Space
	prof    *dict.Profile
	things  []thing // objects; a word is (index+1) << 4
	same    map[string]dict.Word
	strs    map[string]dict.Word
	list    dict.Word
	tracked map[dict.Dict]bool
	holds   map[dict.Dict]int // how many slots and iterators have a dict

	dicts   [4]dict.Dict
	classOf [4]*dict.Class // whose
	iters   [4]*walk
	classes [4]*dict.Class
	shown   [4][2]int

	allClasses []*dict.Class

	compared int
	strHeld  int // references to strings
}

// A walk is an iterator and the dict that it holds: 0 when it has come to its end.
type walk struct {
	dict.Iter
	of dict.Dict
}

// A thing is an object of the program.
type thing struct {
	kind byte // 'o', 'L' or 'z'
	n    int
	act  string
	refs int
}

var errEvil = errors.New("evil")

func openDict(profile string) (world, error) { return newDictWorld(profile) }

func newDictWorld(profile string) (*dictWorld, error) {
	prof, ok := dict.ProfileByName(profile)
	if !ok {
		return nil, fmt.Errorf("no profile %q", profile)
	}
	w := &dictWorld{
		prof: prof, same: map[string]dict.Word{}, strs: map[string]dict.Word{}, tracked: map[dict.Dict]bool{},
		holds: map[dict.Dict]int{},
	}
	s, err := dict.NewSpace(dict.Config{Profile: prof, Hooks: w, Tracker: w})
	if err != nil {
		return nil, err
	}
	w.s = s
	w.list = w.newThing('L', 0, "")
	return w, nil
}

// answer appends the answer to a line.
func (w *dictWorld) answer(out []byte, line string) []byte {
	return append(append(out, w.ask(line)...), '\n')
}

func (w *dictWorld) newThing(kind byte, n int, act string) dict.Word {
	w.things = append(w.things, thing{kind, n, act, 1})
	return dict.Word(len(w.things) << 4)
}

func (w *dictWorld) thing(word dict.Word) *thing { return &w.things[word>>4-1] }

// Hash is that of class Key.
func (w *dictWorld) Hash(word dict.Word) (int64, error) { return int64(w.thing(word).n & 7), nil }

// Equal is that of class Key, and false for the other classes, which have none.
func (w *dictWorld) Equal(stored, key dict.Word) (bool, error) {
	isKey := func(x dict.Word) bool { return isThing(x) && w.thing(x).kind == 'o' }
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

func (w *dictWorld) do(act byte, d dict.Dict) {
	switch {
	case d == 0:
	case act == 'c':
		w.s.Clear(d)
	case act == 'd':
		if k, v, err := w.s.PopItem(d); err == nil {
			w.drop(k)
			w.drop(v)
		}
	default:
		for i := range 8 {
			w.must(w.s.Set(d, dict.Int(int64(5000+i)), dict.Int(1)))
		}
	}
}

func (w *dictWorld) must(err error) {
	if err != nil {
		panic(err)
	}
}

// Own and Drop count. A thing of kind z acts when it dies.
func (w *dictWorld) Own(word dict.Word) {
	if word.IsStr() {
		w.strHeld++
		return
	}
	w.thing(word).refs++
}

func (w *dictWorld) Drop(word dict.Word) {
	if word.IsStr() {
		w.strHeld--
		return
	}
	x := w.thing(word)
	if x.refs--; x.refs < 0 {
		panic(fmt.Sprintf("object %c%d is let go of by somebody who does not hold it", x.kind, x.n))
	}
	if d := w.dicts[0]; x.refs == 0 && x.kind == 'z' && d != 0 {
		w.must(w.s.Set(d, dict.Int(int64(7000000+x.n)), dict.Int(1)))
	}
}

func isThing(word dict.Word) bool { return !word.IsInt() && !word.IsStr() }

// drop lets a word go, whatever it is.
func (w *dictWorld) drop(word dict.Word) {
	if !word.IsInt() {
		w.Drop(word)
	}
}

// MayBeTracked, Tracked and Track are the collector's view: every object but numbers and strings has a GC head.
func (w *dictWorld) MayBeTracked(word dict.Word) bool {
	return isThing(word)
}
func (w *dictWorld) Tracked(d dict.Dict) bool { return w.tracked[d] }
func (w *dictWorld) Track(d dict.Dict)        { w.tracked[d] = true }

// key and value make words out of texts; the caller holds them and lets them go with release.
func (w *dictWorld) key(text string) dict.Word {
	rest := text[1:]
	switch text[0] {
	case 'i':
		n, err := strconv.ParseInt(rest, 10, 64)
		w.must(err)
		return dict.Int(n)
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

func (w *dictWorld) value(text string) dict.Word {
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
	return dict.Int(n)
}

func (w *dictWorld) keyText(k dict.Word) string {
	switch {
	case k.IsInt():
		return fmt.Sprintf("i%d", k.Int())
	case k.IsStr():
		return string(k.Str())
	}
	return fmt.Sprintf("o%d", w.thing(k).n)
}

func (w *dictWorld) valueText(v dict.Word) string {
	switch {
	case v.IsInt():
		return strconv.FormatInt(v.Int(), 10)
	case w.thing(v).kind == 'L':
		return "L"
	}
	return fmt.Sprintf("z%d", w.thing(v).n)
}

// hold and release count slots and iterators; a dict that nobody has any more is freed.
func (w *dictWorld) hold(d dict.Dict) { w.holds[d]++ }

func (w *dictWorld) release(d dict.Dict) {
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
func (w *dictWorld) put(slot int, d dict.Dict, c *dict.Class) string {
	if d == 0 {
		panic("no memory")
	}
	old := w.dicts[slot]
	w.dicts[slot], w.classOf[slot] = d, c
	w.hold(d)
	w.release(old)
	return "ok"
}

func slotOfText(text string) int { return int(text[0] - '0') }

// ask runs one line.
func (w *dictWorld) ask(line string) string {
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
	case dict.ErrSize:
		answer = "!size"
	case dict.ErrKeys:
		answer = "!keys"
	case dict.ErrMutated:
		answer = "!mutated"
	case dict.ErrEmpty:
		answer = "-"
	default:
		panic(err)
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
	if changed := !w.prof.Old && d.Version() != before; !puts && had && changed != (change != 0) {
		answer += map[bool]string{true: " v", false: " ~"}[changed]
	}
	if size != w.shown[a][1] {
		answer += fmt.Sprintf(" #%d", size)
	}
	w.shown[a] = [2]int{length, size}
	return answer
}

func (w *dictWorld) step(t []string, a int) (string, error) {
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

func (w *dictWorld) start(a int, reverse bool, d dict.Dict) (string, error) {
	if d == 0 {
		return "skip", nil
	}
	if it := w.iters[a]; it != nil {
		w.iters[a] = nil
		w.release(it.of)
	}
	it := w.s.Iter(d)
	if reverse && w.prof.LenCheck { // dicts are reversible from 3.8 on; the oracle walks forward before
		it = w.s.Reversed(d)
	}
	w.hold(d)
	w.iters[a] = &walk{it, d}
	return "ok", nil
}

func (w *dictWorld) next(a int, op string) (string, error) {
	it := w.iters[a]
	if it == nil {
		return "skip", nil
	}
	if op == "left" {
		return strconv.FormatUint(it.Left(), 10), nil
	}
	k, _, ok, err := w.s.Next(&it.Iter)
	if err == dict.ErrKeys || err == nil && !ok {
		d := it.of
		it.of = 0
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

func (w *dictWorld) two(t []string, a int, d dict.Dict) (string, error) {
	if d == 0 || (t[0] == "update" || t[0] == "eq") && w.dicts[a] == 0 {
		return "skip", nil
	}
	var made dict.Dict
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
		w.drop(v) // the argument is gone before the slot is another dict's
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

func (w *dictWorld) attribute(t []string, a int) (string, error) {
	c := w.classOf[a]
	if c == nil {
		return "skip", nil
	}
	k := w.key(t[2])
	defer w.drop(k)
	if t[0] == "delattr" {
		ok, err := w.s.DelAttr(c, w.dicts[a], k)
		if !ok {
			return "-", err
		}
		return "ok", err
	}
	v := w.value(t[3])
	defer w.drop(v)
	return "ok", w.s.SetAttr(c, w.dicts[a], k, v)
}

// one are the operations on one dict.
func (w *dictWorld) one(t []string, d dict.Dict) (answer string, err error) {
	s := w.s
	var k, v dict.Word
	if len(t) > 2 {
		k = w.key(t[2])
		defer w.drop(k)
	}
	if len(t) > 3 {
		v = w.value(t[3])
		defer w.drop(v)
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
			defer w.drop(v)
		}
	case "setdefault":
		v, err = s.SetDefault(d, k, v)
	case "popitem":
		k, v, err = s.PopItem(d)
		if err != nil {
			return "", err
		}
		text := w.keyText(k) + "=" + w.valueText(v)
		w.drop(k)
		w.drop(v)
		return text, nil
	case "clear":
		s.Clear(d)
		return "ok", nil
	case "tracked":
		return bit(w.Tracked(d)), nil
	case "order":
		var texts []string
		s.All(d, func(k, v dict.Word) bool {
			texts = append(texts, w.keyText(k)+"="+w.valueText(v))
			return true
		})
		return fmt.Sprintf("%04x", crc32.ChecksumIEEE([]byte(strings.Join(texts, ",")))&0xffff), nil
	default:
		panic("recorded: unknown operation " + t[0])
	}
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "-", nil
	}
	return w.valueText(v), nil
}

// recount recounts all dicts.
func (w *dictWorld) recount() error {
	for i, d := range w.dicts {
		if d != 0 {
			if err := w.s.CheckInvariants(d); err != nil {
				return fmt.Errorf("dict %d: %w", i, err)
			}
		}
	}
	return w.s.CheckSpace()
}

// close gives all up and finds what is left.
func (w *dictWorld) close() (err error) {
	for i := range w.dicts {
		if it := w.iters[i]; it != nil {
			w.release(it.of)
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
			err = errors.Join(err, fmt.Errorf("object %c%d is held %d times by nobody", x.kind, x.n, x.refs))
		}
	}
	for _, str := range w.strs {
		w.s.FreeStr(str)
	}
	if w.strHeld != 0 {
		err = errors.Join(err, fmt.Errorf("strings are held %d times by nobody", w.strHeld))
	}
	w.s.Trim()
	if blocks, _, _ := w.s.Memory().Usage(); blocks != 0 {
		err = errors.Join(err, fmt.Errorf("%d blocks are left", blocks))
	}
	return errors.Join(err, w.s.Memory().CheckInvariants(), w.s.Close())
}
