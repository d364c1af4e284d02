package recorded

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"heapfuzz/impl/dict"
	"heapfuzz/impl/lru"
)

// readCaches reads the lines of scripts/golden_lru.py, "3.8 16 10 25 16 6685fbf4": the release, the size, and what came
// of ten thousand calls. The lines of a release are one recording, and each is a program of its own.
func readCaches(_, text string) (list []*Recording, err error) {
	for line := range strings.Lines(text) {
		profile, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		size, answer, ok := strings.Cut(rest, " ")
		if !ok {
			return nil, fmt.Errorf("%q is no line of a release and a size", line)
		}
		if len(list) == 0 || list[len(list)-1].Profile != profile {
			list = append(list, newRecording(profile, nil, ""))
		}
		r := list[len(list)-1]
		r.Program, r.answers = append(r.Program, size), r.answers+answer+"\n"
	}
	return list, nil
}

// A cacheWorld does what scripts/golden_lru.py has a function do that is decorated with lru_cache: it fails now and
// then, or calls itself. A line is a cache of that size.
type cacheWorld struct {
	prof  *dict.Profile
	wrong error
}

func openCache(profile string) (world, error) {
	prof, ok := dict.ProfileByName(profile)
	if !ok {
		return nil, fmt.Errorf("no profile %q", profile)
	}
	return &cacheWorld{prof: prof}, nil
}

func (w *cacheWorld) recount() error { return w.wrong }
func (w *cacheWorld) close() error   { return nil }

func (w *cacheWorld) answer(out []byte, size string) []byte {
	cfg := lru.Config{Profile: w.prof, Unbounded: size == "None"}
	cfg.Max, _ = strconv.Atoi(size)
	c, err := lru.New(cfg)
	if err != nil {
		panic(err)
	}
	p := cachePlay{c: c, state: 1}
	for i := range 10000 {
		if i%997 == 996 {
			c.Clear()
		}
		n := uint64(40)
		if i%3 == 0 {
			n = 8
		}
		if err := p.call(p.draw(n)); err != nil && err != errFailed {
			panic(err)
		}
	}
	info := c.Info()
	w.wrong = errors.Join(w.wrong, c.CheckInvariants(), c.Close())
	return fmt.Appendf(out, "%d %d %d %08x\n", info.Hits, info.Misses, info.Len, p.crc)
}

// cachePlay is the function and the numbers that it is called with.
type cachePlay struct {
	c            *lru.Cache
	state        uint64
	crc          uint32
	count, depth int
}

var errFailed = errors.New("failed")

func (p *cachePlay) draw(n uint64) int64 {
	p.state = p.state*6364136223846793005 + 1442695040888963407
	return int64(p.state >> 33 % n)
}

func (p *cachePlay) call(key int64) error {
	_, err := p.c.CallOne(dict.Int(key), func() (dict.Word, error) {
		p.crc = crc32.Update(p.crc, crc32.IEEETable, fmt.Appendf(nil, "%d,", key))
		if p.count++; p.depth > 0 {
			return dict.Int(key), nil
		}
		if p.count%13 == 0 {
			return 0, errFailed
		}
		if p.count%7 == 0 {
			p.depth = 1
			if err := p.call(key + 1); err != nil {
				return 0, err
			}
			p.depth = 0
		}
		return dict.Int(key), nil
	})
	return err
}
