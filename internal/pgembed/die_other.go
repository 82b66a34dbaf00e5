//go:build unix && !linux

package pgembed

import "syscall"

// dieWithParent has no equivalent here: the next start adopts the orphan.
func dieWithParent(*syscall.SysProcAttr) {}
