package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fenced is a page's fenced blocks of one kind after another: what to type, and what is
// then to be seen.
func fenced(page string) (blocks []struct{ kind, text string }) {
	parts := strings.Split(page, "\n```")
	for i := 1; i < len(parts); i += 2 { // every other fence closes
		kind, text, _ := strings.Cut(parts[i], "\n")
		blocks = append(blocks, struct{ kind, text string }{kind, text})
	}
	return blocks
}

// The page's commands are run as they stand, in one shell and in order; only where the
// engine is and its key are given from outside, as the page allows.
func TestTheExamplesWorkAsWritten(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the examples are for a shell with curl: %v", err)
		}
	}
	page, err := os.ReadFile("../../docs/api.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "KEY:-"+developmentAPIKey+"}", "the key every development engine takes")
	const mark = "\n=== the next example\n"
	var script strings.Builder
	var expected [][]string
	for _, block := range fenced(string(page)) {
		switch block.kind {
		case "sh":
			script.WriteString(block.text + "\nprintf '" + strings.ReplaceAll(mark, "\n", `\n`) + "'\n")
			expected = append(expected, nil)
		case "text":
			expected[len(expected)-1] = strings.Split(block.text, "\n")
		default:
			require.Fail(t, "neither a command nor its output", block.kind)
		}
	}
	require.Greater(t, len(expected), 8)

	p := startPlatform(t)
	within, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shell := exec.CommandContext(within, "bash", "-euo", "pipefail", "-c", script.String()) //nolint:gosec // our own page
	shell.Env = append(os.Environ(), "CAURI="+p.url(), "KEY="+developmentAPIKey)
	var errs strings.Builder
	shell.Stderr = &errs
	out, err := shell.Output()
	require.NoError(t, err, "%s\n%s", out, errs.String())
	outputs := strings.Split(string(out), mark)
	require.Len(t, outputs, len(expected)+1)
	for i, lines := range expected {
		for _, line := range lines {
			require.Contains(t, outputs[i], line)
		}
	}
	p.sound(t)
}
