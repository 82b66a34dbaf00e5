package pgembed

import "testing"

func TestKilledProgramTakesItsServerAlong(t *testing.T) {
	t.Parallel()
	killed := startChild(t, nil, tempBase(t))
	postmaster, _ := killed.serving(t)
	killed.kill()
	requireNoProcess(t, postmaster)
}
