package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Code moves on and leaves a mutant without the piece it replaces: then it proves
// nothing. Killing them is `make mutants`; that each can be planted is every run's.
func TestEveryMutantCanBePlanted(t *testing.T) {
	t.Chdir("../..")
	names := map[string]bool{}
	for _, m := range mutants {
		_, err := m.overlay(t.TempDir())
		require.NoError(t, err, m.name)
		require.False(t, names[m.name], "%s stands twice", m.name)
		names[m.name] = true
	}
}
