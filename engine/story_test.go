package engine_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine/enginetest"
)

var update = flag.Bool("update", false, "write the right-hand sides of stories and the diagrams as they come out")

// Each story is a claim about money that an accountant can read.
func TestStories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/stories/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			story, err := os.ReadFile(file)
			require.NoError(t, err)
			told, err := enginetest.Tell(string(story))
			require.NoError(t, err)
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(told), 0o644))
				return
			}
			require.Equal(t, string(story), told)
		})
	}
}
