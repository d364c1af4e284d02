package nightly

import "syscall"

// owned makes a process one that ends with us, however we end, and a group that can be killed with all that it started.
func owned() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
