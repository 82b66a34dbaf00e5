package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/internal/pgembed"
	"github.com/bookmi/cauri/persistence"
)

type doctorCommand struct {
	Ready bool `xor:"what" help:"Only ask a running engine whether it is ready: for a container's health check."`
	Books bool `xor:"what" help:"Only hold the database's books against themselves: every invariant. Reads whole tables."`
	JSON  bool `help:"For machines."`
}

// doctorWithin bounds each question: a person is waiting.
const doctorWithin = 5 * time.Second

// finding is one line of the doctor's.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	Do   string `json:"do,omitempty"` // what puts it right
}

// Run says what is missing, and where to get it. It exits 3 when something is.
func (c doctorCommand) Run(ctx context.Context, settings *Settings, to streams) error {
	var findings []finding
	var err error
	switch {
	case c.Ready:
		findings = []finding{settings.askReady(ctx)}
	case c.Books:
		if findings, err = settings.examineBooks(ctx, to); err != nil {
			return err
		}
	default:
		findings = append(findings, settings.examineConfiguration()...)
		findings = append(findings, settings.examineDatabase(ctx))
		findings = append(findings, settings.examineKeys(ctx, to)...)
		findings = append(findings,
			settings.examinePort(ctx, "CAURI_HTTP_ADDR", settings.HTTPAddr), settings.examinePort(ctx, "CAURI_ADMIN_ADDR", settings.AdminAddr))
	}
	healthy := true
	for _, f := range findings {
		healthy = healthy && f.OK
	}
	if c.JSON {
		if err := to.printJSON(struct {
			Healthy  bool      `json:"healthy"`
			Findings []finding `json:"findings"`
		}{healthy, findings}); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			mark := "ok     "
			if !f.OK {
				mark = "MISSING"
			}
			to.printf("%s  %-18s %s\n", mark, f.What, f.Says)
			if f.Do != "" {
				to.printf("         %-18s → %s\n", "", f.Do)
			}
		}
	}
	if !healthy {
		return broken("something is missing")
	}
	return nil
}

// examineBooks runs every invariant on one snapshot, beside a running engine.
func (s *Settings) examineBooks(ctx context.Context, to streams) (findings []finding, err error) {
	err = s.onStore(ctx, to, func(store *persistence.Store) error {
		violations, err := store.CheckInvariants(ctx)
		if err != nil {
			return err
		}
		for _, v := range violations {
			findings = append(findings, finding{
				What: "books", Says: v.Invariant + ": " + v.What, Do: "keep the database as it is, and tell the developers",
			})
		}
		if len(violations) == 0 {
			findings = []finding{{What: "books", OK: true, Says: fmt.Sprintf("%d invariants hold", len(persistence.Invariants()))}}
		}
		return nil
	})
	return findings, err
}

// broken is a check that found something: it exits 3.
type broken string

func (b broken) Error() string { return string(b) }

// ExitCode tells main what to exit with.
func (broken) ExitCode() int { return exitBroken }

func (s *Settings) examineConfiguration() []finding {
	given := *s // complete fills in what development assumes
	err := given.complete()
	var faults Misconfigured
	if !errors.As(err, &faults) {
		return s.found(given)
	}
	out := []finding{{What: "environment", OK: true, Says: string(s.Env)}}
	for _, fault := range faults {
		out = append(out, finding{What: "configuration", Says: fault})
	}
	return out
}

// found says of each setting that matters where an engine would have it from.
func (s *Settings) found(complete Settings) []finding {
	from := func(setting, purpose string, set bool) finding {
		f := finding{What: setting, OK: true, Says: "set"}
		switch {
		case len(complete.Lists[purpose]) > 0:
			f.Says = "set, by CAURI_SECRETS_FILE"
		case !set:
			f.Says = "set to the development value"
		}
		return f
	}
	second := from("FEDAPAY_SECRET_KEY", purposeFedaPay, !s.FedaPaySecretKey.IsZero())
	if !complete.hasSecondDoor() {
		second.Says = "not set: there is no second door"
	}
	api := from("CAURI_API_KEY", "", !s.APIKey.IsZero())
	if complete.APIKey.IsZero() {
		api.Says = "not set: those of cauri keys alone"
	}
	out := []finding{
		{What: "environment", OK: true, Says: string(s.Env)},
		from("PAYSTACK_SECRET_KEY", purposePaystack, !s.PaystackSecretKey.IsZero()), second, api,
		from("CAURI_KEY_PEPPERS", purposePeppers, len(s.KeyPeppers) > 0),
		from("CAURI_DATA_KEYS", "", len(s.DataKeys) > 0), from("CAURI_INDEX_KEYS", "", len(s.IndexKeys) > 0),
	}
	if s.SecretsFile != "" {
		out = append(out, finding{What: "CAURI_SECRETS_FILE", OK: true, Says: complete.idsOfAll(time.Now())})
	}
	return out
}

func (s *Settings) examineDatabase(ctx context.Context) finding {
	if s.DatabaseURL == "" {
		programs, err := pgembed.Find(s.PGBin)
		if err != nil {
			return finding{What: "PostgreSQL", Says: "no programs for a private one", Do: err.Error()}
		}
		return finding{What: "PostgreSQL", OK: true, Says: fmt.Sprintf("private, version %s, from %s", programs.Version, programs.Dir)}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorWithin)
	defer cancel()
	status, err := persistence.MigrationStatus(ctx, s.DatabaseURL)
	if err != nil {
		return finding{What: "DATABASE_URL", Says: err.Error(), Do: "is PostgreSQL 15 or newer running there, and does this account exist?"}
	}
	if status.Pending > 0 {
		return finding{What: "DATABASE_URL", Says: fmt.Sprintf("reached; %d migrations to go", status.Pending), Do: "cauri migrate up"}
	}
	faults, err := persistence.Examine(ctx, s.DatabaseURL)
	switch {
	case err != nil:
		return finding{What: "DATABASE_URL", Says: err.Error()}
	case len(faults) > 0 && s.Env == Production:
		return finding{What: "DATABASE_URL", Says: strings.Join(faults, "; "), Do: "docs/runbooks/database_roles.md"}
	}
	return finding{What: "DATABASE_URL", OK: true, Says: fmt.Sprintf("reached; schema at version %d", status.Version)}
}

// examinePort tells a free address, or one that a running engine has, from a taken one.
func (s *Settings) examinePort(ctx context.Context, name, addr string) finding {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		if _, body, e := askReadyz(ctx, "http://"+s.AdminAddr); e == nil && bytes.Contains(body, []byte(`"breakers"`)) {
			return finding{What: name, OK: true, Says: addr + " is a running engine's"}
		}
		return finding{What: name, Says: err.Error(), Do: "stop what listens there, or choose another address"}
	}
	_ = listener.Close() // it was only a question
	return finding{What: name, OK: true, Says: addr + " is free"}
}

func (s *Settings) askReady(ctx context.Context) finding {
	status, _, err := askReadyz(ctx, "http://"+s.AdminAddr)
	if err != nil {
		return finding{What: "ready", Says: err.Error(), Do: "is the engine running, with this CAURI_ADMIN_ADDR?"}
	}
	return finding{What: "ready", OK: status == http.StatusOK, Says: strconv.Itoa(status) + " " + http.StatusText(status)}
}

// answerBytesMax bounds what is read of /readyz: three dozen lines of under 300
// bytes are 11 KiB.
const answerBytesMax = 256 << 10

// askReadyz asks an engine's admin listener whether it is ready, and what it sees.
func askReadyz(ctx context.Context, address string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, doctorWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/readyz", nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read as far as we want
	body, err = io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	return response.StatusCode, body, err
}
