package actors

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A command without a class would be a panic of its first asker's: staff approved a
// release, and were told that it was a bug of ours.
func TestEveryCommandHasAClassAtTheGate(t *testing.T) {
	t.Parallel()
	commands, err := goparser.ParseFile(token.NewFileSet(), "../engine/command.go", nil, 0)
	require.NoError(t, err)
	gate, err := os.ReadFile("gate.go")
	require.NoError(t, err)
	found := 0
	for _, declared := range commands.Decls {
		method, is := declared.(*ast.FuncDecl)
		if !is || method.Name.Name != "command" || method.Recv == nil {
			continue
		}
		found++
		name := method.Recv.List[0].Type.(*ast.Ident).Name //nolint:forcetypeassert // a command is a struct of the package's
		require.Regexp(t, `engine\.`+name+`\b`, string(gate), "it has no class at the gate")
	}
	require.Greater(t, found, 10, "are commands declared elsewhere now?")
}
