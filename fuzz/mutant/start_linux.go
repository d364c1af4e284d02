package mutant

import (
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// addrNoRandomize is ADDR_NO_RANDOMIZE of personality(2), and askPersonality asks for what it is.
const (
	addrNoRandomize = 0x0040000
	askPersonality  = 0xffffffff
)

// start starts a process that finds memory at the same addresses each time, where the system grants that: what a mutant
// does with an address that is wrong depends on what lies there.
func start(cmd *exec.Cmd) error {
	runtime.LockOSThread() // a process has the personality of the thread that starts it
	defer runtime.UnlockOSThread()
	if was, err := personality(askPersonality); err == 0 {
		personality(was | addrNoRandomize)
		defer personality(was)
	}
	return cmd.Start()
}

func personality(n uintptr) (was uintptr, err syscall.Errno) {
	was, _, err = unix.Syscall(unix.SYS_PERSONALITY, n, 0, 0)
	return was, err
}
