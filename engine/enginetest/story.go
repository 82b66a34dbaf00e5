package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// Day is the first day of every story.
var Day = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// TransactionID is the transaction of every story.
var TransactionID = engine.MustParseID("01k1234567890abcdefghjkmnp")

// column is where the arrow stands, so that a story reads as a table.
const column = 58

// Tell runs a story and returns it as it came out: equal to the input when
// every line is true.
func Tell(story string) (string, error) {
	t := teller{policy: Policy(), state: engine.Transaction{ID: TransactionID}, clock: Day}
	var out strings.Builder
	for n, line := range strings.Split(strings.TrimRight(story, "\n"), "\n") {
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "|"): // said again by the line above
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
			out.WriteString(line + "\n")
		default:
			told, err := t.line(trimmed)
			if err != nil {
				return "", fmt.Errorf("line %d: %q: %w", n+1, trimmed, err)
			}
			out.WriteString(told)
		}
	}
	return out.String(), nil
}

// Policy is what stories assume unless they say otherwise: 15 % and 48 hours.
func Policy() engine.Policy {
	p := engine.DefaultPolicy()
	p.Live = map[engine.Gateway]bool{engine.Paystack: true, engine.FedaPay: true}
	p.WalletCooling = 0 // a story that is about it says so
	return p
}

type teller struct {
	policy engine.Policy
	health engine.Health
	state  engine.Transaction
	clock  time.Time
	fresh  byte
}

func (t *teller) line(line string) (string, error) {
	said, _, _ := strings.Cut(line, " -> ")
	words := split(said)
	if words[0] == "policy" {
		return said + "\n", t.setPolicy(words[1:])
	}
	now, err := t.time(words[0])
	if err != nil {
		return "", err
	}
	if len(words) < 2 {
		return "", errors.New("a time and no command")
	}
	if done, err := t.beside(words[1:], now); done || err != nil {
		return strings.TrimRight(said, " ") + "\n", err
	}
	cmd, err := command(words[1], words[2:], &t.state, now)
	if err != nil {
		return "", err
	}
	t.fresh++
	given := engine.Given{Now: now, Fresh: engine.ID{15: t.fresh, 6: 0x70, 8: 0x80}, Policy: &t.policy, Health: t.health}
	decision, err := t.state.Decide(cmd, given)
	left := strings.TrimRight(said, " ")
	if err != nil {
		return fmt.Sprintf("%-*s -> x %s\n", column, left, engine.CodeOf(err)), nil
	}
	t.state = decision.Next
	return fmt.Sprintf("%-*s -> %s\n%s", column, left, follows(decision, now), postings(decision)), nil
}

// beside changes what stands beside the transaction: the wallet, the slot.
func (t *teller) beside(words []string, now time.Time) (bool, error) {
	switch words[0] {
	case "wallet":
		w := wallet(words[1])
		if t.state.Wallet != nil {
			w.No = t.state.Wallet.No + 1
		}
		t.state.Wallet, t.state.WalletAt, t.state.Recipients = &w, now, nil
		return true, nil
	case "recipient":
		t.state.Recipients = map[engine.Gateway]string{engine.Paystack: words[1]}
		return true, nil
	case "resting":
		t.health.Resting = nil
		for _, g := range words[1:] {
			t.health.Resting = append(t.health.Resting, engine.Gateway(g))
		}
		return true, nil
	case "down":
		t.health.Down = nil
		for _, o := range words[1:] {
			t.health.Down = append(t.health.Down, phone.Operator(o))
		}
		return true, nil
	case "prompt":
		t.state.Prompt = engine.ID{}
		if words[1] == "taken" {
			t.state.Prompt = engine.ID{15: 99}
		}
		return true, nil
	case "slot":
		t.state.Slot = engine.ID{}
		if words[1] == "taken" {
			t.state.Slot = engine.ID{15: 99}
		}
		return true, nil
	}
	return false, nil
}

func (t *teller) time(word string) (time.Time, error) {
	if after, relative := strings.CutPrefix(word, "+"); relative {
		d, err := time.ParseDuration(after)
		return t.clock.Add(d), err
	}
	at, err := time.Parse("15:04", word)
	if err != nil {
		return time.Time{}, err
	}
	t.clock = Day.Add(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute)
	return t.clock, nil
}

func (t *teller) setPolicy(words []string) error {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "commission":
			var percent float64
			if _, err := fmt.Sscanf(value, "%f%%", &percent); err != nil {
				return err
			}
			t.policy.Commission = basisPoints(percent)
		case "failover_after_quarantine":
			t.policy.FailoverAfterQuarantine = value == "yes"
		case "on": // what is off until the account shows it
			t.switchRoutes(value, "")
		case "off":
			t.switchRoutes(value, "the story says so")
		case "wallet_cooling":
			var err error
			if t.policy.WalletCooling, err = time.ParseDuration(value); err != nil {
				return err
			}
		case "release_after":
			d, err := time.ParseDuration(value)
			if err != nil {
				return err
			}
			t.policy.AutoReleaseHours = int(d.Hours())
		default:
			return fmt.Errorf("no policy is called %q", name)
		}
	}
	return nil
}

// switchRoutes turns every route that collects from an operator on or off.
func (t *teller) switchRoutes(operator, off string) {
	for i := range t.policy.Routes {
		if r := &t.policy.Routes[i]; string(r.Operator) == operator && r.Direction == engine.Collect {
			r.Off = off
		}
	}
}

// follows writes what a decision said, in the order it will be true.
func follows(d engine.Decision, now time.Time) string {
	var parts []string
	for _, m := range d.Moves {
		word := m.To
		if i := strings.LastIndexByte(m.Subject, '-'); i > 0 && (m.Machine == "attempt" || m.Machine == "try" || m.Machine == "refund") {
			word = m.Subject[i+1:] + ":" + m.To
		}
		parts = append(parts, word)
	}
	switch {
	case !d.Changed():
		parts = append(parts, "=")
	case len(d.Moves) == 0:
		parts = append(parts, "~")
	}
	for _, e := range d.Events {
		parts = append(parts, "+ "+string(e.Kind))
	}
	for _, e := range d.Effects {
		parts = append(parts, "! "+effect(e))
	}
	if d.Changed() {
		for _, due := range d.Next.Due() {
			parts = append(parts, fmt.Sprintf("? %s %s", due.Kind, due.At.Sub(now)))
		}
	}
	if owed := d.Next.Owed(); owed > 0 && d.Changed() {
		parts = append(parts, fmt.Sprintf("owes %d", owed))
	}
	return strings.Join(parts, " ")
}

func effect(e engine.Effect) string {
	about := e.Subject().Short()
	switch e := e.(type) {
	case engine.ChargeCall:
		if e.Flow == engine.Hosted {
			return fmt.Sprintf("charge %s page %s %d", e.Gateway, about, e.Amount)
		}
		return fmt.Sprintf("charge %s %s %d", e.Gateway, about, e.Amount)
	case engine.OTPCall:
		return "otp " + about
	case engine.InquireCall:
		if e.Charge != (engine.Reference{}) && e.GatewayReference != "" { // a refund is asked for by the gateway's name for it
			about += " " + e.GatewayReference
		}
		return "inquire " + about
	case engine.PayoutCall:
		return strings.TrimRight(fmt.Sprintf("payout %s %d %s", about, e.Amount, e.Recipient), " ")
	case engine.RefundCall:
		return fmt.Sprintf("refund %s %s of %s %d", e.Gateway, about, e.Charge.Short(), e.Amount)
	}
	panic("an effect nobody told stories about")
}

func postings(d engine.Decision) string {
	var b strings.Builder
	for _, j := range d.Journals {
		for pair := range slices.Chunk(j.Postings, 2) {
			fmt.Fprintf(&b, "       | %s %s: %s -> %s %d\n", j.Kind, j.Cause, pair[0].Account, pair[1].Account, pair[1].Amount)
		}
	}
	return b.String()
}

// split cuts a line at spaces, but for those between quotes.
func split(s string) []string {
	var words []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '"' {
			end := strings.IndexByte(s[1:], '"')
			if end < 0 {
				return append(words, s[1:])
			}
			words, s = append(words, s[1:end+1]), s[end+2:]
			continue
		}
		word, rest, _ := strings.Cut(s, " ")
		words, s = append(words, word), rest
	}
	return words
}
