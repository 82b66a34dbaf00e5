//go:build unix

package pgembed

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account returns who must run initdb and postgres, which both refuse to be
// root: nil means ourselves. A cluster that exists already stays with its owner,
// or PostgreSQL would refuse it once a better account is installed.
func account(data string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if info, err := os.Stat(data); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		known, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(known.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(known.Gid, 10, 32)
		if err := errors.Join(errUID, errGID); err != nil {
			return nil, fmt.Errorf("account %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a postgres nor a nobody account to run it: " +
		"add one (useradd --system postgres), or run as an ordinary user")
}

// own gives a path to the account.
func own(path string, who *syscall.Credential) error {
	if who == nil {
		return nil
	}
	return os.Lchown(path, int(who.Uid), int(who.Gid))
}

// reachable tells whether the account can enter dir and all above it, so that
// the mistake is named before PostgreSQL says only "permission denied".
func reachable(dir string, who *syscall.Credential) error {
	if who == nil {
		return nil
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	for {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !mayEnter(info, who) {
			return fmt.Errorf("%s (%s) cannot be entered by the account with uid %d that runs PostgreSQL for root: "+
				"choose a directory outside it", dir, info.Mode().Perm(), who.Uid)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

func mayEnter(info os.FileInfo, who *syscall.Credential) bool {
	mode, bit := info.Mode().Perm(), os.FileMode(0o001)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case owner.Uid == who.Uid:
			bit = 0o100
		case owner.Gid == who.Gid:
			bit = 0o010
		}
	}
	return mode&bit != 0
}
