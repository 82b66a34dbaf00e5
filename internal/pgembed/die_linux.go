package pgembed

import "syscall"

// dieWithParent asks the kernel to shut postgres down, fast and cleanly, when
// the thread that started it ends: nobody can kill us and leave it running.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }
