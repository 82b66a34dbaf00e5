//go:build unix

package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// An installation downloads 17 MB and unpacks 54; a download about 20 MB. Ten
// minutes allow for a slow line and for others who install at the same time.
const obtainWithin = 10 * time.Minute

// obtain gets PostgreSQL onto a machine that has none: a download when there is
// somewhere to download from, else the distribution's package when root may
// install it. missing is the search's error, which grows by what was tried.
func (c Config) obtain(ctx context.Context, missing error) ([]Binaries, error) {
	if !c.Auto || c.BinDir != "" {
		return nil, missing
	}
	ctx, cancel := context.WithTimeout(ctx, obtainWithin)
	defer cancel()
	unlock, err := c.lockObtaining(ctx)
	if err != nil {
		return nil, errors.Join(missing, err)
	}
	defer unlock()

	var tried []error
	for _, way := range []func(context.Context) error{
		func(context.Context) error { return nil }, // another process may have just got it
		c.download,
		c.install,
	} {
		err := way(ctx)
		if errors.Is(err, errNotHere) {
			continue
		}
		if err != nil {
			c.Logf("%v", err)
			tried = append(tried, err)
			continue
		}
		found, err := c.search()
		if err == nil {
			return found, nil
		}
		missing = err
	}
	var notFound *NotFound
	if errors.As(missing, &notFound) {
		notFound.Tried = errors.Join(tried...)
	}
	return nil, missing
}

// errNotHere says that a way of obtaining does not apply to this machine.
var errNotHere = errors.New("not applicable here")

// lockObtaining lets one process at a time download or install: test binaries
// start several at once.
func (c Config) lockObtaining(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(c.CacheDir, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(c.CacheDir, "obtain.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = until(ctx, func() (bool, error) {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("wait for another process that is getting PostgreSQL: %w", err)
	}
	return func() { _ = lock.Close() }, nil
}

// apt is Debian's and Ubuntu's package manager.
type apt struct {
	program     string // apt-get
	clusterConf string // what pg_createcluster, run by the package, reads
	run         func(ctx context.Context, program string, args ...string) error
}

func (c Config) install(ctx context.Context) error {
	installer := c.apt
	if installer == nil {
		program, err := exec.LookPath("apt-get")
		if err != nil || os.Geteuid() != 0 {
			return errNotHere
		}
		installer = &apt{program: program, clusterConf: "/etc/postgresql-common/createcluster.conf", run: runQuietly}
	}
	c.Logf("PostgreSQL is not installed: installing the distribution's package with %s (about 17 MB to fetch). "+
		"CAURI_PG_AUTO=0 prevents this.", installer.program)
	if err := installer.postgresql(ctx, c.Logf); err != nil {
		return fmt.Errorf("install PostgreSQL: %w", err)
	}
	c.Logf("PostgreSQL is installed; no cluster or service of the system was made.")
	return nil
}

// postgresql installs the package without the cluster and the service that it
// would otherwise make: we want the programs only.
func (a apt) postgresql(ctx context.Context, logf func(string, ...any)) error {
	if err := a.forbidMainCluster(); err != nil {
		return err
	}
	install := []string{"install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "postgresql"}
	err := a.run(ctx, a.program, install...)
	if err == nil {
		return nil
	}
	// No package lists, as in a fresh container, or ones that name what the mirror no longer has.
	logf("refreshing the package lists first (apt-get update)")
	if err := a.run(ctx, a.program, "update"); err != nil {
		return err
	}
	return a.run(ctx, a.program, install...)
}

var mainClusterLine = regexp.MustCompile(`(?m)^[ \t]*create_main_cluster[ \t]*=.*$`)

// forbidMainCluster writes create_main_cluster = false where the package reads
// it, and leaves every other line of the file as it is.
func (a apt) forbidMainCluster() error {
	const line = "create_main_cluster = false"
	before, err := os.ReadFile(a.clusterConf)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	text := string(before)
	switch {
	case mainClusterLine.MatchString(text):
		text = mainClusterLine.ReplaceAllString(text, line)
	case text == "" || strings.HasSuffix(text, "\n"):
		text += line + "\n"
	default:
		text += "\n" + line + "\n"
	}
	if err := os.MkdirAll(filepath.Dir(a.clusterConf), 0o755); err != nil {
		return err
	}
	return os.WriteFile(a.clusterConf, []byte(text), 0o644)
}

// runQuietly runs a package manager that may ask nothing; what it said is kept
// for the error. UCF_FORCE_CONFFOLD: the file of forbidMainCluster stays.
func runQuietly(ctx context.Context, program string, args ...string) error {
	command := exec.CommandContext(ctx, program, args...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1", "LC_ALL=C")
	command.WaitDelay = killWithin
	said, err := command.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(program), args[0], err, strings.Join(lines[max(0, len(lines)-3):], "; "))
	}
	return nil
}
