package pipe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A talk is a conversation with another process: what Dicts and Cache share.
type talk struct {
	Name string // what the other side calls itself

	argv    []string
	subject string   // what it has to be: dict, cache
	known   []string // the parts that one such may have
	parts   []string
	p       *process
	line    []byte
	numbers []uint64 // of the last answer

	promise func(key, value string) bool               // reads a word of the first line, or knows it not
	tell    func(event string) (reply []byte, ok bool) // tells of an event; the reply is written behind resume
}

// begin starts the other side and reads who it is.
func (t *talk) begin() error {
	p, hello, err := start(t.argv)
	if err != nil {
		return fmt.Errorf("pipe: %s: %w", t.argv[0], err)
	}
	t.p = p
	if err := t.greet(hello); err != nil {
		p.kill()
		return fmt.Errorf("pipe: %s: %w", t.argv[0], err)
	}
	return nil
}

// greet reads the first line.
func (t *talk) greet(hello string) error {
	words := strings.Fields(hello)
	if len(words) < 3 || words[0] != "heapfuzz" || words[1] != "1" || words[2] != t.subject {
		return fmt.Errorf("the first line is %q, not \"heapfuzz 1 %s ...\"", hello, t.subject)
	}
	t.parts = nil
	for _, w := range words[3:] {
		key, value, _ := strings.Cut(w, "=")
		if err := t.word(key, value); err != nil {
			return fmt.Errorf("the first line: %w", err)
		}
	}
	return nil
}

func (t *talk) word(key, value string) error {
	switch key {
	case "name":
		t.Name = value
	case "parts":
		t.parts = strings.Split(value, ",")
		for _, p := range t.parts {
			if !slices.Contains(t.known, p) {
				return fmt.Errorf("there is no part %q; there are %s", p, strings.Join(t.known, ", "))
			}
		}
	default:
		if !t.promise(key, value) {
			return fmt.Errorf("%s=%s means nothing", key, value)
		}
	}
	return nil
}

// flag reads a promise that is kept or not.
func flag(value string, on *bool) bool {
	*on = value == "1"
	return value == "0" || value == "1"
}

// choice reads a promise that is one of some words.
func choice[T any](value string, words map[string]T, chosen *T) bool {
	c, ok := words[value]
	if ok {
		*chosen = c
	}
	return ok
}

// Offers tells whether the other side has an optional part.
func (t *talk) Offers(part string) bool { return slices.Contains(t.parts, part) }

// revive starts a new process if the old one is dead.
func (t *talk) revive() error {
	if t.p.dead == nil {
		return nil
	}
	return t.begin()
}

// Quit ends the other side.
func (t *talk) Quit() error {
	if t.p.dead != nil {
		return nil
	}
	err := t.p.write([]byte("quit\n"))
	t.p.kill()
	return err
}

// question is the line that asks, with its newline.
func (t *talk) question(verb string, args []uint64) []byte {
	b := append(t.line[:0], verb...)
	for _, a := range args {
		b = strconv.AppendUint(append(b, ' '), a, 10)
	}
	t.line = append(b, '\n')
	return t.line
}

// ask asks one question. It tells events as they come. The numbers of the answer are valid until the next question.
func (t *talk) ask(verb string, args ...uint64) (numbers []uint64, ok bool, err error) {
	if err := t.p.write(t.question(verb, args)); err != nil {
		return nil, false, err
	}
	for {
		line, err := t.p.read()
		if err != nil {
			return nil, false, err
		}
		switch word, rest, _ := strings.Cut(line, " "); {
		case word == "event":
			reply, ok := t.tell(rest)
			if !ok {
				return nil, false, t.p.badLine(t.question(verb, args), line)
			}
			if err := t.p.write(append(append([]byte("resume"), reply...), '\n')); err != nil {
				return nil, false, err
			}
		case word == "ok":
			if t.numbers, ok = numbersOf(t.numbers[:0], rest); !ok {
				return nil, false, t.p.badLine(t.question(verb, args), line)
			}
			return t.numbers, true, nil
		case line == "nomem":
			return nil, false, nil
		case word == "fail":
			return nil, false, fmt.Errorf("%s: %s", verb, rest)
		default:
			return nil, false, t.p.badLine(t.question(verb, args), line)
		}
	}
}

// digit is how a flag is asked.
func digit(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

// numbersOf reads decimal numbers with one space between them. One below 0 is its two's complement.
func numbersOf(ns []uint64, text string) ([]uint64, bool) {
	for text != "" {
		word, rest, more := strings.Cut(text, " ")
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			i, err := strconv.ParseInt(word, 10, 64)
			if err != nil {
				return ns, false
			}
			n = uint64(i)
		}
		if more && rest == "" {
			return ns, false
		}
		ns, text = append(ns, n), rest
	}
	return ns, true
}

// must asks a question that cannot be answered with nomem, and whose answer has at least so many numbers.
func (t *talk) must(count int, verb string, args ...uint64) []uint64 {
	ns, ok, err := t.ask(verb, args...)
	switch {
	case err != nil:
		panic(err)
	case !ok:
		panic(t.p.badLine(t.question(verb, args), "nomem"))
	case len(ns) < count:
		panic(t.p.badLine(t.question(verb, args), fmt.Sprintf("%d numbers, not %d", len(ns), count)))
	}
	return ns
}
