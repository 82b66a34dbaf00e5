package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// testWithin bounds one mutant: the longest test of the list takes half a minute,
// and compiling what it needs as long again.
const testWithin = 4 * time.Minute

func main() {
	only := ""
	if len(os.Args) > 1 {
		only = os.Args[1]
	}
	survived := 0
	began := time.Now()
	for _, m := range mutants {
		if !strings.Contains(m.name, only) {
			continue
		}
		from := time.Now()
		verdict := "killed by " + m.test
		if err := m.run(context.Background()); err != nil {
			survived++
			verdict = "NOT KILLED: " + err.Error()
		}
		fmt.Printf("%5.1fs  %-58s %s\n", time.Since(from).Seconds(), m.name, verdict)
	}
	fmt.Printf("%d mutants, %d not killed, %.0f s\n", len(mutants), survived, time.Since(began).Seconds())
	if survived > 0 {
		os.Exit(1)
	}
}

// mutant is a mistake, where it is made, and the test that must fail of it.
type mutant struct {
	name  string
	edits []edit
	pack  string // ./engine
	test  string // the name of the test
}

// edit replaces a piece of a file that stands in it exactly once.
type edit struct{ file, from, to string }

// run plants the mutant and returns nil when its test failed because of it.
func (m mutant) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, testWithin)
	defer cancel()
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	overlay, err := m.overlay(dir)
	if err != nil {
		return err
	}
	test := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-run", "^"+m.test+"$", m.pack) //nolint:gosec // our own list
	out, err := test.CombinedOutput()
	switch said := string(out); {
	case ctx.Err() != nil:
		return fmt.Errorf("%s did not end within %s", m.test, testWithin)
	case strings.Contains(said, "[build failed]"), strings.Contains(said, "no tests to run"):
		return errors.New("it was not even tried:\n" + said)
	case err == nil:
		return fmt.Errorf("%s passes all the same", m.test)
	case !strings.Contains(said, "--- FAIL: "+m.test) && !strings.Contains(said, "panic:"):
		return errors.New("something else failed:\n" + said)
	}
	return nil
}

// overlay writes the mutated files and the list that puts them in place.
func (m mutant) overlay(dir string) (string, error) {
	replaced := map[string]string{}
	for i, e := range m.edits {
		real, err := filepath.Abs(e.file)
		if err != nil {
			return "", err
		}
		source, err := os.ReadFile(e.file)
		if already, edited := replaced[real]; edited {
			source, err = os.ReadFile(already)
		}
		if err != nil {
			return "", err
		}
		if n := bytes.Count(source, []byte(e.from)); n != 1 {
			return "", fmt.Errorf("%q stands %d times in %s", e.from, n, e.file)
		}
		mutated := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(mutated, bytes.Replace(source, []byte(e.from), []byte(e.to), 1), 0o600); err != nil {
			return "", err
		}
		replaced[real] = mutated
	}
	list, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}
