package mutant

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// A process that is started again finds its memory at the same addresses, and this one stays as it was.
func TestStart(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	was, err := personality(askPersonality)
	if err == 0 {
		_, err = personality(was | addrNoRandomize)
		personality(was)
	}
	if err != 0 || was&addrNoRandomize != 0 {
		t.Skipf("personality %#x, %v: nothing is to be seen here", was, err)
	}
	if random, err := os.ReadFile("/proc/sys/kernel/randomize_va_space"); err != nil || random[0] == '0' {
		t.Skip("addresses are not random here")
	}
	var maps [2]bytes.Buffer
	for i := range maps {
		cmd := exec.Command("cat", "/proc/self/maps")
		cmd.Stdout = &maps[i]
		if err := start(cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if maps[0].Len() == 0 || maps[0].String() != maps[1].String() {
		t.Errorf("once\n%s\nthen\n%s", &maps[0], &maps[1])
	}
	if is, _ := personality(askPersonality); is != was {
		t.Errorf("personality %#x, was %#x", is, was)
	}
}
