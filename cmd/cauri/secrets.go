package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/secret"
)

// secretsEvery is how soon a changed file counts. It is looked at, not watched: secret
// managers swap a link to a directory, which a watch of the file itself never sees.
const secretsEvery = 2 * time.Second

// reloader makes what the secrets file says stand, while the engine runs. A file that is
// wrong changes nothing: what stood goes on standing, with an alarm.
type reloader struct {
	given Settings // as they were read, before the file was
	stand func(*Settings) error
	log   *slog.Logger

	now    Settings // what stands
	tried  [32]byte // the last file that was wrong
	failed prometheus.Gauge
	loaded prometheus.Gauge

	stop context.CancelFunc
	done sync.WaitGroup
}

func newReloader(given, now Settings, stand func(*Settings) error, log *slog.Logger, registry prometheus.Registerer) (*reloader, error) {
	r := &reloader{
		given: given, now: now, stand: stand, log: log,
		failed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cauri_secrets_reload_failed", Help: "1 while the secrets file is not taken: what stood before goes on standing.",
		}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cauri_secrets_loaded_timestamp_seconds", Help: "When the secrets that stand were read.",
		}),
	}
	r.loaded.SetToCurrentTime()
	for _, c := range []prometheus.Collector{r.failed, r.loaded} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register the gauges of the secrets: %w", err)
		}
	}
	return r, nil
}

func (r *reloader) service() lifecycle.Service {
	return lifecycle.Service{Name: "secrets", Start: r.Start, Stop: r.Stop}
}

// Start looks again and again, and at once on SIGHUP.
func (r *reloader) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background()) // Stop's to end, not the starter's
	r.stop = cancel
	asked := make(chan os.Signal, 1) // many at once are one
	signal.Notify(asked, syscall.SIGHUP)
	r.done.Go(func() {
		defer signal.Stop(asked)
		pace := time.NewTicker(secretsEvery)
		defer pace.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-asked:
				r.tried = [32]byte{} // who asks is told again what is wrong
			case <-pace.C:
			}
			r.look()
		}
	})
	return nil
}

// Stop ends it.
func (r *reloader) Stop(context.Context) error {
	r.stop()
	r.done.Wait()
	return nil
}

// look reads the file once more. One that is as it was only lets time do its work: a
// secret whose moment has come is the newest.
func (r *reloader) look() {
	next := r.given
	faults := next.readSecrets()
	same := len(faults) == 0 && next.Digest == r.now.Digest
	if same {
		next = r.now
		next.takeIn(time.Now())
	} else if len(faults) == 0 {
		next = r.given
		if err := next.complete(); err != nil {
			var wrong Misconfigured
			if !errors.As(err, &wrong) {
				wrong = Misconfigured{err.Error()}
			}
			faults = wrong
		}
	}
	if len(faults) == 0 {
		if err := r.stand(&next); err != nil {
			faults = Misconfigured{"CAURI_SECRETS_FILE: " + err.Error()}
		}
	}
	if len(faults) > 0 {
		r.refuse(next, faults)
		return
	}
	if !same {
		r.loaded.SetToCurrentTime()
		r.log.Info("secrets read again", "ids", idsOf(next.Lists))
	}
	r.now, r.tried = next, [32]byte{}
	r.failed.Set(0)
}

// refuse tells once of each wrong file.
func (r *reloader) refuse(wrong Settings, faults Misconfigured) {
	r.failed.Set(1)
	what := wrong.Digest
	if what == ([32]byte{}) {
		what[0] = 1 // it can't be read at all
	}
	if what != r.tried {
		r.log.Error("the secrets file is not taken: what stood before goes on standing", "faults", strings.Join(faults, "; "))
	}
	r.tried = what
}

// idsOf names what is there, and no value.
func idsOf(lists map[string][]secret.Named) string {
	var out []string
	for _, purpose := range purposes {
		var ids []string
		for _, n := range lists[purpose] {
			ids = append(ids, n.ID)
		}
		if len(ids) > 0 {
			out = append(out, purpose+" "+strings.Join(ids, ","))
		}
	}
	return strings.Join(out, "; ")
}
