package engine

import (
	"fmt"
	"slices"
	"strings"
)

// machine is the whole truth about one status: where it may go from where, and
// which fact each move tells subscribers. Guards, the CHECK constraints, the
// legal_moves table and the diagrams in docs are all tested against it.
type machine[S ~string] struct {
	name  string
	first S
	moves map[S]map[S]EventKind // an empty kind tells nobody; a status with no moves is terminal
}

// Move is one step of one machine: a line of a transaction's history.
type Move struct {
	Machine string // charge, attempt, hold, payout, try, refund
	Subject string // unique among all machines: 01jd…, 01jd…-c1, 01jd…-hold
	Step    int    // counts the subject's moves from 1, without a gap
	From    string // empty for the first
	To      string
	Note    string // why, for people: a code, never a phone or a secret
}

// LegalMove is a line of the table that the database holds against history.
type LegalMove struct {
	Machine, From, To string
	Emits             EventKind
}

func (m machine[S]) allows(from, to S) bool {
	if from == "" {
		return to == m.first
	}
	_, legal := m.moves[from][to]
	return legal
}

func (m machine[S]) legal() []LegalMove {
	out := []LegalMove{{m.name, "", string(m.first), ""}}
	for from, targets := range m.moves {
		for to, emits := range targets {
			out = append(out, LegalMove{m.name, string(from), string(to), emits})
		}
	}
	return out
}

func (m machine[S]) statuses() []string {
	out := make([]string, 0, len(m.moves))
	for s := range m.moves {
		out = append(out, string(s))
	}
	slices.Sort(out)
	return out
}

// mermaid draws the machine, in a stable order.
func (m machine[S]) mermaid() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stateDiagram-v2\n    [*] --> %s\n", m.first)
	for _, from := range m.statuses() {
		targets := m.moves[S(from)]
		names := make([]string, 0, len(targets))
		for to := range targets {
			names = append(names, string(to))
		}
		slices.Sort(names)
		for _, to := range names {
			if emits := targets[S(to)]; emits != "" {
				fmt.Fprintf(&b, "    %s --> %s : %s\n", from, to, emits)
				continue
			}
			fmt.Fprintf(&b, "    %s --> %s\n", from, to)
		}
		if len(targets) == 0 {
			fmt.Fprintf(&b, "    %s --> [*]\n", from)
		}
	}
	return b.String()
}

// LegalMoves lists every legal move of every machine, sorted: what the database
// is seeded with and history is checked against.
func LegalMoves() []LegalMove {
	all := slices.Concat(chargeMachine.legal(), attemptMachine.legal(), holdMachine.legal(),
		payoutMachine.legal(), tryMachine.legal(), refundMachine.legal())
	slices.SortFunc(all, func(a, b LegalMove) int {
		return strings.Compare(a.Machine+"/"+a.From+"/"+a.To, b.Machine+"/"+b.From+"/"+b.To)
	})
	return all
}

// Statuses lists the statuses of each machine by its name, sorted.
func Statuses() map[string][]string {
	return map[string][]string{
		chargeMachine.name: chargeMachine.statuses(), attemptMachine.name: attemptMachine.statuses(),
		holdMachine.name: holdMachine.statuses(), payoutMachine.name: payoutMachine.statuses(),
		tryMachine.name: tryMachine.statuses(), refundMachine.name: refundMachine.statuses(),
	}
}

// Diagram draws every machine for docs/state_machines.md.
func Diagram() string {
	var b strings.Builder
	for _, d := range []struct{ title, drawing string }{
		{"The charge, as payer and platform see it", chargeMachine.mermaid()},
		{"An attempt: one charge asked of one gateway under one reference", attemptMachine.mermaid()},
		{"The escrow hold", holdMachine.mermaid()},
		{"The payout", payoutMachine.mermaid()},
		{"A try: one sending of the payout under one reference", tryMachine.mermaid()},
		{"A refund: the giving back of what was captured once too often", refundMachine.mermaid()},
	} {
		fmt.Fprintf(&b, "## %s\n\n```mermaid\n%s```\n\n", d.title, d.drawing)
	}
	return b.String()
}
