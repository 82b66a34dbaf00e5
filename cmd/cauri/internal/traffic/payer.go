package traffic

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// payer is somebody about to pay: what they owe, how they pay, what they will do.
type payer struct {
	booking     string
	talent      string
	amount      int64 // francs
	method      string
	operator    string // none for a card
	phone       string
	codes       []string      // what they type when asked, in order
	cancels     bool          // they give up at once, pay all the same, and begin again
	confirms    bool          // they say that the performance happened
	performance time.Duration // how long after paying
	delivered   time.Duration // delivery_due_at from now; 0 = not told
}

// endings are phone endings with an outcome at the simulated gateway, and how
// often in a hundred a payer has them. The rest simply pay.
var endings = []struct {
	ending string
	share  int
}{
	{"0010", 3},  // no funds
	{"0012", 2},  // refuses
	{"0020", 2},  // never answers
	{"0030", 4},  // pays, but the webhook is lost: polling finds it
	{"0031", 12}, // pays, and the webhook comes eight times at once
}

// prefixes are the operators' own; Wave works on anybody's number.
var operators = []struct {
	method, name, prefix string
	share                int
}{
	{"mobile_money", "orange", "07", 36}, {"mobile_money", "mtn", "05", 28}, {"mobile_money", "wave", "01", 24},
	{"mobile_money", "moov", "01", 6}, {"card", "", "", 6},
}

// cancelsOf is how many in a hundred of the impatient give up and pay all the same.
const cancelsOf = 6

func newPayer(dice *rand.Rand, booking string, impatient bool) payer {
	who := payer{
		booking: booking, talent: talents[dice.IntN(len(talents))].id,
		amount:   5_000 * (1 + dice.Int64N(60)),
		confirms: dice.IntN(100) < 70, performance: time.Duration(500+dice.IntN(2500)) * time.Millisecond,
		codes: []string{"1234"},
	}
	if dice.IntN(100) < 15 {
		who.codes = []string{"0000", "1234"} // mistypes first
	}
	if !who.confirms && dice.IntN(100) < 60 {
		// Delivered 48 h ago, give or take: time will release the hold in a moment.
		who.delivered = -48*time.Hour + time.Duration(2+dice.IntN(6))*time.Second
	}
	ending := fmt.Sprintf("%04d", 1000+dice.IntN(9000))
	for roll, i := dice.IntN(100), 0; i < len(endings); i++ {
		if roll -= endings[i].share; roll < 0 {
			ending = endings[i].ending
			break
		}
	}
	roll := dice.IntN(100)
	for _, o := range operators {
		if roll -= o.share; roll < 0 {
			who.method, who.operator = o.method, o.name
			if o.prefix != "" {
				who.phone = fmt.Sprintf("%s%04d%s", o.prefix, dice.IntN(10_000), ending)
			}
			break
		}
	}
	who.cancels = impatient && dice.IntN(100) < cancelsOf
	return who
}
