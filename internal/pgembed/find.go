//go:build unix

package pgembed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Binaries are the PostgreSQL programs of one directory.
type Binaries struct {
	Dir     string
	Version string // as "15.18"
	Major   int
	minor   int
}

// Find returns the newest PostgreSQL programs of this machine, or those of
// binDir when it is given. The error is a *NotFound.
func Find(binDir string) (Binaries, error) {
	found, err := Config{BinDir: binDir}.named().search()
	if err != nil {
		return Binaries{}, err
	}
	return found[0], nil
}

// usualPlaces are where the distributions put the server programs, most of them
// outside PATH because several versions live side by side.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
	"/usr/pgsql-*/bin",          // PostgreSQL's own RPMs
	"/usr/libexec/postgresql*",  // Alpine
	"/usr/lib64/postgresql-*/bin",
	"/usr/local/pgsql/bin", // built from source
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/opt/local/lib/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// search returns all usable programs, the newest first, never an empty list.
func (c Config) search() ([]Binaries, error) {
	places := c.places
	switch {
	case c.BinDir != "":
		places = []string{c.BinDir}
	case places == nil:
		places = append(places, usualPlaces...)
		if path, err := exec.LookPath("postgres"); err == nil {
			if real, err := filepath.EvalSymlinks(path); err == nil {
				places = append(places, filepath.Dir(real))
			}
		}
	}
	if c.BinDir == "" {
		places = append(slices.Clip(places), filepath.Join(c.downloads(), "*", "bin"))
	}
	var found []Binaries
	for _, place := range places {
		dirs, err := filepath.Glob(place)
		if err != nil {
			return nil, fmt.Errorf("search %s: %w", place, err)
		}
		for _, dir := range dirs {
			if b, err := inspect(dir); err == nil && b.Major >= OldestMajor {
				found = append(found, b)
			}
		}
	}
	if len(found) == 0 {
		return nil, &NotFound{Searched: places}
	}
	slices.SortStableFunc(found, func(a, b Binaries) int {
		return cmp.Or(cmp.Compare(b.Major, a.Major), cmp.Compare(b.minor, a.minor))
	})
	return found, nil
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)(?:\.(\d+))?`)

// answerWithin bounds "postgres --version", which takes milliseconds: more means
// a broken installation or a dead network mount.
const answerWithin = 5 * time.Second

// inspect asks the programs of dir for their version. Both must be there: some
// packages bring postgres alone.
func inspect(dir string) (Binaries, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	if info, err := os.Stat(filepath.Join(dir, "initdb")); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return Binaries{}, errors.New("no initdb")
	}
	line, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, err
	}
	match := versionLine.FindSubmatch(line)
	if match == nil {
		return Binaries{}, fmt.Errorf("unreadable version %q", line)
	}
	b := Binaries{Dir: dir}
	b.Major, _ = strconv.Atoi(string(match[1])) // digits by the pattern
	b.minor, _ = strconv.Atoi(string(match[2])) // a beta has none: 0
	b.Version = fmt.Sprintf("%d.%d", b.Major, b.minor)
	return b, nil
}
