package arch

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// source is one Go file: where it stands below the module's root, and what it imports.
type source struct {
	file    string // engine/charge.go
	imports []string
}

func (s source) folder() string { return path.Dir(s.file) }

// proves reports that the file never ships: a test, or part of a package of test tools.
func (s source) proves() bool {
	return strings.HasSuffix(s.file, "_test.go") || isTestPackage(s.folder())
}

func isTestPackage(folder string) bool { return strings.HasSuffix(path.Base(folder), "test") }

func TestImportsFollowTheTable(t *testing.T) {
	t.Parallel()
	sources, err := list("../..")
	require.NoError(t, err)
	require.Greater(t, len(sources), 50, "go list must see the whole module")
	require.Empty(t, strings.Join(check(sources), "\n"))
}

// list reads every Go file of the module, those of other systems included.
func list(root string) ([]source, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	// A toolchain's link into the system must not make a file's place differ from its root's.
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "list", "-e", "-json=Dir,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var sources []source
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir                                                string
			GoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return sources, nil
		} else if err != nil {
			return nil, err
		}
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			s, err := read(root, filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			sources = append(sources, s)
		}
	}
}

func read(root, file string) (source, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return source{}, err
	}
	below, err := filepath.Rel(root, file)
	if err != nil {
		return source{}, err
	}
	s := source{file: filepath.ToSlash(below)}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, imported)
	}
	return s, nil
}

// check returns one line for each import the table does not allow.
func check(sources []source) (broken []string) {
	for _, s := range sources {
		room, rule, governed := ruleOf(s.folder())
		if !governed {
			broken = append(broken, fmt.Sprintf("%s: no rule covers %s: a new room is a decision, written in internal/arch", s.file, s.folder()))
			continue
		}
		for _, imported := range s.imports {
			if why := refuse(s, room, rule, imported); why != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", s.file, imported, why))
			}
		}
		// Two packages named http in one file are one reader misled.
		if slices.Contains(s.imports, module+"/http") && slices.Contains(s.imports, "net/http") {
			broken = append(broken, s.file+" imports net/http beside our http: nobody aliases")
		}
	}
	slices.Sort(broken)
	return broken
}

// ruleOf finds the rule of the longest folder that holds this one.
func ruleOf(folder string) (room string, r rule, governed bool) {
	for at := folder; at != "."; at = path.Dir(at) {
		if r, governed = rules[at]; governed {
			return at, r, true
		}
	}
	return "", rule{}, false
}

// refuse says why a file may not import something, or nothing.
func refuse(s source, room string, r rule, imported string) string {
	below, ours := strings.CutPrefix(imported, module+"/")
	switch {
	case ours:
		return refuseOurs(s, room, r, below)
	case strings.Contains(strings.SplitN(imported, "/", 2)[0], "."):
		if within(imported, r.outside) || (s.proves() && within(imported, proving)) {
			return ""
		}
		return "not among the outside packages of " + room
	}
	if s.proves() {
		return ""
	}
	if only, is := confined[room][imported]; is {
		if s.file == only {
			return ""
		}
		return "in " + room + " only " + only + " may"
	}
	if r.standard != nil && !slices.Contains(r.standard, imported) {
		return room + " is pure: no I/O, clock, randomness or goroutine"
	}
	return ""
}

func refuseOurs(s source, room string, r rule, folder string) string {
	switch {
	case isTestPackage(folder):
		if s.proves() {
			return ""
		}
		return "test tools never ship"
	case folder == room, strings.HasPrefix(folder, room+"/"):
		return ""
	case slices.Contains(r.ours, everything), within(folder, r.ours):
		return ""
	case s.proves() && within(folder, provers) && !sandboxed(s):
		return ""
	}
	return room + " may import of ours only itself and " + strings.Join(append(slices.Clone(r.ours), "nothing else"), ", ")
}

// sandboxed reports a file of the sandbox: not even its tests may know us.
func sandboxed(s source) bool { return within(s.folder(), []string{"sandbox"}) }

func within(folder string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool { return folder == a || strings.HasPrefix(folder, a+"/") })
}

func TestEveryKindOfViolationIsCaught(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, imported string
		caught         bool
	}{
		"the engine does no I/O":                      {"engine/charge.go", "os", true},
		"the engine's own pure part":                  {"engine/charge.go", "strings", false},
		"the engine takes no dependency":              {"engine/id.go", "github.com/google/uuid", true},
		"an engine test may make an id":               {"engine/id_test.go", "github.com/google/uuid", false},
		"context anywhere else in the engine":         {"engine/charge.go", "context", true},
		"context where the gateway ports are":         {"engine/gateway.go", "context", false},
		"the engine knows no room":                    {"engine/charge.go", module + "/persistence", true},
		"not even internal":                           {"engine/charge.go", module + "/internal/telemetry", true},
		"rooms don't import each other":               {"http/payments.go", module + "/persistence", true},
		"actors know no gateway":                      {"actors/effects.go", module + "/gateways/paystack", true},
		"persistence knows no protoactor":             {"persistence/store.go", "github.com/asynkron/protoactor-go/actor", true},
		"persistence knows pgx":                       {"persistence/store.go", "github.com/jackc/pgx/v5/pgxpool", false},
		"gateways know no sibling":                    {"gateways/paystack/charge.go", module + "/gateways/fedapay", true},
		"the breaker stands in failover alone":        {"gateways/paystack/charge.go", "github.com/sony/gobreaker/v2", true},
		"the sandbox knows none of us":                {"sandbox/paystack/charge.go", module + "/engine", true},
		"nor do its tests":                            {"sandbox/paystack/charge_test.go", module + "/gateways/forge", true},
		"test tools never ship":                       {"cmd/cauri/demo.go", module + "/persistence/pgtest", true},
		"tests use test tools of any room":            {"cmd/cauri/demo_test.go", module + "/persistence/pgtest", false},
		"test tools use test tools":                   {"gateways/gatewaytest/exercise.go", module + "/engine/enginetest", false},
		"assertions never ship":                       {"http/server.go", "github.com/stretchr/testify/require", true},
		"only require of testify":                     {"http/server_test.go", "github.com/stretchr/testify/assert", true},
		"a gateway's tests meet the sandbox":          {"gateways/paystack/live_test.go", module + "/sandbox/paystack", false},
		"cmd knows everybody":                         {"cmd/cauri/run.go", module + "/actors", false},
		"but not every package there is":              {"cmd/cauri/run.go", "github.com/valyala/fasthttp", true},
		"a new room is a decision":                    {"billing/invoice.go", "fmt", true},
		"lifecycle is used by all and knows none":     {"internal/lifecycle/lifecycle.go", module + "/engine", true},
		"a folder is matched whole, not by its start": {"http/server.go", module + "/engineering", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := check([]source{{file: c.file, imports: []string{c.imported}}})
			require.Equal(t, c.caught, len(broken) == 1, "%v", broken)
		})
	}
}

// The whole way, go list included, over a module with a lie in each kind of file.
func TestAPlantedViolationIsFoundOnDisk(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for file, text := range map[string]string{
		"go.mod":                "module " + module + "\n\ngo 1.26.0\n",
		"engine/clock.go":       "package engine\n\nimport _ \"os\"\n",
		"engine/other_plan9.go": "package engine\n\nimport _ \"net\"\n",
		"http/page.go":          "package http\n\nimport _ \"" + module + "/persistence\"\n",
		"persistence/store.go":  "package persistence\n\nimport _ \"" + module + "/engine\"\n",
		"sandbox/box_test.go":   "package sandbox\n\nimport _ \"" + module + "/engine\"\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, path.Dir(file)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(root, file), []byte(text), 0o600))
	}
	sources, err := list(root)
	require.NoError(t, err)
	broken := check(sources)
	require.Len(t, broken, 4, "%v", broken)
	for i, file := range []string{"engine/clock.go", "engine/other_plan9.go", "http/page.go", "sandbox/box_test.go"} {
		require.True(t, strings.HasPrefix(broken[i], file+" imports "), broken[i])
	}
}

// A rule that names a folder nobody can have is a rule that guards nothing.
func TestEveryRuleBelongsToARoom(t *testing.T) {
	t.Parallel()
	for _, folder := range slices.Sorted(maps.Keys(rules)) {
		for _, r := range rules[folder].ours {
			_, _, governed := ruleOf(r)
			require.True(t, r == everything || governed || r == "internal" || r == "gateways", "%s may import %s, which is no room", folder, r)
		}
	}
}
