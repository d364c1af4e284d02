package dict_test

import (
	"fmt"

	"heapfuzz/impl/dict"
)

// A dict that is emptied by deletions keeps its table; cleared, it does not.
func Example() {
	s, err := dict.NewSpace(dict.Config{})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	d := s.New()
	for n := range int64(1000) {
		_ = s.Set(d, dict.Int(n), dict.Int(n*n))
	}
	v, ok, _ := s.Get(d, dict.Int(7))
	fmt.Println(v, ok, d.Len(), s.Size(d))
	for n := range int64(1000) {
		_, _ = s.Delete(d, dict.Int(n))
	}
	c, _ := s.Copy(d)
	fmt.Println(d.Len(), s.Size(d), s.Size(c))
	s.Clear(d)
	fmt.Println(s.Size(d))
	// Output:
	// 49 true 1000 36952
	// 0 36952 64
	// 64
}
