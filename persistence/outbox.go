package persistence

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine"
)

// payload is an event as subscribers will read it: the words of the API, whole
// francs, RFC 3339 in UTC, what is null left out.
type payload struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	Payment    string    `json:"payment_id"`
	Seq        int       `json:"seq"`
	At         time.Time `json:"occurred_at"`
	Booking    string    `json:"booking_id"`
	Talent     string    `json:"talent_id"`
	Amount     int64     `json:"amount"`
	Currency   string    `json:"currency"`
	Commission int64     `json:"commission,omitempty"`
	TalentFee  int64     `json:"talent_fee,omitempty"`
	Reference  string    `json:"reference,omitempty"`
	Code       string    `json:"code,omitempty"`
}

func eventPayload(e engine.Event) ([]byte, error) {
	text, err := json.Marshal(payload{
		ID: e.ID.Event(), Type: string(e.Kind), Payment: e.Transaction.Payment(), Seq: e.Seq, At: e.At.UTC(),
		Booking: e.Booking, Talent: e.Talent, Amount: int64(e.Amount), Currency: string(e.Currency),
		Commission: int64(e.Commission), TalentFee: int64(e.TalentFee), Reference: e.Reference.String(), Code: string(e.Code),
	})
	if err != nil {
		return nil, fmt.Errorf("event %s of %s: %w", e.Kind, e.Transaction, err)
	}
	return text, nil
}
