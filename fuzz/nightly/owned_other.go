//go:build !linux

package nightly

import "syscall"

// owned makes a process a group that can be killed with all that it started. Only Linux lets it end with us: elsewhere
// an engine of a night that was killed runs on, until its time is over.
func owned() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
