package http

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
)

const (
	// exportRowsMax bounds a table: what a spreadsheet opens without complaint, some 20 MB,
	// ten seconds of one database connection in 200 pages. Whoever needs more goes on with
	// the last id as cursor.
	exportRowsMax = 100_000
	// exportPage is how many are read, and held, at a time: 500 payments of some 4 KiB.
	exportPage = 500

	csvType = "text/csv"
)

// table is a list that is sent as CSV, page by page.
type table struct {
	server *Server
	within context.Context //nolint:containedctx // the whole export's, which outlives its handler
	read   func(ctx context.Context, before engine.ID) (engine.Page, error)
	cells  func(engine.Transaction) []string

	out    bytes.Buffer
	csv    *csv.Writer
	before engine.ID
	rows   int
	ended  bool
}

// export makes a table the call's answer.
func (s *Server) export(
	c *call, name string, columns []string, from engine.ID,
	read func(context.Context, engine.ID) (engine.Page, error), cells func(engine.Transaction) []string,
) error {
	leave, err := s.classes.export.share(c.principal)
	if err != nil {
		return err
	}
	t := &table{server: s, read: read, cells: cells, before: from}
	var cancel context.CancelFunc
	t.within, cancel = context.WithTimeout(s.base, s.cfg.Within.Export)
	t.csv = csv.NewWriter(&t.out)
	t.csv.UseCRLF = true // RFC 4180
	_ = t.csv.Write(columns)
	c.stream = &stream{kind: csvType + "; charset=utf-8; header=present", next: t.next, file: name + ".csv"}
	c.stream.atItsEnd(leave)
	c.stream.atItsEnd(cancel)
	return nil
}

// next is stream's. What goes wrong breaks the answer off: a table that ends early must
// not look like one that is whole.
func (t *table) next() ([]byte, error) {
	for {
		t.csv.Flush() // to a buffer, which takes everything
		if t.out.Len() > 0 {
			lines := bytes.Clone(t.out.Bytes())
			t.out.Reset()
			return lines, nil
		}
		if t.ended {
			return nil, io.EOF
		}
		if t.server.draining() {
			return nil, errDraining
		}
		page, err := t.read(t.within, t.before)
		if err != nil {
			return nil, err
		}
		for _, transaction := range page.Transactions {
			if t.rows == exportRowsMax {
				break
			}
			_ = t.csv.Write(harmless(t.cells(transaction)))
			t.rows++
		}
		t.before, t.ended = page.Next, page.Next.IsZero() || t.rows == exportRowsMax
	}
}

// harmless puts a quote before what a spreadsheet would take for a formula (OWASP, CSV
// injection): an id or a name is whatever its writer liked.
func harmless(cells []string) []string {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells
}

var paymentColumns = []string{
	"id", "created_at", "status", "code", "under_review", "amount", "currency", "method", "operator", "phone", "booking_id", "talent_id",
	"reference", "gateway", "paid_at", "refund_due", "hold_status", "commission", "talent_fee", "released_at", "payout_status",
}

func paymentCells(t engine.Transaction) []string {
	a, _ := t.LastAttempt()
	cells := []string{
		t.ID.Payment(), when(t.CreatedAt), string(t.Status), string(t.Code), strconv.FormatBool(t.Review != ""), francs(int64(t.Amount)),
		string(t.Currency), string(t.Method), string(t.Payer.Operator), masked(t.Payer.Phone), t.Booking, t.Talent,
		t.Reference(a).String(), string(a.Gateway), when(t.PaidAt), francs(int64(t.Owed())), "", "", "", "", "",
	}
	const hold = 16 // where hold_status is
	if h := t.Hold; h != nil {
		copy(cells[hold:], []string{string(h.Status), francs(int64(h.Commission)), francs(int64(h.TalentFee)), when(h.ReleasedAt)})
	}
	if p := t.Payout; p != nil {
		cells[len(cells)-1] = string(p.Status)
	}
	return cells
}

var payoutColumns = []string{
	"id", "payment_id", "booking_id", "talent_id", "status", "waiting", "code", "amount", "currency", "gateway", "reference", "operator",
	"phone", "due_at", "paid_at",
}

func payoutCells(t engine.Transaction) []string {
	p := payoutOf(t) // the search found it by its payout
	return []string{
		p.ID, t.ID.Payment(), t.Booking, t.Talent, string(p.Status), string(p.Waiting), string(p.Code), francs(p.Amount), string(t.Currency),
		string(t.Payout.Gateway), p.Reference, string(p.Operator), p.Phone, when(t.Payout.DueAt), when(t.Payout.PaidAt),
	}
}

func francs(n int64) string { return strconv.FormatInt(n, 10) }

// when is a time, and nothing for one that has not come.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
