package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/sandbox"
)

// plan is a kind of payer: what the phone's ending makes the gateways do, and
// what the payer does.
type plan struct {
	name     string
	share    int // of all payers, in a thousand; the shares of plans come to planShares
	operator phone.Operator
	ending   string   // "" is a number that simply pays
	codes    []string // typed when a code is asked for, in order
	page     string   // decisions on a hosted page, in order: pay, decline, cancel
	cancels  bool     // gives up once asked, and pays all the same
	again    bool     // once it ended without money: pays for the booking another way
	afterAll bool     // then pays on the old page as well
}

// The decisions on a page.
const (
	pays     = "pay"
	declines = "decline"
	cancels  = "cancel"
)

// card is no operator's.
const card = phone.Operator("")

// plans is the crowd. Whoever is not told otherwise is asked by the gateway and
// says yes.
var plans = []plan{
	{name: "Orange, types the code", share: 110, operator: phone.Orange, codes: []string{sandbox.OTP}},
	{name: "Orange, mistypes once", share: 30, operator: phone.Orange, codes: []string{"0000", sandbox.OTP}},
	{name: "Orange, mistypes every time", share: 10, operator: phone.Orange, codes: []string{"0000", "1111", "2222"}},
	{name: "Orange, never types, then another way", share: 12, operator: phone.Orange, again: true},
	{name: "Orange, pending after the code", share: 10, operator: phone.Orange, ending: "0034", codes: []string{sandbox.OTP}},
	{name: "Orange, a page after the code", share: 10, operator: phone.Orange, ending: "0035", codes: []string{sandbox.OTP}},
	{name: "Orange, refuses after the code", share: 8, operator: phone.Orange, ending: "0012", codes: []string{sandbox.OTP}},
	{name: "Orange, on the phone", share: 20, operator: phone.Orange, ending: "0028"},
	{name: "Orange, on a page", share: 10, operator: phone.Orange, ending: "0024"},
	{name: "Wave", share: 140, operator: phone.Wave},
	{name: "Wave, never answers, then another way", share: 8, operator: phone.Wave, ending: "0020", again: true},
	{name: "Wave, webhook lost", share: 15, operator: phone.Wave, ending: "0030"},
	{name: "MTN", share: 160, operator: phone.MTN},
	{name: "MTN, no funds", share: 8, operator: phone.MTN, ending: "0010"},
	{name: "MTN, wrong PIN", share: 6, operator: phone.MTN, ending: "0011"},
	{name: "MTN, refuses", share: 6, operator: phone.MTN, ending: "0012"},
	{name: "MTN, the operator is down", share: 12, operator: phone.MTN, ending: "0013"},
	{name: "MTN, paid in the answer", share: 12, operator: phone.MTN, ending: "0014"},
	{name: "MTN, never answers, then another way", share: 10, operator: phone.MTN, ending: "0020", again: true},
	{name: "MTN, slowly", share: 15, operator: phone.MTN, ending: "0021"},
	{name: "MTN, ends as a time-out", share: 8, operator: phone.MTN, ending: "0022"},
	{name: "MTN, pending", share: 8, operator: phone.MTN, ending: "0023"},
	{name: "MTN, on a page", share: 8, operator: phone.MTN, ending: "0024"},
	{name: "MTN, abandoned and paid later, paid again meanwhile", share: 14, operator: phone.MTN, ending: "0025", again: true},
	{name: "MTN, failed and paid later, paid again meanwhile", share: 14, operator: phone.MTN, ending: "0026", again: true},
	{name: "MTN, a code", share: 8, operator: phone.MTN, ending: "0027", codes: []string{sandbox.OTP}},
	{name: "MTN, the operator is down and paid later at both gateways", share: 16, operator: phone.MTN, ending: "0029"},
	{name: "MTN, webhook lost", share: 20, operator: phone.MTN, ending: "0030"},
	{name: "MTN, webhook eight times", share: 20, operator: phone.MTN, ending: "0031"},
	{name: "MTN, webhook late", share: 15, operator: phone.MTN, ending: "0032"},
	{name: "MTN, webhook with another amount", share: 14, operator: phone.MTN, ending: "0033"},
	{name: "MTN, not found at first", share: 30, operator: phone.MTN, ending: "0044"},
	{name: "MTN, cancels, pays another way and approves all the same", share: 20, operator: phone.MTN, cancels: true, again: true},
	{name: "Moov, on FedaPay's page", share: 50, operator: phone.Moov, page: pays},
	{name: "Moov, declines, then pays on the same page", share: 10, operator: phone.Moov, page: declines + " " + pays},
	{name: "Moov, breaks off", share: 6, operator: phone.Moov, page: cancels},
	{name: "card", share: 95, operator: card, page: pays},
	{name: "card, declined, then accepted", share: 10, operator: card, page: declines + " " + pays},
	{name: "card, breaks off, then another way", share: 6, operator: card, page: cancels, again: true},
	{name: "card, never, then another way, then the old page too", share: 14, operator: card, again: true, afterAll: true},
	{name: "card, cancels, pays another way and the old page too", share: 12, operator: card, cancels: true, again: true, afterAll: true},
}

// payer is one of the crowd.
type payer struct {
	plan
	n       int
	overAPI bool // through HTTP, as an app does
	booking string
	talent  string
	amount  money.Amount
	due     time.Duration // how long after now the delivery is over; 0: not told
}

// apiShare is how many in a thousand come through the real API; the others ask
// the actors in its place, which costs the machine less.
const apiShare = 60

// newPayers makes a crowd of n from the one with number first on, the same for
// the same seed.
func newPayers(dice *rand.Rand, first, n int) []payer {
	whole := 0
	for _, p := range plans {
		whole += p.share
	}
	crowd := make([]payer, n)
	for i := range crowd {
		at := first + i
		who := payer{
			n: at, booking: fmt.Sprintf("campaign-%d", at), amount: money.Amount(500 + 5*(at%2_000)),
			overAPI: dice.IntN(1_000) < apiShare, talent: talentOf(dice.IntN(1_000)),
		}
		if dice.IntN(1_000) < 90 {
			who.due = 2 * time.Second // then the hold is released, and the talent paid
		}
		roll := dice.IntN(whole)
		for _, p := range plans {
			if roll -= p.share; roll < 0 {
				who.plan = p
				break
			}
		}
		crowd[i] = who
	}
	return crowd
}

// charge is the payer's request: the first way of paying, or the other one.
func (p payer) charge(anotherWay bool, now time.Time) engine.InitiateCharge {
	c := engine.InitiateCharge{
		Principal: "platform", Booking: p.booking, Talent: p.talent, Amount: p.amount, Currency: money.XOF,
		Method: engine.MobileMoney, Payer: engine.Payer{Operator: p.operator, Email: "payer@example.ci"},
	}
	if p.due > 0 {
		c.DeliveryDueAt = now.Add(p.due - 48*time.Hour)
	}
	if p.operator == card {
		c.Method = engine.Card
		return c
	}
	ending := p.ending
	switch {
	case anotherWay && p.operator == phone.Orange: // a code was the trouble: on the phone this time
		ending = "0028"
	case anotherWay:
		ending = "9999"
	case ending == "":
		ending = fmt.Sprintf("%04d", 1_000+p.n%8_000)
	}
	// No two payers have one number and one amount at a time (R13).
	prefix := map[phone.Operator]string{phone.Orange: "07", phone.MTN: "05", phone.Wave: "01", phone.Moov: "01"}[p.operator]
	c.Payer.Phone = phone.MustParse(fmt.Sprintf("%s%04d%s", prefix, p.n%10_000, ending))
	return c
}

// trouble is what happens to payouts: a wallet's ending, and a talent's share of
// the payments in a thousand. The rest of the talents are simply paid.
var trouble = []struct {
	ending string
	share  int
}{
	{"0040", 12}, {"0041", 12}, {"0043", 12}, {"0044", 40}, {"0046", 12}, {"0047", 12}, {"0048", 12}, {"0049", 12},
}

const talentsWithoutTrouble = 24

// talentOf deals a payment to a talent.
func talentOf(roll int) string {
	for _, one := range trouble {
		if roll -= one.share; roll < 0 {
			return "T-" + one.ending
		}
	}
	return fmt.Sprintf("T-%d", roll%talentsWithoutTrouble)
}

// wallets are where the talents are paid, at first.
func wallets() map[string]engine.Wallet {
	all := map[string]engine.Wallet{}
	for i := range talentsWithoutTrouble {
		all[fmt.Sprintf("T-%d", i)] = wallet(i, "5000")
	}
	for i, one := range trouble {
		all["T-"+one.ending] = wallet(i, one.ending)
	}
	return all
}

// mended are the wallets that the talents in trouble name in the end.
func mended() map[string]engine.Wallet {
	all := map[string]engine.Wallet{}
	for i, one := range trouble {
		all["T-"+one.ending] = wallet(i, "6000")
	}
	return all
}

func wallet(i int, ending string) engine.Wallet {
	return engine.Wallet{Operator: phone.Wave, Phone: phone.MustParse(fmt.Sprintf("01%04d%s", 1_000+i, ending)), Name: "Awa"}
}
