package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/bookmi/cauri/internal/lifecycle"
)

// serveApp names serve's private database and its directory.
const serveApp = "cauri"

type serveCommand struct{}

// Run serves until it is told to stop, then drains.
func (serveCommand) Run(ctx context.Context, settings *Settings, to streams) (err error) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP) // the reloader's; it must end no engine, while it starts and drains either
	defer signal.Stop(asked)
	given := *settings
	if err := settings.complete(); err != nil {
		return err
	}
	log := settings.logger(to)
	var running lifecycle.Group
	defer func() { err = errors.Join(err, running.Stop(context.WithoutCancel(ctx))) }()
	db, err := settings.database(ctx, &running, serveApp, log)
	if err != nil {
		return err
	}
	engine := newApp(*settings, settings.policy(), db.dsn, log)
	engine.given = given
	if err := engine.start(ctx, &running); err != nil {
		return err
	}
	log.Info("serving", "env", settings.Env, "api", engine.url(), "admin", engine.adminURL(), "private_database", db.private != nil)
	for {
		select {
		case <-ctx.Done():
			log.Info("stopping: what was accepted is finished first")
			return nil
		case <-db.died():
			return errors.New("the private PostgreSQL has stopped by itself: see its log")
		case <-asked:
			if settings.SecretsFile == "" {
				log.Warn("asked to read secrets again, and there are none to read: set CAURI_SECRETS_FILE")
			}
		}
	}
}
