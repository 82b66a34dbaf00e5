package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	// commandLines are those that begin a line of a page or stand between backquotes.
	commandLines = regexp.MustCompile("(?m)(?:^|`)cauri ([a-z][^`\n]*)")
	shellWords   = regexp.MustCompile(`"[^"]*"|[^\s"]+`)
	// aside is what follows a command and is none of it: a comment, a pipe.
	aside = regexp.MustCompile(`\s+(#|\|).*$`)
)

// A command that somebody reads in a page at night is one that exists.
func TestEveryCommandOfThePagesIsOne(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*/*.md")
	require.NoError(t, err)
	found := 0
	for _, page := range append(pages, "../../README.md", "../../ARCHITECTURE.md", "../../SECURITY.md", "../../loadtest/README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, line := range commandLines.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(line[1], "--help") { // it would end the program
				continue
			}
			if strings.Contains(line[1], " | ") && !strings.Contains(line[1], "--") { // a list of commands, not one
				continue
			}
			found++
			var args []string
			for _, word := range shellWords.FindAllString(aside.ReplaceAllString(line[1], ""), -1) {
				args = append(args, strings.Trim(word, `"`))
			}
			var cli program
			_, err := cli.parser(t.Context(), streams{&bytes.Buffer{}, &bytes.Buffer{}}).Parse(args)
			if err != nil && onlyANoun(args) {
				continue
			}
			require.NoError(t, err, "%s: cauri %s", page, line[1])
		}
	}
	require.Greater(t, found, 50, "are commands written otherwise now?")
}

// onlyANoun is a command spoken of, such as cauri keys, and not one to be typed.
func onlyANoun(args []string) bool {
	return len(args) == 1 || (len(args) == 2 && !strings.HasPrefix(args[1], "-"))
}
