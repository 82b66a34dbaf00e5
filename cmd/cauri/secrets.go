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
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bookmi/cauri/internal/lifecycle"
)

// secretsEvery is how soon a changed file counts. It is looked at, not watched: secret
// managers swap a link to a directory, which a watch of the file itself never sees.
const secretsEvery = 2 * time.Second

// rekey makes other secrets stand in one place. Every place is asked before any is
// changed: a file counts as a whole or not at all.
type rekey struct{ check, stand func(*Settings) error }

// reloader makes what the secrets file says stand, while the engine runs. A file that is
// wrong changes nothing: what stood goes on standing, with an alarm.
type reloader struct {
	given  Settings // as they were read, before the file was
	places []rekey
	log    *slog.Logger

	now    atomic.Pointer[Settings] // what stands
	tried  [32]byte                 // the last file that was wrong
	failed prometheus.Gauge
	loaded prometheus.Gauge

	stop context.CancelFunc
	done sync.WaitGroup
}

func newReloader(given, now Settings, places []rekey, log *slog.Logger, registry prometheus.Registerer) (*reloader, error) {
	r := &reloader{
		given: given, places: places, log: log,
		failed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cauri_secrets_reload_failed", Help: "1 while the secrets file is not taken: what stood before goes on standing.",
		}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cauri_secrets_loaded_timestamp_seconds", Help: "When the secrets that stand were read.",
		}),
	}
	r.now.Store(&now)
	r.loaded.SetToCurrentTime()
	for _, c := range []prometheus.Collector{r.failed, r.loaded, secretEnds{r}} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register the gauges of the secrets: %w", err)
		}
	}
	return r, nil
}

// secretEnds counts down to the end of each secret that has one: five lists of eight.
type secretEnds struct{ of *reloader }

var secretEndsIn = prometheus.NewDesc("cauri_secret_ends_in_seconds",
	"How long a secret of the file's is still valid. One that is not, or has no end, has no line.", []string{"purpose", "key"}, nil)

// Describe names the gauge.
func (secretEnds) Describe(out chan<- *prometheus.Desc) { out <- secretEndsIn }

// Collect reads what stands.
func (e secretEnds) Collect(out chan<- prometheus.Metric) {
	now := time.Now()
	for purpose, list := range e.of.now.Load().Lists {
		for _, n := range list {
			if n.Valid(now) && !n.NotAfter.IsZero() {
				out <- prometheus.MustNewConstMetric(secretEndsIn, prometheus.GaugeValue, n.NotAfter.Sub(now).Seconds(), purpose, n.ID)
			}
		}
	}
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

// look reads the file once more, and makes it stand or tells why not.
func (r *reloader) look() {
	stood := r.now.Load()
	next, faults := r.read(stood)
	if len(faults) == 0 {
		faults = r.stand(&next)
	}
	if len(faults) > 0 {
		r.refuse(next, faults)
		return
	}
	r.now.Store(&next)
	r.tried = [32]byte{}
	r.failed.Set(0)
	if next.Digest != stood.Digest {
		r.loaded.SetToCurrentTime()
		r.tell("secrets read again")
	}
}

// read completes the settings with the file. One that is as it was only lets time do its
// work: a secret whose moment has come is the newest.
func (r *reloader) read(stood *Settings) (Settings, Misconfigured) {
	next := r.given
	if faults := next.readSecrets(); len(faults) > 0 {
		return next, faults
	}
	if next.Digest == stood.Digest {
		same := *stood
		same.Open = next.Open
		same.takeIn(time.Now())
		return same, nil
	}
	next = r.given
	if err := next.complete(); err != nil {
		var wrong Misconfigured
		if !errors.As(err, &wrong) {
			wrong = Misconfigured{err.Error()}
		}
		return next, wrong
	}
	return next, next.requireAsMuch(stood)
}

// requireAsMuch refuses what another start alone can do. A list that left the file would
// give its place to an older one of the environment's: one that leaked, perhaps.
func (s *Settings) requireAsMuch(stood *Settings) (faults Misconfigured) {
	for _, purpose := range purposes {
		_, had := stood.Lists[purpose]
		if _, has := s.Lists[purpose]; had && !has {
			faults = append(faults, "CAURI_SECRETS_FILE: "+purpose+" has left it: that needs another start")
		}
	}
	if s.hasSecondDoor() != stood.hasSecondDoor() {
		faults = append(faults, "CAURI_SECRETS_FILE: "+purposeFedaPay+": a second door opens with another start alone")
	}
	return faults
}

// stand puts the secrets in their places, once every place would have them.
func (r *reloader) stand(next *Settings) Misconfigured {
	for _, way := range []func(rekey) error{
		func(place rekey) error { return place.check(next) }, func(place rekey) error { return place.stand(next) },
	} {
		for _, place := range r.places {
			if err := way(place); err != nil {
				return Misconfigured{"CAURI_SECRETS_FILE: " + err.Error()}
			}
		}
	}
	return nil
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

// tell names what stands, and no value.
func (r *reloader) tell(what string) {
	stands := r.now.Load()
	r.log.Info(what, "file", stands.SecretsFile, "ids", stands.idsOfAll(time.Now()))
	if stands.Open {
		r.log.Warn("everybody on the machine may read the secrets file: production refuses that", "file", stands.SecretsFile)
	}
}

func (s *Settings) idsOfAll(now time.Time) string {
	var out []string
	for _, purpose := range purposes {
		if ids := s.idsOf(purpose, now); ids != "" {
			out = append(out, purpose+" "+ids)
		}
	}
	return strings.Join(out, "; ")
}

// idsOf names what a list of the file's has, the newest first, and when each counts.
func (s *Settings) idsOf(purpose string, now time.Time) string {
	var ids []string
	for _, n := range s.newestFirst(purpose) {
		id := n.ID
		switch {
		case now.Before(n.NotBefore):
			id += " from " + n.NotBefore.UTC().Format(time.RFC3339)
		case !n.Valid(now):
			id += " (over)"
		case !n.NotAfter.IsZero():
			id += " until " + n.NotAfter.UTC().Format(time.RFC3339)
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, ", ")
}
