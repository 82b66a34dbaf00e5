//go:build !unix

package pgembed

import "context"

// Binaries are the PostgreSQL programs of one directory.
type Binaries struct {
	Dir     string
	Version string
	Major   int
}

// Find returns ErrUnsupported.
func Find(string) (Binaries, error) { return Binaries{}, ErrUnsupported }

// Start returns ErrUnsupported.
func Start(context.Context, Config) (*Server, error) { return nil, ErrUnsupported }

// Remove returns ErrUnsupported.
func Remove(string) error { return ErrUnsupported }

// Stop has nothing to stop: no server was ever started here.
func (s *Server) Stop(context.Context) error { return nil }

type apt struct{}

// DefaultBaseDir returns ErrUnsupported.
func DefaultBaseDir(string) (string, error) { return "", ErrUnsupported }

// DSN returns false: no server is ever kept here.
func (e *InUse) DSN(string) (string, bool) { return "", false }
