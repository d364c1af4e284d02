package mutant

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/packages"

	"heapfuzz/fuzz/recorded"
)

// cache keeps trials from one run to the next, a file of lines for each package and for all that a trial in it depends
// on: the sources of the package, of the packages of impl that it may be tried through, of models, properties and
// targets; the stored recordings; the limits and the seed; the release of Go. A run that is cut off goes on where it
// was. It is for concurrent use.
type cache struct {
	mutex sync.Mutex
	known map[Identity]Trial
	files map[string]*os.File // by package; to be appended to
}

// entry is a line.
type entry struct {
	Identity
	Trial
}

// openCache reads what is known. Without a folder it knows nothing and keeps nothing.
func openCache(o Options, paths []string) (*cache, error) {
	c := &cache{known: map[Identity]Trial{}, files: map[string]*os.File{}}
	if o.Cache == "" {
		return c, nil
	}
	if err := os.MkdirAll(o.Cache, 0o700); err != nil {
		return nil, err
	}
	sums, err := cacheKeys(o, paths)
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		name := filepath.Join(o.Cache, strings.ReplaceAll(p, "/", "-")+"-"+sums[p]+".jsonl")
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			var e entry
			if json.Unmarshal(lines.Bytes(), &e) == nil { // a line that was cut off is not known
				c.known[e.Identity] = e.Trial
			}
		}
		if c.files[p], err = os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return nil, err
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			if _, err := c.files[p].WriteString("\n"); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (c *cache) get(id Identity) (Trial, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	t, ok := c.known[id]
	return t, ok
}

func (c *cache) put(id Identity, t Trial) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.known[id] = t
	f := c.files[id.Package]
	if f == nil {
		return nil
	}
	line, err := json.Marshal(entry{id, t})
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return err
}

func (c *cache) close() (err error) {
	for _, f := range c.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// cacheKeys sums up, for each package, what its trials depend on.
func cacheKeys(o Options, paths []string) (map[string]string, error) {
	cfg := &packages.Config{Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps |
		packages.NeedEmbedFiles | packages.NeedModule, Dir: o.Root}
	list, err := packages.Load(cfg, "./fuzz/mutant", "./impl/...")
	if err != nil {
		return nil, err
	}
	sums, deps := map[string]string{}, map[string]map[string]bool{}
	packages.Visit(list, nil, func(p *packages.Package) { // dependencies come first
		if !strings.HasPrefix(p.PkgPath, modulePath+"/") {
			return
		}
		name := strings.TrimPrefix(p.PkgPath, modulePath+"/")
		deps[name] = map[string]bool{}
		for _, q := range p.Imports {
			in := strings.TrimPrefix(q.PkgPath, modulePath+"/")
			deps[name][in] = true
			for d := range deps[in] {
				deps[name][d] = true
			}
		}
		sum := sha256.New()
		for _, f := range slices.Concat(p.GoFiles, p.OtherFiles, p.EmbedFiles) {
			text, e := os.ReadFile(f)
			err = errors.Join(err, e)
			fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(f), len(text), text)
		}
		sums[name] = fmt.Sprintf("%x", sum.Sum(nil))
	})
	stored, e := recorded.Sum(o.Root)
	err = errors.Join(err, e)
	keys := map[string]string{}
	for _, p := range paths {
		sum := sha256.New()
		fmt.Fprintln(sum, runtime.Version(), runtime.GOARCH, o.Seed, o.Limits, o.Brief, stored)
		for _, name := range matters(p, deps) {
			fmt.Fprintln(sum, name, sums[name])
		}
		keys[p] = fmt.Sprintf("%x", sum.Sum(nil)[:8])
	}
	return keys, err
}

// matters lists the packages whose sources decide what comes of a mutant of p: all outside impl, and in impl those that
// import p, with all that they import.
func matters(p string, deps map[string]map[string]bool) []string {
	in := map[string]bool{p: true}
	for d := range deps[p] {
		in[d] = true
	}
	for name, of := range deps {
		if !strings.HasPrefix(name, "impl/") {
			in[name] = true
		} else if of[p] {
			in[name] = true
			for d := range of {
				in[d] = true
			}
		}
	}
	var names []string
	for name := range in {
		if _, ours := deps[name]; ours {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
