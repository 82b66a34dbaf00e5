package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

// refused is the engine's no.
type refused struct {
	problem http.Problem
}

// Error is what is wrong and what to do, as the engine says it.
func (r refused) Error() string {
	p := r.problem
	parts := []string{fmt.Sprintf("%s (%d): %s", p.Code, p.Status, cmp.Or(p.Detail, p.DisplayText))}
	for _, field := range p.Errors {
		parts = append(parts, fmt.Sprintf("  %s: %s", field.Field, cmp.Or(field.Detail, field.Message)))
	}
	return strings.Join(parts, "\n") + "\n  request " + p.RequestID
}

// ExitCode tells what may be tried again from what may not.
func (r refused) ExitCode() int {
	if r.problem.Retryable {
		return exitTryAgain
	}
	return exitRefused
}

// badRequest is the first status that is no success.
const badRequest = 400

// ask sends a question and returns what it is answered with, JSON. It returns refused
// for every answer that is no success, and unreached for none.
func (a *api) ask(ctx context.Context, q question) ([]byte, error) {
	address := a.base + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	headers := map[string]string{"Authorization": "Bearer " + a.key, "Accept-Language": "en"}
	var body []byte
	if q.body != nil {
		var err error
		if body, err = json.Marshal(q.body); err != nil {
			return nil, err
		}
		headers["Content-Type"] = "application/json"
	}
	status, answer, err := exchange(ctx, q.method, address, headers, body)
	if err != nil || status < badRequest {
		return answer, err
	}
	var p http.Problem
	if json.Unmarshal(answer, &p) != nil || p.Code == "" {
		return nil, fmt.Errorf("%s answers %d, and not as an engine does", a.base, status)
	}
	if p.Code == engine.CodeNotAllowed && a.platforms {
		p.Detail += ": staff have keys of their own, which cauri keys new --staff makes; set CAURI_STAFF_KEY"
	}
	return nil, refused{p}
}

// show asks, and prints the answer: as it is for machines, by print for people.
func show[T any](ctx context.Context, settings *Settings, to streams, asJSON bool, q question, print func(T)) error {
	a, err := settings.api()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, q)
	if err != nil {
		return err
	}
	if asJSON {
		var out bytes.Buffer
		if err := json.Indent(&out, answer, "", "  "); err != nil {
			return err
		}
		to.printf("%s\n", strings.TrimSpace(out.String()))
		return nil
	}
	var read T
	if err := json.Unmarshal(answer, &read); err != nil {
		return fmt.Errorf("the engine's answer can't be read: is it of another version? %w", err)
	}
	print(read)
	return nil
}

// question is one request.
type question struct {
	method, path string
	query        url.Values
	body         any
}

func get(path string, query url.Values) question {
	return question{method: "GET", path: path, query: query}
}

func post(path string, body any) question {
	return question{method: "POST", path: path, body: body}
}

// filled leaves out what was not asked for.
func filled(pairs ...string) url.Values {
	out := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out.Set(pairs[i], pairs[i+1])
		}
	}
	return out
}

// paymentID reads what people copy: pay_…, or the payout's or refund's id, which has the
// same letters.
func paymentID(text string) (string, error) {
	for _, prefix := range []string{engine.PaymentPrefix, engine.PayoutPrefix, engine.RefundPrefix} {
		if id, err := engine.ParsePublicID(prefix, text); err == nil {
			return id.Payment(), nil
		}
	}
	return "", misused("no payment's id: pay_, pyt_ or rfd_ and 26 characters after it")
}

// columns prints lines under each other.
type columns struct{ out *tabwriter.Writer }

func (s streams) columns(names ...string) columns {
	c := columns{tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)}
	c.line(names...)
	return c
}

// line writes one. What stands in a cell is somebody's words: it moves no cursor.
func (c columns) line(cells ...string) {
	plain := func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}
	for i := range cells {
		cells[i] = strings.Map(plain, cells[i])
	}
	_, _ = fmt.Fprintln(c.out, strings.Join(cells, "\t")) // as printf
}

func (c columns) end() { _ = c.out.Flush() } // as printf

// moment is a time for people, and nothing for none.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
