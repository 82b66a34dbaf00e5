package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// source is one file of the tree, as the rules see it.
type source struct {
	path      string // engine/charge.go, below the module's root
	text      string
	positions *token.FileSet
	syntax    *ast.File // nil unless it is Go of this module
}

// finding is one breach of one rule.
type finding struct {
	line int
	says string
}

func parse(file string, text []byte) (*source, error) {
	s := &source{path: file, text: string(text), positions: token.NewFileSet()}
	if !strings.HasSuffix(file, ".go") {
		return s, nil
	}
	var err error
	s.syntax, err = parser.ParseFile(s.positions, file, text, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

func (s *source) folder() string  { return path.Dir(s.path) }
func (s *source) isTest() bool    { return strings.HasSuffix(s.path, "_test.go") }
func (s *source) generated() bool { return s.syntax != nil && ast.IsGenerated(s.syntax) }

// below reports that the file stands in one of these folders, or deeper.
func (s *source) below(folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(s.path, f+"/") })
}

// handwritten reports Go that ships and that people wrote.
func (s *source) handwritten() bool { return s.syntax != nil && !s.isTest() && !s.generated() }

func (s *source) line(at token.Pos) int { return s.positions.Position(at).Line }

// nameOf is what this file calls an imported package, or "" when it does not import it.
func (s *source) nameOf(imported string) string {
	for _, spec := range s.syntax.Imports {
		if spec.Path.Value != strconv.Quote(imported) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(imported)
	}
	return ""
}

// uses finds every mention of one of a package's names: time.Now, called or handed on.
func (s *source) uses(imported string, names ...string) (found []finding) {
	called := s.nameOf(imported)
	if called == "" {
		return nil
	}
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		selector, is := n.(*ast.SelectorExpr)
		if !is || !slices.Contains(names, selector.Sel.Name) {
			return true
		}
		if of, is := selector.X.(*ast.Ident); is && of.Name == called {
			found = append(found, finding{s.line(n.Pos()), called + "." + selector.Sel.Name})
		}
		return true
	})
	return found
}

// imports finds the import of any of these packages, or of one below them.
func (s *source) imports(packages ...string) (found []finding) {
	for _, spec := range s.syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err == nil && slices.ContainsFunc(packages, func(p string) bool { return imported == p || strings.HasPrefix(imported, p+"/") }) {
			found = append(found, finding{s.line(spec.Pos()), imported})
		}
	}
	return found
}

// queries returns what the file says in SQL: its own text without its comments,
// or its string literals, each with the line it begins on.
func (s *source) queries() (texts []finding) {
	if path.Ext(s.path) == ".sql" {
		return []finding{{1, sqlComment.ReplaceAllString(s.text, "")}}
	}
	if s.syntax == nil {
		return nil
	}
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		if literal, is := n.(*ast.BasicLit); is && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				texts = append(texts, finding{s.line(n.Pos()), text})
			}
		}
		return true
	})
	return texts
}

var sqlComment = regexp.MustCompile(`--[^\n]*`)

// saying finds every match of a pattern in the file's queries.
func (s *source) saying(pattern *regexp.Regexp) (found []finding) {
	for _, query := range s.queries() {
		for _, at := range pattern.FindAllStringIndex(query.says, -1) {
			found = append(found, finding{query.line + strings.Count(query.says[:at[0]], "\n"), query.says[at[0]:at[1]]})
		}
	}
	return found
}

// textual are the endings of what is read as text beside Go.
var textual = []string{
	"", ".go", ".sql", ".md", ".yml", ".yaml", ".json", ".toml", ".txt", ".sh", ".js", ".mod", ".html", ".css",
	".editorconfig", ".gitattributes", ".gitignore", ".dockerignore",
}

// tree reads the whole checkout: everything that is, or may become, part of it.
func tree(t *testing.T, root string) (sources []*source) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", "bin", "dist", "node_modules"}, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		below, err := filepath.Rel(root, file)
		if err != nil || !entry.Type().IsRegular() || !slices.Contains(textual, path.Ext(entry.Name())) {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil || bytes.IndexByte(text, 0) >= 0 { // a program somebody built
			return err
		}
		s, err := parse(filepath.ToSlash(below), text)
		sources = append(sources, s)
		return err
	}))
	return sources
}

func TestTreeIsTidy(t *testing.T) {
	t.Parallel()
	sources := tree(t, "../..")
	require.Greater(t, len(sources), 100, "the whole checkout must be read")
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			var broken []string
			needed := map[string]bool{}
			for _, s := range sources {
				for _, f := range r.find(s) {
					if _, excused := r.excused[s.path]; excused {
						needed[s.path] = true
						continue
					}
					broken = append(broken, fmt.Sprintf("%s:%d: %s", s.path, f.line, f.says))
				}
			}
			for file := range r.excused {
				if !needed[file] {
					broken = append(broken, file+": excused for nothing: delete it from the list")
				}
			}
			slices.Sort(broken)
			require.Empty(t, strings.Join(broken, "\n"), r.why)
		})
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	require.Empty(t, strings.Join(undocumented(tree(t, "../..")), "\n"))
}

// undocumented names the packages without a doc.go that begins as godoc wants.
func undocumented(sources []*source) (broken []string) {
	says := map[string]string{}
	for _, s := range sources {
		if s.syntax == nil || strings.HasSuffix(s.syntax.Name.Name, "_test") {
			continue
		}
		if _, known := says[s.folder()]; !known {
			says[s.folder()] = "has no doc.go"
		}
		if path.Base(s.path) != "doc.go" {
			continue
		}
		begins := "Package " + s.syntax.Name.Name + " "
		if s.syntax.Name.Name == "main" {
			begins = "Command " + path.Base(s.folder()) + " "
		}
		says[s.folder()] = ""
		if s.syntax.Doc == nil || !strings.HasPrefix(s.syntax.Doc.Text(), begins) {
			says[s.folder()] = "doc.go does not begin with " + strconv.Quote(begins)
		}
	}
	for folder, what := range says {
		if what != "" {
			broken = append(broken, folder+": "+what)
		}
	}
	slices.Sort(broken)
	return broken
}

func TestUndocumentedPackagesAreFound(t *testing.T) {
	t.Parallel()
	var sources []*source
	for file, text := range map[string]string{
		"good/doc.go":       "// Package good says what it provides.\npackage good\n",
		"cmd/tool/doc.go":   "// Command tool does one thing.\npackage main\n",
		"bare/code.go":      "// Package bare is documented in the wrong file.\npackage bare\n",
		"empty/doc.go":      "package empty\n",
		"misnamed/doc.go":   "// Package other is somebody else.\npackage misnamed\n",
		"good/good_test.go": "package good_test\n",
	} {
		s, err := parse(file, []byte(text))
		require.NoError(t, err)
		sources = append(sources, s)
	}
	require.Len(t, undocumented(sources), 3)
}

func TestEveryRuleFindsItsControls(t *testing.T) {
	t.Parallel()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, r.bad, "a rule without a control may be blind")
			for i, c := range r.bad {
				require.NotEmpty(t, r.on(t, c), "bad control %d, %s, passes:\n%s", i, c.path, c.text)
			}
			for i, c := range r.good {
				require.Empty(t, r.on(t, c), "good control %d, %s, does not pass:\n%s", i, c.path, c.text)
			}
		})
	}
}

// A document that names a test or a file is checked like a link: what it promises
// to be held by something must still be held by it.
func TestDocumentsNameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	require.Empty(t, strings.Join(missing(tree(t, "../..")), "\n"))
}

var (
	namedTest = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark|Example)[A-Z]\w+`)
	namedFile = regexp.MustCompile(`\b(?:cmd|engine|actors|persistence|gateways|http|sandbox|internal|docs)/[\w/.-]+\.(?:go|sql|md|txt)\b`)
)

func missing(sources []*source) (broken []string) {
	exists := map[string]bool{}
	for _, s := range sources {
		exists[s.path] = true
		if s.syntax == nil || !s.isTest() {
			continue
		}
		for _, declared := range s.syntax.Decls {
			if function, is := declared.(*ast.FuncDecl); is {
				exists[function.Name.Name] = true
			}
		}
	}
	for _, s := range sources {
		if path.Ext(s.path) != ".md" {
			continue
		}
		for i, line := range strings.Split(s.text, "\n") {
			for _, name := range slices.Concat(namedTest.FindAllString(line, -1), namedFile.FindAllString(line, -1)) {
				if !exists[name] {
					broken = append(broken, fmt.Sprintf("%s:%d: there is no %s", s.path, i+1, name))
				}
			}
		}
	}
	return broken
}

func TestMissingNamesAreFound(t *testing.T) {
	t.Parallel()
	var sources []*source
	for file, text := range map[string]string{
		"engine/a_test.go": "package engine\n\nfunc TestIsThere() {}\n",
		"README.md":        "`TestIsThere` in engine/a_test.go; TestIsGone, engine/b.go",
	} {
		s, err := parse(file, []byte(text))
		require.NoError(t, err)
		sources = append(sources, s)
	}
	require.Len(t, missing(sources), 2)
}
