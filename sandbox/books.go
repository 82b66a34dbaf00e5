package sandbox

import (
	"sort"
	"time"
)

// MovementKind says why money moved between the outside and an account.
type MovementKind string

// The movements. Money that leaves the account is negative.
const (
	Capture           MovementKind = "capture"             // a payer was debited
	CaptureFee        MovementKind = "capture_fee"         // the gateway's share of it
	Refund            MovementKind = "refund"              // on its way back to the payer
	RefundReturn      MovementKind = "refund_return"       // a refund that failed came back
	Transfer          MovementKind = "transfer"            // on its way to a wallet
	TransferFee       MovementKind = "transfer_fee"        // the gateway's price for it
	TransferReturn    MovementKind = "transfer_return"     // a transfer that failed or bounced came back
	TransferFeeReturn MovementKind = "transfer_fee_return" // and its price
	Settlement        MovementKind = "settlement"          // from one pot to another: its two movements come to nothing
)

// Movement is one line of an account. It is never changed or taken back: what
// undoes it is another movement. Pot names the part of the account it concerns,
// at a gateway that keeps several and does not let them be combined.
type Movement struct {
	At        time.Time    `json:"at"`
	Domain    string       `json:"domain"`
	Kind      MovementKind `json:"kind"`
	Reference string       `json:"reference"` // the client's reference of the charge or transfer; for refunds, the charge's
	Amount    int64        `json:"amount"`    // subunits; what leaves is negative
	Pot       string       `json:"pot,omitempty"`
}

// Account is a merchant's balance at a gateway, with what each reference did to
// it. It is not safe for concurrent use: its owner holds the lock of the rows
// that move with it.
type Account struct {
	float   int64
	balance int64
	totals  map[MovementKind]int64
	sums    map[sumKey]int64
	pots    map[string]int64
}

type sumKey struct {
	kind      MovementKind
	reference string
}

// NewAccount opens one with a starting float, in subunits.
func NewAccount(float int64) *Account {
	return &Account{
		float: float, balance: float, totals: map[MovementKind]int64{}, sums: map[sumKey]int64{}, pots: map[string]int64{},
	}
}

// Post books a movement.
func (a *Account) Post(m Movement) {
	a.balance += m.Amount
	a.totals[m.Kind] += m.Amount
	a.sums[sumKey{m.Kind, m.Reference}] += m.Amount
	a.pots[m.Pot] += m.Amount
}

// Balance is float + captures − fees − transfers − refunds + what came back, in
// subunits.
func (a *Account) Balance() int64 { return a.balance }

// Pot is what the movements of a pot come to. The float is in none of them.
func (a *Account) Pot(name string) int64 { return a.pots[name] }

// Sum is what movements of a kind under a reference come to.
func (a *Account) Sum(kind MovementKind, reference string) int64 {
	return a.sums[sumKey{kind, reference}]
}

// Books is what one domain (test, live) of a gateway holds at a moment, for
// checks from outside: every figure is whole subunits.
//
// Asked and Status come from the rows a client can read; the other figures are
// summed from the account's movements. Balance is kept by itself, so
// [Books.Balanced] is a claim about three independent records.
type Books struct {
	Gateway   string        `json:"gateway"`
	Domain    string        `json:"domain"`
	Currency  string        `json:"currency"`
	Subunits  int64         `json:"subunits_per_unit"` // 100 at Paystack, for XOF too
	Float     int64         `json:"float"`
	Balance   int64         `json:"balance"`
	Totals    Totals        `json:"totals"`
	Payments  []PaymentRow  `json:"payments"`
	Transfers []TransferRow `json:"transfers"`
	Refunds   []RefundRow   `json:"refunds"`
}

// Totals are the account's movements by kind, as positive figures.
type Totals struct {
	Captured      int64 `json:"captured"`
	Fees          int64 `json:"fees"`
	Refunded      int64 `json:"refunded"`       // less what came back
	Transferred   int64 `json:"transferred"`    // less what came back
	TransferFees  int64 `json:"transfer_fees"`  // less what came back
	CapturesCount int   `json:"captures_count"` // charges with money taken
}

// PaymentRow is one charge.
type PaymentRow struct {
	Reference string `json:"reference"`
	GatewayID string `json:"gateway_id"`
	Status    string `json:"status"`
	Phone     string `json:"phone,omitempty"`
	Asked     int64  `json:"asked"`
	Captured  int64  `json:"captured"`
	Fees      int64  `json:"fees"`
	Refunded  int64  `json:"refunded"`
}

// TransferRow is one transfer.
type TransferRow struct {
	Reference string `json:"reference"`
	GatewayID string `json:"gateway_id"`
	Status    string `json:"status"`
	Wallet    string `json:"wallet"`
	Asked     int64  `json:"asked"`
	Sent      int64  `json:"sent"`     // left the account
	Returned  int64  `json:"returned"` // came back
	Fees      int64  `json:"fees"`
}

// RefundRow is one refund.
type RefundRow struct {
	GatewayID string `json:"gateway_id"`
	Payment   string `json:"payment"` // the charge's reference
	Status    string `json:"status"`
	Amount    int64  `json:"amount"`
	Note      string `json:"merchant_note"`
}

// Snapshot fills in of a Books what the account knows: balance, totals, and the
// money columns of the rows the gateway has put into it.
func (a *Account) Snapshot(b Books) Books {
	b.Float, b.Balance = a.float, a.balance
	b.Totals = Totals{
		Captured:     a.totals[Capture],
		Fees:         -a.totals[CaptureFee],
		Refunded:     -a.totals[Refund] - a.totals[RefundReturn],
		Transferred:  -a.totals[Transfer] - a.totals[TransferReturn],
		TransferFees: -a.totals[TransferFee] - a.totals[TransferFeeReturn],
	}
	for i := range b.Payments {
		row := &b.Payments[i]
		row.Captured = a.Sum(Capture, row.Reference)
		row.Fees = -a.Sum(CaptureFee, row.Reference)
		row.Refunded = -a.Sum(Refund, row.Reference) - a.Sum(RefundReturn, row.Reference)
		if row.Captured != 0 {
			b.Totals.CapturesCount++
		}
	}
	for i := range b.Transfers {
		row := &b.Transfers[i]
		row.Sent = -a.Sum(Transfer, row.Reference)
		row.Returned = a.Sum(TransferReturn, row.Reference)
		row.Fees = -a.Sum(TransferFee, row.Reference) - a.Sum(TransferFeeReturn, row.Reference)
	}
	sort.Slice(b.Payments, func(i, j int) bool { return b.Payments[i].Reference < b.Payments[j].Reference })
	sort.Slice(b.Transfers, func(i, j int) bool { return b.Transfers[i].Reference < b.Transfers[j].Reference })
	return b
}

// Payment finds a charge by its reference.
func (b Books) Payment(reference string) (PaymentRow, bool) {
	i := sort.Search(len(b.Payments), func(i int) bool { return b.Payments[i].Reference >= reference })
	if i < len(b.Payments) && b.Payments[i].Reference == reference {
		return b.Payments[i], true
	}
	return PaymentRow{}, false
}

// Transfer finds a transfer by its reference.
func (b Books) Transfer(reference string) (TransferRow, bool) {
	i := sort.Search(len(b.Transfers), func(i int) bool { return b.Transfers[i].Reference >= reference })
	if i < len(b.Transfers) && b.Transfers[i].Reference == reference {
		return b.Transfers[i], true
	}
	return TransferRow{}, false
}

// Balanced reports that the balance equals the float plus the totals, and that
// the totals equal the sums of the rows: no money outside a row, no row whose
// money is not on the account.
func (b Books) Balanced() bool {
	t := b.Totals
	var rows Totals
	for _, p := range b.Payments {
		rows.Captured += p.Captured
		rows.Fees += p.Fees
		rows.Refunded += p.Refunded
	}
	for _, w := range b.Transfers {
		rows.Transferred += w.Sent - w.Returned
		rows.TransferFees += w.Fees
	}
	rows.CapturesCount = t.CapturesCount
	return rows == t && b.Balance == b.Float+t.Captured-t.Fees-t.Refunded-t.Transferred-t.TransferFees
}
