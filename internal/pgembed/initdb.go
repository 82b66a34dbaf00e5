//go:build unix

package pgembed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// versionFile is the last thing initdb writes that we rely on: the major version.
const versionFile = "PG_VERSION"

// programs chooses what will run the cluster: what made it, or the newest when
// there is none yet, obtained when there are none and the caller allows it.
func (c Config) programs(ctx context.Context, data string) (Binaries, error) {
	found, err := c.search()
	if err != nil {
		if found, err = c.obtain(ctx, err); err != nil {
			return Binaries{}, err
		}
	}
	text, err := os.ReadFile(filepath.Join(data, versionFile))
	if err != nil {
		return found[0], nil
	}
	major := strings.TrimSpace(string(text))
	for _, candidate := range found {
		if strconv.Itoa(candidate.Major) == major {
			return candidate, nil
		}
	}
	return Binaries{}, fmt.Errorf("%s was made by PostgreSQL %s, but %s is %s: install version %s, "+
		"or move the data with pg_dump, or put the directory aside to begin anew",
		data, major, found[0].Dir, found[0].Version, major)
}

// makeCluster runs initdb beside the final place and renames: a kill in the
// middle leaves nothing that looks like a cluster.
func makeCluster(ctx context.Context, config Config, programs Binaries, data string, who *syscall.Credential) error {
	base := filepath.Dir(data)
	unfinished, err := filepath.Glob(filepath.Join(base, newPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range unfinished {
		_ = os.RemoveAll(dir) // its initdb may still be dying in it; the next start tries again
	}
	fresh, err := os.MkdirTemp(base, newPrefix)
	if err != nil {
		return err
	}
	if err := own(fresh, who); err != nil {
		return err
	}
	if err := fillCluster(ctx, config, programs, fresh, who); err != nil {
		_ = os.RemoveAll(fresh) // the first error is the one to tell
		return err
	}
	if err := os.Rename(fresh, data); err != nil {
		return err
	}
	if config.Fast {
		return nil
	}
	return syncDir(base) // or a power cut could undo the rename, and with it every commit made since
}

// fillCluster copies a kept initdb when there is one, otherwise runs it, and
// keeps the result when asked to.
func fillCluster(ctx context.Context, config Config, programs Binaries, dir string, who *syscall.Credential) error {
	args := []string{"-U", superuser, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions"}
	if config.Fast {
		args = append(args, "--no-sync", "--wal-segsize=1") // 1 MB: a smaller cluster to copy
	}
	if config.InitCache == "" {
		return initdb(ctx, programs, dir, who, args)
	}
	sum := sha256.Sum256([]byte(strings.Join(args, " ")))
	kept := filepath.Join(config.InitCache, fmt.Sprintf("initdb-%s-%s-%x", programs.Version, runtime.GOARCH, sum[:4]))
	if _, err := os.Stat(kept); err == nil {
		return copyTree(kept, dir, who)
	}
	if err := initdb(ctx, programs, dir, who, args); err != nil {
		return err
	}
	if err := keep(dir, kept); err != nil {
		config.Logf("the new cluster could not be kept for the next time: %v", err)
	}
	return nil
}

func initdb(ctx context.Context, programs Binaries, dir string, who *syscall.Credential, args []string) error {
	command := exec.CommandContext(ctx, filepath.Join(programs.Dir, "initdb"), append(args, "-D", dir)...)
	command.Dir, command.Env = "/", plainEnvironment
	command.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) } // with the postgres it runs
	command.WaitDelay = killWithin
	runtime.LockOSThread() // see spawn: the thread must outlive the program
	defer runtime.UnlockOSThread()
	dieWithParent(command.SysProcAttr)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, bytes.TrimSpace(said))
	}
	return nil
}

// keep copies a finished initdb to its place in the cache. Of several processes
// doing so at once, the first to rename wins.
func keep(dir, kept string) error {
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(kept), "new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }() // gone already when it was renamed
	if err := copyTree(dir, fresh, nil); err != nil {
		return err
	}
	if err := os.Rename(fresh, kept); err != nil {
		if _, there := os.Stat(kept); there != nil {
			return err
		}
	}
	return nil
}

// copyTree copies all below from into the empty directory to, and gives it to the
// account.
func copyTree(from, to string, who *syscall.Credential) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	if who == nil {
		return nil
	}
	return filepath.WalkDir(to, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return own(path, who)
	})
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // only read
	return dir.Sync()
}
