package main

import (
	"context"
	"log/slog"

	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/pgembed"
)

// database says where the engine's PostgreSQL is.
type database struct {
	dsn     string
	private *pgembed.Server // nil when DATABASE_URL says where
}

// database finds PostgreSQL, or starts a private one that ends with the group.
// app names its directory, so that the demo never touches what serve keeps.
func (s *Settings) database(ctx context.Context, running *lifecycle.Group, app string, log *slog.Logger) (database, error) {
	if s.DatabaseURL != "" {
		return database{dsn: s.DatabaseURL}, nil
	}
	var server *pgembed.Server
	err := running.Start(ctx, lifecycle.Service{
		Name: "private PostgreSQL",
		Start: func(ctx context.Context) (err error) {
			server, err = pgembed.Start(ctx, s.privateConfig(app, log))
			return err
		},
		Stop: func(ctx context.Context) error { return server.Stop(ctx) },
	})
	if err != nil {
		return database{}, err
	}
	return database{dsn: server.DSN(app), private: server}, nil
}

func (s *Settings) privateConfig(app string, log *slog.Logger) pgembed.Config {
	return pgembed.Config{
		BaseDir: s.DataDir, App: app, Database: app, BinDir: s.PGBin, Auto: s.PGAuto, DownloadURL: s.PGDownload,
		Logf: func(format string, args ...any) { log.Info(sprintf(format, args...)) },
	}
}

// died is closed when a private PostgreSQL has ended by itself; it is never
// closed for somebody else's.
func (d database) died() <-chan struct{} {
	if d.private == nil {
		return nil
	}
	return d.private.Done()
}
