package server

import "syscall"

// childAttributes gives the child a process group of its own, so that Ctrl-C reaches
// the parent alone, which ends it in order, and has the kernel end it with the parent.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
