//go:build !linux

package server

import "syscall"

// childAttributes has nothing that is the same everywhere: the pipe must do.
func childAttributes() *syscall.SysProcAttr { return nil }
