package lru

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"testing"

	"heapfuzz/impl/dict"
)

// TestGolden has our caches do what scripts/golden_lru.py had those of real interpreters do.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 80 {
		t.Errorf("%d lines, want 80", len(lines))
	}
	for _, line := range lines {
		version, rest, _ := strings.Cut(line, " ")
		size, _, _ := strings.Cut(rest, " ")
		if got := version + " " + golden(t, version, size); got != line {
			t.Errorf("ours %q\nreal %q", got, line)
		}
	}
}

// golden is the line of a version and a size.
func golden(t *testing.T, version, size string) string {
	cfg := Config{Profile: profile(t, version), Unbounded: size == "None"}
	cfg.Max, _ = strconv.Atoi(size)
	c := open(t, cfg)
	state := uint64(1)
	draw := func(n uint64) int64 {
		state = state*6364136223846793005 + 1442695040888963407
		return int64(state >> 33 % n)
	}
	crc, count, depth := uint32(0), 0, 0
	failed := errors.New("failed")
	var f func(key int64) error
	f = func(key int64) error {
		_, err := c.CallOne(dict.Int(key), func() (dict.Word, error) {
			crc = crc32.Update(crc, crc32.IEEETable, fmt.Appendf(nil, "%d,", key))
			if count++; depth > 0 {
				return dict.Int(key), nil
			}
			if count%13 == 0 {
				return 0, failed
			}
			if count%7 == 0 {
				depth = 1
				if err := f(key + 1); err != nil {
					return 0, err
				}
				depth = 0
			}
			return dict.Int(key), nil
		})
		return err
	}
	for i := range 10000 {
		if i%997 == 996 {
			c.Clear()
		}
		n := uint64(40)
		if i%3 == 0 {
			n = 8
		}
		if err := f(draw(n)); err != nil && err != failed {
			t.Fatal(err)
		}
	}
	check(t, c)
	info := c.Info()
	return fmt.Sprintf("%s %d %d %d %08x", size, info.Hits, info.Misses, info.Len, crc)
}
